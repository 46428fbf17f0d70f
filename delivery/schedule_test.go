package delivery

import (
	"math"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stackhook/models"
	"stackhook/models/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Every reason × tests or not × each place in the schedule.
func TestOutcome(t *testing.T) {
	t.Parallel()
	delays := Defaults().RetryDelays
	for _, reason := range append(models.Reasons(), "") {
		for tries := range len(delays) + 3 {
			for _, test := range []bool{false, true} {
				got := outcome(models.Delivery{Tries: tries, Test: test}, result{reason: reason, ended: noon}, delays, 0)
				want := store.Outcome{Status: models.Failed, Reason: reason}
				switch {
				case reason == "":
					want = store.Outcome{Status: models.Delivered}
				case test:
				case reason == models.ReasonGone:
					want.Disable = models.DisabledByGone
				case tries >= len(delays):
				case reason == models.ReasonInterrupted:
					want.Status, want.DueAt = models.Pending, noon
				default:
					want.Status, want.DueAt = models.Pending, noon.Add(delays[tries])
				}
				if got != want {
					t.Errorf("reason %q, tries %d, test %v: got %+v, want %+v", reason, tries, test, got, want)
				}
			}
		}
	}
}

// A retry is never early, and at most a tenth late, whatever the receiver asked for.
func TestRetryBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		delays := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "delay"))
		}), 1, 12).Draw(t, "delays")
		tries := rapid.IntRange(0, len(delays)-1).Draw(t, "tries")
		asked := time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "asked"))
		chance := rapid.Float64Range(0, math.Nextafter(1, 0)).Draw(t, "chance")
		due := outcome(models.Delivery{Tries: tries}, result{models.Reason5xx, noon, asked}, delays, chance).DueAt
		least := max(delays[tries], min(asked, 24*time.Hour))
		if wait := due.Sub(noon); wait < least || wait > least+least/10 {
			t.Fatalf("waits %v, want %v to a tenth more", wait, least)
		}
	})
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"":                           0,
		"0":                          0,
		"120":                        2 * time.Minute,
		" 7 ":                        7 * time.Second,
		"007":                        7 * time.Second,
		"86400":                      24 * time.Hour,
		"86401":                      24 * time.Hour,
		"9223372036854775807":        24 * time.Hour, // as nanoseconds it would overflow
		"99999999999999999999999999": 24 * time.Hour,
		"-5":                         0,
		"1.5":                        0,
		"+5":                         0,
		"1e3":                        0,
		"soon":                       0,
		"5, 10":                      0,
		"\x00":                       0,
		noon.Add(time.Hour).Format(http.TimeFormat):       time.Hour,
		noon.Add(time.Hour).Format(time.ANSIC):            time.Hour,
		noon.Add(-time.Hour).Format(http.TimeFormat):      0,
		noon.Add(48 * time.Hour).Format(http.TimeFormat):  24 * time.Hour,
		noon.AddDate(3000, 0, 0).Format(http.TimeFormat):  24 * time.Hour,
		noon.AddDate(-1000, 0, 0).Format(http.TimeFormat): 0,
	} {
		if got := parseRetryAfter(value, noon); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}
