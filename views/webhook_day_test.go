package views

import "testing"

func TestTheLastDayInWords(t *testing.T) {
	t.Parallel()
	for want, day := range map[string]DayTally{
		"": {Skipped: 7},
		" · 127 of 128 in the last 24 h, 1 being retried":            {Delivered: 127, Retrying: 1},
		" · 50,000 of 50,004 in the last 24 h":                       {Delivered: 50_000, Failed: 4},
		" · 50,000 of more than 60,000 in the last 24 h":             {Delivered: 50_000, Waiting: 10_001},
		" · 0 of more than 10,000 in the last 24 h, 1 being retried": {Waiting: 10_000, Retrying: 1},
	} {
		if got := day.words(); got != want {
			t.Errorf("%+v: %q, want %q", day, got, want)
		}
	}
}
