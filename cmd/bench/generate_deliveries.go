package main

import (
	"time"

	"stackhook/models"
)

// answer is what an attempt came to.
type generatedAnswer struct {
	code   int
	reason models.Reason
}

// The answers of receivers that accept and of those that do not, each as often as it stands there.
var (
	accepts = []generatedAnswer{{200, ""}, {200, ""}, {200, ""}, {200, ""}, {200, ""}, {200, ""}, {200, ""}, {204, ""}, {204, ""}, {202, ""}}
	stumble = []generatedAnswer{
		{503, models.Reason5xx},
		{503, models.Reason5xx},
		{503, models.Reason5xx},
		{503, models.Reason5xx},
		{500, models.Reason5xx},
		{429, models.Reason4xx},
		{0, models.ReasonTimeout},
		{0, models.ReasonReset},
	}
	refuses = []generatedAnswer{
		{404, models.Reason4xx}, {404, models.Reason4xx}, {401, models.Reason4xx}, {0, models.ReasonDNS}, {0, models.ReasonDNS}, {0, models.ReasonTLS},
	}
)

// delivery writes a delivery, as the receiver's conduct lets it end, with its attempts.
func (g *generator) delivery(d models.Delivery, c conduct, now time.Time) error {
	if c == disabled && d.CreatedAt.After(g.from.Add(generatedSpan*2/3)) {
		d.Status, d.Reason, d.Silent, d.EndedAt = models.Skipped, models.ReasonWebhookDisabled, true, d.CreatedAt
		return g.ended(d)
	}
	failing := map[conduct]float64{good: 0.001, flaky: 0.2, dead: 0.95, disabled: 0.001}[c]
	faults, tries := stumble, 1
	if c == dead {
		faults = refuses
	}
	last := accepts[g.random.IntN(len(accepts))]
	d.Status = models.Delivered
	switch p := g.random.Float64(); {
	case p < failing:
		d.Status, last, tries = models.Failed, faults[g.random.IntN(len(faults))], 3
	case p < failing+0.02:
		tries = 2 // the first one failed
	case c != dead && !d.Test && p > 0.98: // anywhere in the log, so that logs of all sizes have some
		d.Status, last = models.Pending, faults[g.random.IntN(len(faults))]
	}
	d.Code, d.Reason, d.Attempt, d.Tries = last.code, last.reason, tries, tries
	at, err := d.CreatedAt, error(nil)
	for i := range tries {
		a := models.Attempt{DeliveryID: d.ID, Number: i + 1, StartedAt: at, URL: "https://receiver.invalid/", Address: "192.0.2.1:443", Protocol: "HTTP/1.1"}
		if answer := faults[0]; i == tries-1 {
			a.Code, a.Reason = last.code, last.reason
		} else {
			a.Code, a.Reason = answer.code, answer.reason
		}
		a.Total = time.Duration(2+g.random.ExpFloat64()*60) * time.Millisecond
		a.FirstByte = a.Total * 3 / 4
		d.ClaimedAt, d.Duration = at, a.Total
		d.EndedAt = at.Add(a.Total)
		if i == 0 {
			d.FirstEndedAt = d.EndedAt
		}
		at = at.Add(5 * time.Second)
		if err = g.attempt(a); err != nil {
			return err
		}
	}
	return g.ended(settle(d, now))
}

// settle completes a delivery after its last attempt. What is pending waits for hours, so that a server leaves it alone.
func settle(d models.Delivery, now time.Time) models.Delivery {
	switch d.Status {
	case models.Delivered:
		d.FirstDelivered = d.EndedAt
	case models.Pending:
		d.EndedAt, d.ExpireFrom, d.DueAt = time.Time{}, now, now.Add(12*time.Hour)
	}
	return d
}

// ended writes a delivery and counts it.
func (g *generator) ended(d models.Delivery) error {
	if !d.Test && d.Status != models.Pending {
		g.count(d)
	}
	return g.out.add("deliveries", deliveryRow(d))
}

// attempt writes an attempt, and with each tenth what went over the wire.
func (g *generator) attempt(a models.Attempt) error {
	wire := []any{nil, nil, nil}
	if g.random.IntN(10) == 0 && a.Code != 0 {
		wire = exchange(a)
	}
	return g.out.add("attempts", append(attemptRow(a), wire...))
}
