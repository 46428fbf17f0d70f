package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"stackhook/handlers"
	"stackhook/models"
)

// maxFaults is how many faults of a body are told: enough to mend it, and a million of them make no answer of megabytes.
const maxFaults = 20

// checkJSON checks a body in one pass. It refuses what encoding/json lets pass or changes without a word: text that is not
// UTF-8 or has something after the value (400), keys that are repeated, null, numbers that are not whole, and halves of
// surrogate pairs (422); and what the schema does not allow, see json_schema.go. Nothing that it says holds a value that
// was sent.
func checkJSON(text []byte, s schema) error {
	if !utf8.Valid(text) {
		return &handlers.Problem{Status: http.StatusBadRequest, Detail: "The body is not valid UTF-8, which JSON must be."}
	}
	if !json.Valid(text) { // it also bounds how deep the values nest
		return &handlers.Problem{Status: http.StatusBadRequest, Detail: "The body is not one JSON value."}
	}
	c := jsonChecker{text: text}
	c.value(s)
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
func (c *jsonChecker) value(s schema) {
	switch c.peek() {
	case '{':
		c.object(c.typed(s, huma.TypeObject))
	case '[':
		s = c.typed(s, huma.TypeArray)
		n := 0
		for c.at++; c.peek() != ']'; c.skip(',') {
			c.value(s.items())
			n++
		}
		c.at++
		c.count(s, n)
	case '"':
		s = c.typed(s, huma.TypeString)
		text := c.quoted()
		if halfSurrogate(text) {
			c.fault("holds half of a surrogate pair, which is no character")
		}
		c.word(s, text)
	case 'n':
		c.name()
		c.fault("must not be null: leave the field out")
	case 't', 'f':
		c.name()
		c.typed(s, huma.TypeBoolean)
	default:
		s = c.typed(s, huma.TypeInteger)
		n, err := strconv.ParseInt(string(c.name()), 10, 64)
		if err != nil {
			c.fault("numbers here are whole, and have at most 64 bits")
			return
		}
		c.number(s, n)
	}
}

func (c *jsonChecker) object(s schema) {
	var seen keys
	for c.at++; c.peek() != '}'; c.skip(',') {
		key := unquoted(c.quoted())
		c.path = append(c.path, key)
		if !seen.add(key) {
			c.fault("must be there only once")
		}
		c.skip(':')
		c.value(c.property(s, key))
		c.path = c.path[:len(c.path)-1]
	}
	c.at++
	for _, key := range s.required() {
		if !seen.has(key) {
			c.path = append(c.path, key)
			c.fault("must be there")
			c.path = c.path[:len(c.path)-1]
		}
	}
}

// keys are those of one object. Few are looked through faster than found in a map, of which a body of a million needs one.
type keys struct {
	few  []string
	many map[string]bool
}

func (k *keys) has(key string) bool { return slices.Contains(k.few, key) || k.many[key] }

// add reports whether the key is new.
func (k *keys) add(key string) bool {
	if k.has(key) {
		return false
	}
	if len(k.few) < 16 {
		k.few = append(k.few, key)
		return true
	}
	if k.many == nil {
		k.many = map[string]bool{}
	}
	k.many[key] = true
	return true
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

// name returns the next number, true, false or null.
func (c *jsonChecker) name() []byte {
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
	if len(c.faults) < maxFaults {
		c.faults.Add(location(cmp.Or(strings.Join(c.path, "."), "body")), "%s", message)
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
