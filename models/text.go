package models

import "unicode"

// hasControl reports control characters, line and paragraph separators, and the bidirectional overrides that make a
// text read differently from what it is ("Trojan Source", CVE-2021-42574).
func hasControl(text string) bool {
	for _, r := range text {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return true
		}
	}
	return false
}
