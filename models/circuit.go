package models

import (
	"slices"
	"time"
)

// CircuitAfter is how many attempts in a row fail before a webhook's circuit opens.
const CircuitAfter = 5

// probePauses are the waits before each probe of an open circuit; the last one repeats. Short at first, since most
// outages are restarts; then often enough that a receiver which is back gets what waited within ten minutes.
var probePauses = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute}

// What must come together before a webhook that keeps failing is disabled, beside the time of STACKHOOK_DISABLE_AFTER.
const (
	// DisableFailures is more than the attempts of one delivery, so that a lone one cannot disable its webhook.
	DisableFailures = 12
	// DisableSpread is how far apart two of the failures are at least: one burst after a quiet time disables nothing.
	DisableSpread = 12 * time.Hour
)

// Faultless returns the reasons that say nothing about the receiver.
func Faultless() []Reason { return []Reason{ReasonBlocked, ReasonInterrupted, ReasonInternal} }

// BlamesReceiver reports whether a failed attempt counts for the circuit and for disabling.
func (r Reason) BlamesReceiver() bool { return r != "" && !slices.Contains(Faultless(), r) }

// Succeeded notes an attempt that the receiver accepted at that time: it ends all trouble.
func (w *Webhook) Succeeded(at time.Time) {
	w.Failures, w.FailingSince = 0, time.Time{}
	w.CloseCircuit()
	w.LastDeliveredAt, w.TriedAt = latest(w.LastDeliveredAt, at), latest(w.TriedAt, at)
}

// CloseCircuit lets everything that is due go.
func (w *Webhook) CloseCircuit() { w.OpenUntil, w.Probes = time.Time{}, 0 }

// FailedAt notes a failed attempt that ended then. probe says that it was the one that the open circuit waits for. Requests
// that were in flight when the circuit opened move no probe. One that says nothing about the receiver is made again: at
// once if it was cut short, otherwise after the same pause.
func (w *Webhook) FailedAt(at time.Time, reason Reason, probe bool) {
	if reason.BlamesReceiver() {
		w.Failures++
		w.TriedAt = latest(w.TriedAt, at)
		if w.FailingSince.IsZero() {
			w.FailingSince = at
		}
	}
	switch {
	case w.CircuitOpen() && probe && reason == ReasonInterrupted:
		w.OpenUntil = at
	case w.CircuitOpen() && probe:
		if reason.BlamesReceiver() {
			w.Probes++
		}
		w.OpenUntil = at.Add(probePauses[min(w.Probes, len(probePauses)-1)])
	case !w.CircuitOpen() && w.Failures >= CircuitAfter:
		w.Probes, w.OpenUntil = 0, at.Add(probePauses[0])
	}
}

// FailingFor reports whether the webhook failed for so long, and so often, that it may be disabled.
func (w *Webhook) FailingFor(now time.Time, disableAfter time.Duration) bool {
	return w.Enabled && w.Failures >= DisableFailures && !w.FailingSince.IsZero() && now.Sub(w.FailingSince) >= disableAfter
}

// ProbablyOurFault reports whether so many of the webhooks that were tried lately fail that the fault is probably on this
// side: the network, the names, a proxy. Then none is disabled.
func ProbablyOurFault(tried, failing int) bool { return failing >= 3 && 2*failing > tried }

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
