package views

import (
	"cmp"
	"strings"

	"stackhook/models"
	"stackhook/views/ui"
)

// How much of what a pipeline wrote a place has room for, in characters. All of it is in the payload.
const (
	longestTitle  = 120 // a commit's first line should have 72
	longestBy     = 60
	longestBranch = 32
)

// RunTitle is what a run is called: the first line of its commit message or, without one, its id.
func RunTitle(r models.Run) string {
	first, _, _ := strings.Cut(strings.TrimSpace(r.Commit.Message), "\n")
	if first = ui.VisibleLine(strings.TrimSpace(first)); first != "" {
		return cut(first, longestTitle)
	}
	return "Run " + ShortID(r.ID)
}

// runBy is who or what made a run happen; "" if nobody said.
func runBy(r models.Run) string {
	return ui.VisibleLine(cmp.Or(r.TriggeredBy, r.Commit.AuthorName, r.Commit.AuthorLogin))
}

// cut is a text with at most so many characters, the last of which then says that there are more.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// joined joins the parts that are not empty.
func joined(separator string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, separator)
}
