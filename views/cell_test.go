package views

import (
	"strings"
	"testing"
)

func TestCellIsNeverAFormula(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "",
		"plain":                           "plain",
		"a=b+c-d@e":                       "a=b+c-d@e",
		"Ünïcode — “quoted”, 日本":          "Ünïcode — “quoted”, 日本",
		"'quoted":                         "'quoted",
		"=1+1":                            "'=1+1",
		"+1":                              "'+1",
		"-1":                              "'-1",
		"@SUM(A1)":                        "'@SUM(A1)",
		"\t=1":                            "'\t=1",
		"\r=1":                            "'␍=1",
		"\n=1":                            "'\n=1",
		"\r\n=1":                          "'\n=1",
		"＝1+1":                            "'＝1+1",
		"＋1":                              "'＋1",
		"－1":                              "'－1",
		"＠SUM(A1)":                        "'＠SUM(A1)",
		"﹦1":                              "'﹦1",
		"  =1":                            "'  =1",
		"\u00a0=1":                        "'\u00a0=1",
		"\u200b=1":                        `'\u200B=1`,
		"\ufeff=1":                        `'\uFEFF=1`,
		"\u202e=1":                        `'\u202E=1`,
		"\x00=1":                          `'␀=1`,
		"\xff=1":                          `\xFF=1`,
		"\x00 \x1b[31m red \x9b0m\x07":    `␀ ␛[31m red \x9B0m␇`,
		"gnirts\u202e\u2066":              `gnirts\u202E\u2066`,
		"two\nlines\ttab \"and\" a,comma": "two\nlines\ttab \"and\" a,comma",
	} {
		if got := Cell(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if long := strings.Repeat("x", 16<<10); Cell(long) != long {
		t.Error("a long text is not kept")
	}
}
