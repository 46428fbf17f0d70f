package views

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stackhook/models"
)

var testDelays = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}

func TestScheduleShowsTriesSinceTheLastRedelivery(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 10, 6, 14, 30, 4, 0, time.UTC)
	attempts := func(n int) []models.Attempt {
		list := make([]models.Attempt, n) // newest first
		for i := range list {
			list[i] = models.Attempt{Number: n - i, StartedAt: started.Add(time.Duration(n-i) * time.Minute)}
		}
		return list
	}
	for _, c := range []struct {
		delivery models.Delivery
		attempts int
		want     string
	}{
		{models.Delivery{Status: models.Pending}, 0, "next later+5 s later+30 s later+2 min"},
		{models.Delivery{Status: models.Pending, Tries: 2}, 2, "done14:31:04 done+5 s next+30 s later+2 min"},
		{models.Delivery{Status: models.Pending, Tries: 1}, 5, "done14:35:04 next+5 s later+30 s later+2 min"},
		{models.Delivery{Status: models.Delivered, Tries: 1}, 1, "arrived14:31:04"},
		{models.Delivery{Status: models.Delivered, Tries: 3}, 3, "done14:31:04 done+5 s arrived+30 s"},
		{models.Delivery{Status: models.Failed, Tries: 4}, 4, "done14:31:04 done+5 s done+30 s done+2 min"},
		{models.Delivery{Status: models.Failed, Tries: 6}, 6, "done14:31:04 done+5 s done+30 s done+2 min done done"}, // the setting was shortened
		{models.Delivery{Status: models.Failed}, 0, ""},
		{models.Delivery{Status: models.Skipped}, 0, ""},
		{models.Delivery{Status: models.Delivered, Test: true, Tries: 1}, 1, ""},
	} {
		var got []string
		for _, dot := range scheduleOf(c.delivery, attempts(c.attempts), testDelays) {
			got = append(got, dot.Class+dot.Label)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s after %d tries: got %s, want %s", c.delivery.Status, c.delivery.Tries, text, c.want)
		}
	}
}

func TestScheduleInWords(t *testing.T) {
	t.Parallel()
	for tries, want := range []string{
		"Up to 4 attempts are made.",
		"Number 2 follows 5 s after the one before. Number 4 is the last.",
		"Number 3 follows 30 s after the one before. Number 4 is the last.",
		"Number 4 follows 2 min after the one before. Number 4 is the last.",
		"",
	} {
		d := models.Delivery{Status: models.Pending, Tries: tries}
		if got := scheduleWords(scheduleOf(d, nil, testDelays)); got != want {
			t.Errorf("after %d tries: “%s”, want “%s”", tries, got, want)
		}
	}
}

func TestGivenUpAt(t *testing.T) {
	t.Parallel()
	event := time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		tries   int
		due     time.Duration
		enabled bool
		expire  time.Duration
		want    time.Duration
	}{
		{0, 0, true, time.Hour, 155 * time.Second},
		{2, 40 * time.Second, true, time.Hour, 160 * time.Second},
		{3, 3 * time.Minute, true, time.Hour, 3 * time.Minute},
		{4, 0, true, time.Hour, time.Hour}, // the setting was shortened
		{2, 40 * time.Second, false, time.Hour, time.Hour},
		{2, 59 * time.Minute, true, time.Hour, time.Hour},
	} {
		d := models.Delivery{Status: models.Pending, Tries: c.tries, DueAt: event.Add(c.due), ExpireFrom: event}
		got := givenUpAt(d, models.Webhook{Enabled: c.enabled}, testDelays, c.expire).Sub(event)
		if got != c.want {
			t.Errorf("%s: got %v, want %v", fmt.Sprint(c.tries, c.due, c.enabled), got, c.want)
		}
	}
}
