package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"stackhook/handlers"
	"stackhook/models"
)

func TestStrictJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{ // the location of the fault, "400" for no JSON, "" for fine
		`{}`:                            "",
		` [1, "a", true, {"b":[]}] `:    "",
		`{"a":1,"b":{"a":1}}`:           "",
		`-9223372036854775808`:          "",
		`"\ud83d\ude00 \\ud800 \u00e9"`: "",
		``:                              "400",
		`{} {}`:                         "400",
		`{"a":1,}`:                      "400",
		"\"\xff\"":                      "400",
		"\ufeff{}":                      "400",
		`NaN`:                           "400",
		`{"a":1,"a":1}`:                 "a",
		`{"a":{"b":1,"b":1}}`:           "a.b",
		`{"a\u0062":1,"ab":1}`:          "ab",
		`{"a":[{"b":null}]}`:            "a.b",
		`null`:                          "body",
		`{"a":1.0}`:                     "a",
		`{"a":1e2}`:                     "a",
		`{"a":9223372036854775808}`:     "a",
		`{"a":"\ud800"}`:                "a",
		`{"a":"\ud800\ud800"}`:          "a",
		`{"a":"\ude00\ud83d"}`:          "a",
		`{"a":"\\\ud800"}`:              "a",
	} {
		err := checkJSON([]byte(text), schema{})
		got := ""
		if invalid, is := errors.AsType[models.Invalid](err); is {
			got = invalid[0].Field
		} else if err != nil && handlers.Status(err) == http.StatusBadRequest {
			got = "400"
		}
		if got != want {
			t.Errorf("%s: at %q, want %q: %v", text, got, want, err)
		}
	}
	if invalid, _ := errors.AsType[models.Invalid](checkJSON([]byte("["+strings.Repeat("null,", 1000)+"1]"), schema{})); len(invalid) != maxFaults {
		t.Errorf("%d faults are told", len(invalid))
	}
}

// What passes is JSON whose texts come out of the decoder as they went in.
func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"b",{}],"c":-2}`, `"\ud83d\ude00\\ud800"`, `{"a":1,"a":2}`, `[null]`, "\"\xff\"", `{"a":"\ud800"}`, "\ufffd", `"\ufffd"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := checkJSON(text, schema{}); err != nil {
			if status := handlers.Status(err); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
				t.Errorf("%q is answered %d", text, status)
			}
			return
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatalf("%q passes: %v", text, err)
		}
		out, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		replaced := bytes.Contains(out, []byte("\ufffd")) || bytes.Contains(out, []byte(`\ufffd`))
		sent := bytes.Contains(text, []byte("\ufffd")) || bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`))
		if replaced && !sent {
			t.Errorf("%q is changed to %q", text, out)
		}
	})
}
