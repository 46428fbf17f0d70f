package views

import (
	"strings"
	"unicode"

	"stackhook/views/ui"
)

// Cell is a text from outside as a cell of a CSV file. Spreadsheets take a text that begins with certain signs, in either
// width, for a formula, and run it: an apostrophe in front makes it text again. Blanks before the sign, and what does not
// show, are no protection: some spreadsheets drop them. What would hide or reorder the rest is written out, as on pages.
func Cell(text string) string {
	begin := strings.TrimLeftFunc(text, func(r rune) bool {
		return r != '\t' && r != '\r' && r != '\n' && (unicode.IsSpace(r) || !unicode.IsGraphic(r))
	})
	cell := ui.Visible(text)
	if begin != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠﹢﹣﹦﹫", []rune(begin)[0]) {
		return "'" + cell
	}
	return cell
}
