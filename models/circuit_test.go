package models_test

import (
	"testing"
	"time"

	"stackhook/models"
)

// The circuit opens with the fifth failure in a row, and its probes come after 30 s, 1, 2, 5 and then every 10 min.
func TestCircuit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := models.Webhook{Enabled: true}
	for i := range models.CircuitAfter {
		if w.CircuitOpen() {
			t.Fatalf("open after %d failures", i)
		}
		w.FailedAt(now, models.Reason5xx, false)
	}
	for i, pause := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
		if got := w.OpenUntil.Sub(now); got != pause {
			t.Errorf("probe %d is after %v, want %v", i+1, got, pause)
		}
		open := w.OpenUntil
		w.FailedAt(now.Add(time.Second), models.ReasonTimeout, false) // it was in flight when the circuit opened
		if w.OpenUntil != open {
			t.Error("a request that was in flight moves the probe")
		}
		now = w.OpenUntil
		w.FailedAt(now, models.Reason5xx, true)
	}
	w.Succeeded(now)
	if w.CircuitOpen() || w.Failures != 0 || !w.FailingSince.IsZero() || w.Probes != 0 || w.LastDeliveredAt != now {
		t.Errorf("after a success: %+v", w)
	}
}

// Reasons that say nothing about the receiver open no circuit.
func TestFaultlessReasons(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, reason := range models.Reasons() {
		w := models.Webhook{Enabled: true}
		for range 20 {
			w.FailedAt(now, reason, false)
		}
		faultless := reason == models.ReasonBlocked || reason == models.ReasonInterrupted || reason == models.ReasonInternal
		if w.CircuitOpen() == faultless || w.FailingSince.IsZero() != faultless {
			t.Errorf("%s: open %v, failing since %v", reason, w.CircuitOpen(), w.FailingSince)
		}
	}
}

// A probe that says nothing about the receiver is made again: after the same pause, or at once if it was cut short.
func TestProbesThatSayNothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for probes, pause := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
		for reason, want := range map[models.Reason]time.Duration{
			models.ReasonInternal: pause, models.ReasonBlocked: pause, models.ReasonInterrupted: 0,
		} {
			w := models.Webhook{Enabled: true, Failures: 9, OpenUntil: now.Add(time.Minute), Probes: probes}
			w.FailedAt(now, reason, true)
			if got := w.OpenUntil.Sub(now); got != want || w.Failures != 9 || w.Probes != probes {
				t.Errorf("after probe %d, %s: %+v, the next in %v; want it in %v", probes+1, reason, w, got, want)
			}
		}
	}
}

func TestProbablyOurFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tried, failing int
		want           bool
	}{{0, 0, false}, {2, 2, false}, {3, 3, true}, {6, 3, false}, {5, 3, true}, {100, 50, false}, {100, 51, true}} {
		if got := models.ProbablyOurFault(c.tried, c.failing); got != c.want {
			t.Errorf("%d of %d failing: %v", c.failing, c.tried, got)
		}
	}
}
