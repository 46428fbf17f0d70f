package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"stackhook/handlers"
	"stackhook/models"
)

// maxFaults is how many faults of a body are told: enough to mend it, and a million of them make no answer of megabytes.
const maxFaults = 20

// checkJSON refuses what encoding/json lets pass or changes without a word: text that is not UTF-8 or has something after
// the value (400), keys that are repeated, null, numbers that are not whole, and halves of surrogate pairs (422). Which
// keys and types there may be is the library's to check. Nothing that it says holds a value that was sent.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return &handlers.Problem{Status: http.StatusBadRequest, Detail: "The body is not valid UTF-8, which JSON must be."}
	}
	if !json.Valid(text) { // it also bounds how deep the values nest
		return &handlers.Problem{Status: http.StatusBadRequest, Detail: "The body is not one JSON value."}
	}
	c := jsonChecker{text: text, tokens: json.NewDecoder(bytes.NewReader(text))}
	c.tokens.UseNumber()
	c.value("")
	return c.faults.Err()
}

// jsonChecker walks through a text that is valid JSON.
type jsonChecker struct {
	text   []byte
	tokens *json.Decoder
	faults models.Invalid
}

// next returns the next token and its bytes, with what separates it from the one before.
func (c *jsonChecker) next() (json.Token, []byte) {
	from := c.tokens.InputOffset()
	token, _ := c.tokens.Token() // the text is valid
	return token, c.text[from:c.tokens.InputOffset()]
}

func (c *jsonChecker) value(path string) {
	token, text := c.next()
	switch token := token.(type) {
	case json.Delim:
		c.inside(token, path)
		c.next() // the closing bracket
	case json.Number:
		if _, err := strconv.ParseInt(token.String(), 10, 64); err != nil {
			c.fault(path, "numbers here are whole, and have at most 64 bits")
		}
	case string:
		if halfSurrogate(text) {
			c.fault(path, "holds half of a surrogate pair, which is no character")
		}
	case nil:
		c.fault(path, "must not be null: leave the field out")
	}
}

func (c *jsonChecker) inside(bracket json.Delim, path string) {
	seen := map[string]bool{}
	for c.tokens.More() {
		at := path
		if bracket == '{' {
			token, _ := c.next()
			key, _ := token.(string)
			at = strings.TrimPrefix(path+"."+key, ".")
			if seen[key] {
				c.fault(at, "must be there only once")
			}
			seen[key] = true
		}
		c.value(at)
	}
}

func (c *jsonChecker) fault(path, message string) {
	if path == "" {
		path = "body"
	}
	if len(c.faults) < maxFaults {
		c.faults.Add(path, "%s", message)
	}
}

// halfSurrogate reports an escape such as \ud800 without its other half. The decoder would put U+FFFD in its place, and
// what is stored, signed and shown would not be what was sent.
func halfSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		text = text[i:]
		if text[1] != 'u' {
			text = text[2:]
			continue
		}
		r := escaped(text)
		text = text[6:]
		if !utf16.IsSurrogate(r) {
			continue
		}
		if !bytes.HasPrefix(text, []byte(`\u`)) || utf16.DecodeRune(r, escaped(text)) == utf8.RuneError {
			return true
		}
		text = text[6:]
	}
}

// escaped returns the code unit of the escape that the text begins with, as in \u00e9.
func escaped(text []byte) rune {
	r, _ := strconv.ParseUint(string(text[2:6]), 16, 16) // the text is valid
	return rune(r)
}
