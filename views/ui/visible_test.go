package ui

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                          "",
		"plain – text, 日本語 🙂":       "plain – text, 日本語 🙂",
		"a\tb\nc":                   "a\tb\nc",
		"a\r\nb":                    "a\nb",
		"a\r\nb\x00":                "a\nb␀",
		"over\rwritten":             "over␍written",
		"\x1b[31mred\x1b[0m":        "␛[31mred␛[0m",
		"\x00\x07\x08\x7f":          "␀␇␈␡",
		"a\u0085b\u009b":            `a\u0085b\u009B`,
		"user\u202Etxt.exe":         `user\u202Etxt.exe`,
		"\u2066x\u2069\u200f\u061c": `\u2066x\u2069\u200F\u061C`,
		"a\u2028b\u2029":            `a\u2028b\u2029`,
		"zero\u200bwidth\ufeff":     `zero\u200Bwidth\uFEFF`,
		"tag\U000E0041":             `tag\U000E0041`,
		"bad\xffutf8\xc3":           `bad\xFFutf8\xC3`,
		"\ufffd":                    "\ufffd",
		"<script>":                  "<script>",
	} {
		if got := Visible(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestVisibleLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a": "a", "a\nb": "a␊b", "a\tb": "a␉b", "a\rb": "a␍b", "\x1b": "␛",
	} {
		if got := VisibleLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Whatever comes in, what goes out is UTF-8 in which nothing hides, and needs no second turn.
func FuzzVisible(f *testing.F) {
	for _, seed := range []string{"", "a\r\nb", "\xff\x1b\u202e", strings.Repeat("é\xc3", 9)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := Visible(in)
		if !utf8.ValidString(out) || strings.ContainsFunc(out, hidden) {
			t.Errorf("%q became %q", in, out)
		}
		if again := Visible(out); again != out {
			t.Errorf("%q became %q, then %q", in, out, again)
		}
	})
}
