package models

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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

// CleanLine makes a text from elsewhere one line of at most so many characters, as a report must have it: line breaks become blanks,
// what hasControl finds goes, and so does what is too long.
func CleanLine(text string, most int) string {
	runes := []rune(strings.TrimSpace(clean(text, false)))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

// CleanText is CleanLine for a text of several lines, with at most so many bytes.
func CleanText(text string, most int) string {
	text = strings.TrimSpace(clean(text, true))
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// clean makes a text valid, and takes out what hasControl finds but, where it may have lines, line breaks and tabs.
func clean(text string, lines bool) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return r
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
}
