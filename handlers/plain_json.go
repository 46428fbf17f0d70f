package handlers

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// plainJSON is a value as JSON in which every character shows: those that a terminal or an editor would obey, or not
// show, are escapes. It is the same value; bytes that are not UTF-8 become U+FFFD, since JSON has no others.
func plainJSON(value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	if !strings.ContainsFunc(string(text), unshown) {
		return text, nil
	}
	var out strings.Builder
	for _, r := range string(text) { // outside strings it is ASCII that shows
		switch {
		case !unshown(r):
			out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return []byte(out.String()), nil
}

func unshown(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }
