package views

import (
	"strings"
	"testing"
	"time"

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

func TestWhatAReceiverKnows(t *testing.T) {
	t.Parallel()
	planning := &models.Event{State: models.Planning}
	for want, c := range map[string]RunColumn{
		"Nothing confirmed": {Behind: 3},
		"Up to date":        {Confirmed: planning},
		"Last confirmed PLANNING, 1 state behind":  {Confirmed: planning, Behind: 1},
		"Last confirmed PLANNING, 2 states behind": {Confirmed: planning, Behind: 2},
	} {
		if got := c.knows(); got != want {
			t.Errorf("%+v: %s, want %s", c, got, want)
		}
	}
}

func TestWhyAStateHasNotArrived(t *testing.T) {
	t.Parallel()
	open := models.Webhook{Enabled: true, OpenUntil: time.Unix(1, 0)}
	for want, c := range map[string]struct {
		webhook models.Webhook
		models.Delivery
	}{
		"circuit open":     {open, models.Delivery{Status: models.Pending}},
		"":                 {models.Webhook{Enabled: true}, models.Delivery{Status: models.Pending}},
		"webhook disabled": {models.Webhook{}, models.Delivery{Status: models.Pending}},
		"disabled":         {models.Webhook{}, models.Delivery{Status: models.Skipped}},
		"2 attempts, 503 Service Unavailable": {open, models.Delivery{
			Status: models.Pending, Attempt: 2, Tries: 2, Reason: models.Reason5xx, Code: 503,
		}},
	} {
		if got := (RunCell{Delivery: &c.Delivery}).words(c.webhook); got != want {
			t.Errorf("%s: %q", want, got)
		}
	}
}
