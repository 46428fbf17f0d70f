package models_test

import (
	"testing"
	"time"

	"stackhook/models"
)

func TestPercentiles(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tally := func(took ...time.Duration) (t models.Tally) {
		for _, d := range took {
			t.Ended(models.Delivered, d, 1)
		}
		return t
	}
	for _, c := range []struct {
		name    string
		tally   models.Tally
		percent float64
		want    time.Duration
	}{
		{"half of one place", tally(2*ms, 3*ms), 50, 2500 * time.Microsecond},
		{"all of it", tally(2*ms, 3*ms), 100, 5 * ms},
		{"a bound belongs to the place below it", tally(10*ms, 10*ms), 100, 10 * ms},
		{"between bounds", tally(30*ms, 30*ms, 30*ms, 30*ms), 50, 37500 * time.Microsecond},
		{"the slow few", tally(ms, ms, ms, ms, ms, ms, ms, ms, ms, 3*time.Second), 95, 3750 * ms},
		{"not the slow few", tally(ms, ms, ms, ms, ms, ms, ms, ms, ms, 3*time.Second), 50, 2777777 * time.Nanosecond},
		{"beyond the last bound", tally(time.Minute), 50, 10 * time.Second},
	} {
		if got, has := c.tally.Percentile(c.percent); !has || got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if _, has := (models.Tally{Failed: 1}).Percentile(50); has {
		t.Error("what was not delivered took a time")
	}
}

func TestASpanEndsNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 13, 59, 59, 0, time.FixedZone("", 5*3600+1800)) // 08:29:59 UTC
	for i, want := range [][2]string{
		{"2026-11-25T07:30:00Z", "2026-11-25T08:29:00Z"},
		{"2026-11-24T08:30:00Z", "2026-11-25T08:00:00Z"},
		{"2026-11-18T12:00:00Z", "2026-11-25T06:00:00Z"},
		{"2026-10-27T00:00:00Z", "2026-11-25T00:00:00Z"},
	} {
		first, last := models.Spans[i].Begin(now)
		if got := [2]string{first.Format(time.RFC3339), last.Format(time.RFC3339)}; got != want {
			t.Errorf("%s: %v, want %v", models.Spans[i].Name, got, want)
		}
	}
}
