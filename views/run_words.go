package views

import (
	"cmp"
	"strings"

	"stackhook/models"
	"stackhook/views/ui"
)

// RunTitle is what a run is called: the first line of its commit message or, without one, its id.
func RunTitle(r models.Run) string {
	first, _, _ := strings.Cut(strings.TrimSpace(r.Commit.Message), "\n")
	if first = strings.TrimSpace(ui.VisibleLine(first)); first != "" {
		return first
	}
	return "Run " + ShortID(r.ID)
}

// runBy is who or what made a run happen; "" if nobody said.
func runBy(r models.Run) string {
	return ui.VisibleLine(cmp.Or(r.TriggeredBy, r.Commit.AuthorName, r.Commit.AuthorLogin))
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
