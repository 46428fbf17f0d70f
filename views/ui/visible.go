package ui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible makes a text from outside safe to look at: what would hide, reorder or overwrite what is read is written out.
// Control characters become their pictures (ESC is ␛), bidirectional and other invisible marks and bytes that are not
// UTF-8 become escapes (\u202E, \xFF). Line breaks and tabs stay. HTML is not its business: templates escape that.
func Visible(text string) string {
	if !needsEscape(text) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02X`, text[i])
		case r == '\r' && strings.HasPrefix(text[i+1:], "\n"):
			// CRLF is a line break like LF.
		case hidden(r):
			out.WriteString(picture(r))
		default:
			out.WriteRune(r)
		}
		i += size
	}
	return out.String()
}

// VisibleLine is Visible for a place that has one line, such as a header: line breaks and tabs are written out as well.
func VisibleLine(text string) string {
	return strings.NewReplacer("\r", "␍", "\n", "␊", "\t", "␉").Replace(Visible(text))
}

func needsEscape(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, hidden)
}

// hidden reports what does not show by itself. Blanks of other widths do, if faintly; soft hyphens, joiners, variation
// selectors for emoji and the like belong to ordinary writing and can at most change how a single word looks.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return true
	}
	return r == '\u2028' || r == '\u2029' || r == '\u200B' || r == '\u2060' || r == '\uFEFF' || r >= 0xE0000 && r <= 0xE007F
}

func picture(r rune) string {
	switch {
	case r < ' ':
		return string('␀' + r) // U+2400 on: one picture for each
	case r == 0x7F:
		return "␡"
	case r > 0xFFFF:
		return fmt.Sprintf(`\U%08X`, r)
	}
	return fmt.Sprintf(`\u%04X`, r)
}
