package views

import (
	"fmt"
	"time"

	"stackhook/models"
	"stackhook/views/ui"
)

// scheduleDot is one try of the retry schedule.
type scheduleDot struct {
	Number int
	Class  string // "done", "arrived", "next" or "later"
	Icon   string // "" for a try that is still far
	Word   string // what became of it, for those who do not see the icon
	Label  string // when: the first by the clock, the others by the pause before them
}

// scheduleOf lays out the tries of a delivery since its event or its last redelivery and, while it is pending, those to
// come. It is empty where there is nothing to lay out: a test has one try, and nothing was tried of a skipped delivery.
func scheduleOf(d models.Delivery, attempts []models.Attempt, delays []time.Duration) []scheduleDot {
	count := d.Tries
	if d.Status == models.Pending {
		count = len(delays) + 1
	}
	if d.Test {
		return nil
	}
	dots := make([]scheduleDot, count)
	for i := range dots {
		dots[i] = scheduleDot{Number: i + 1, Class: "later", Word: "to come"}
		switch {
		case i == d.Tries-1 && d.Status == models.Delivered:
			dots[i].Class, dots[i].Icon, dots[i].Word = "arrived", "delivered", "delivered"
		case i < d.Tries:
			dots[i].Class, dots[i].Icon, dots[i].Word = "done", "failed", "failed"
		case i == d.Tries:
			dots[i].Class, dots[i].Icon, dots[i].Word = "next", "pending", "next"
		}
		if i > 0 && i <= len(delays) {
			dots[i].Label = "+" + span(delays[i-1])
		}
	}
	if count > 0 && d.Tries > 0 && len(attempts) >= d.Tries {
		dots[0].Label = ui.Clock(attempts[d.Tries-1].StartedAt) // they are newest first
	}
	return dots
}

// scheduleWords say in one line what the dots say, where there is no room for their labels.
func scheduleWords(dots []scheduleDot) string {
	for i, dot := range dots {
		switch {
		case dot.Class != "next":
		case i == 0:
			return fmt.Sprintf("Up to %d attempts are made.", len(dots))
		default:
			return fmt.Sprintf("Number %d follows %s after the one before. Number %d is the last.", dot.Number, dot.Label[len("+"):], len(dots))
		}
	}
	return ""
}

// givenUpAt is when a pending delivery is given up if nothing changes: about when its last try ends or, if that is
// earlier or its webhook is disabled or keeps failing, when it expires.
func givenUpAt(d models.Delivery, w models.Webhook, delays []time.Duration, expire time.Duration) time.Time {
	expires := d.ExpireFrom.Add(expire)
	if !w.Enabled || w.CircuitOpen() || d.Tries > len(delays) {
		return expires
	}
	last := d.DueAt
	for _, delay := range delays[d.Tries:] {
		last = last.Add(delay)
	}
	if last.Before(expires) {
		return last
	}
	return expires
}

// span says how long something is that was set or counted, where ui.Duration speaks of what was measured: "5 s" instead
// of "5.00 s", "24 h" instead of "1 d".
func span(d time.Duration) string {
	switch {
	case d >= time.Second && d < 10*time.Second && d%time.Second == 0:
		return fmt.Sprintf("%d s", d/time.Second)
	case d >= 24*time.Hour && d < 48*time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return ui.Duration(d)
}
