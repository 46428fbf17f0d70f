package web

import (
	"bytes"
	"cmp"
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
	c := jsonChecker{text: text}
	c.value()
	return c.faults.Err()
}

// jsonChecker walks through a text that is valid JSON, which spares it every other check.
type jsonChecker struct {
	text   []byte
	at     int      // the next byte
	path   []string // the keys that lead there
	faults models.Invalid
}

// value walks through the next value.
func (c *jsonChecker) value() {
	switch c.peek() {
	case '{':
		c.object()
	case '[':
		for c.at++; c.peek() != ']'; c.skip(',') {
			c.value()
		}
		c.at++
	case '"':
		if halfSurrogate(c.quoted()) {
			c.fault("holds half of a surrogate pair, which is no character")
		}
	case 'n':
		c.word()
		c.fault("must not be null: leave the field out")
	case 't', 'f':
		c.word()
	default:
		if _, err := strconv.ParseInt(string(c.word()), 10, 64); err != nil {
			c.fault("numbers here are whole, and have at most 64 bits")
		}
	}
}

func (c *jsonChecker) object() {
	seen := map[string]bool{}
	for c.at++; c.peek() != '}'; c.skip(',') {
		key := unquoted(c.quoted())
		c.path = append(c.path, key)
		if seen[key] {
			c.fault("must be there only once")
		}
		seen[key] = true
		c.skip(':')
		c.value()
		c.path = c.path[:len(c.path)-1]
	}
	c.at++
}

// peek returns the next byte that is not white space.
func (c *jsonChecker) peek() byte {
	for isSpace(c.text[c.at]) {
		c.at++
	}
	return c.text[c.at]
}

// skip passes a separator, if it is there.
func (c *jsonChecker) skip(separator byte) {
	if c.peek() == separator {
		c.at++
	}
}

// quoted returns the next string as it is written.
func (c *jsonChecker) quoted() []byte {
	c.peek()
	from := c.at
	for c.at++; c.text[c.at] != '"'; c.at++ {
		if c.text[c.at] == '\\' {
			c.at++
		}
	}
	c.at++
	return c.text[from:c.at]
}

// word returns the next number or name.
func (c *jsonChecker) word() []byte {
	from := c.at
	for c.at < len(c.text) && !isSpace(c.text[c.at]) && bytes.IndexByte([]byte(",]}"), c.text[c.at]) < 0 {
		c.at++
	}
	return c.text[from:c.at]
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\r' || b == '\t' }

// unquoted returns the key that a string is: it can be written in many ways.
func unquoted(text []byte) (key string) {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1])
	}
	_ = json.Unmarshal(text, &key) // it is valid
	return key
}

func (c *jsonChecker) fault(message string) {
	path := cmp.Or(strings.Join(c.path, "."), "body")
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
