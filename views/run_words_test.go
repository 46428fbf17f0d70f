package views

import (
	"strings"
	"testing"

	"stackhook/models"
)

func TestRunTitle(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"Add a route":               "Add a route",
		"\n\n  Add a route \r\n\nx": "Add a route",
		"":                          "Run 7K3M9QXR",
		" \n\t":                     "Run 7K3M9QXR",
		"a\tb\x1b[31m":              "a␉b␛[31m",
		strings.Repeat("ä", 120):    strings.Repeat("ä", 120),
		strings.Repeat("ä", 121):    strings.Repeat("ä", 119) + "…",
	} {
		r := models.Run{ID: "01K6X4KHQ3D5W8YB6T7K3M9QXR", Commit: models.Commit{Message: message}}
		if got := RunTitle(r); got != want {
			t.Errorf("%q is called %q, not %q", message, got, want)
		}
	}
}

func TestWhoMadeARunHappen(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]models.Run{
		"ada@example.com": {TriggeredBy: "ada@example.com", Commit: models.Commit{AuthorName: "Grace", AuthorLogin: "g"}},
		"Grace":           {Commit: models.Commit{AuthorName: "Grace", AuthorLogin: "g"}},
		"g":               {Commit: models.Commit{AuthorLogin: "g"}},
		"":                {},
	} {
		if got := runBy(r); got != want {
			t.Errorf("%q made it happen, not %q", got, want)
		}
	}
}

func TestTallyPutsWhatNeedsALookFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tally map[models.Status]int
		worst models.Status
		rest  string
	}{
		{nil, "", ""},
		{map[models.Status]int{models.Delivered: 3}, models.Delivered, ""},
		{map[models.Status]int{models.Skipped: 2}, models.Skipped, ""},
		{map[models.Status]int{models.Delivered: 3, models.Skipped: 2}, models.Delivered, "2 skipped"},
		{map[models.Status]int{models.Delivered: 4, models.Pending: 6, models.Skipped: 5}, models.Pending, "4 delivered, 5 skipped"},
		{map[models.Status]int{models.Delivered: 13, models.Pending: 8, models.Failed: 1, models.Skipped: 2}, models.Failed, "13 delivered, 8 pending, 2 skipped"},
	} {
		if worst, rest := splitTally(c.tally); worst != c.worst || rest != c.rest {
			t.Errorf("%v: %s, %s", c.tally, worst, rest)
		}
	}
}

func TestColumnsOfOneHostAreToldApart(t *testing.T) {
	t.Parallel()
	webhooks := []models.Webhook{
		{ID: "1", EndpointHost: "example.com", EndpointURL: "https://example.com/a"},
		{ID: "2", EndpointHost: "example.com", EndpointURL: "https://example.com/b?c"},
		{ID: "3", EndpointHost: "other.example", EndpointURL: "https://other.example/a"},
	}
	for i, want := range []string{"example.com/a", "example.com/b?c", "other.example"} {
		if got := NewRunGrid(nil, webhooks, nil).Columns[i].Name; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
