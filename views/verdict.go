package views

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"stackhook/models"
	"stackhook/views/ui"
)

// Verdict says what became of a delivery: a sentence in three parts, of which the middle one is what went wrong, and
// what to do about it, "" when there is nothing to do.
type Verdict struct {
	Before, Cause, After string
	Advice               string
}

// Sentence is the sentence with its middle part stressed. It is written in Go: a template would put blanks between the
// parts.
func (v Verdict) Sentence() templ.Component {
	stressed := ""
	if v.Cause != "" {
		stressed = `<span class="bad">` + templ.EscapeString(v.Cause) + `</span>`
	}
	return templ.Raw(templ.EscapeString(v.Before) + stressed + templ.EscapeString(v.After))
}

// DeliveryCase is what a Verdict is passed on.
type DeliveryCase struct {
	Delivery models.Delivery
	Last     *models.Attempt // the newest that was recorded, nil before the first one ended
	Webhook  models.Webhook
	Expire   time.Duration // the age at which a delivery is given up
	Now      time.Time
}

// Verdict passes it.
func (c DeliveryCase) Verdict() Verdict {
	switch c.Delivery.Status {
	case models.Delivered:
		return c.delivered()
	case models.Failed:
		return c.failed()
	case models.Skipped:
		return Verdict{Before: "Skipped: its webhook was disabled when the state changed.", Advice: c.skippedAdvice()}
	}
	return c.pending()
}

func (c DeliveryCase) delivered() Verdict {
	d := c.Delivery
	answer := ": the receiver answered " + codeWords(d.Code) + "."
	at := ""
	if d.Attempt > 1 {
		at = fmt.Sprintf(" at attempt %d", d.Attempt)
	}
	switch {
	case d.Test:
		return Verdict{Before: "Test delivered in " + ui.Duration(d.Duration) + answer}
	case d.FirstDelivered.Before(d.RedeliveredAt):
		return Verdict{Before: "Delivered again" + at + answer}
	case at != "":
		at += ","
	}
	return Verdict{Before: "Delivered" + at + " " + ui.Duration(d.FirstDelivered.Sub(d.CreatedAt)) + " after the state change" + answer}
}

func (c DeliveryCase) failed() Verdict {
	d := c.Delivery
	switch {
	case d.Reason == models.ReasonWebhookDeleted:
		return c.orphaned()
	case d.Reason == models.ReasonExpired:
		v := Verdict{Before: "Given up" + afterFailures(d.Tries) + ": ", Cause: "not delivered within " + ui.Duration(c.Expire), After: " of its event."}
		if !d.RedeliveredAt.IsZero() {
			v.After = " of its last redelivery."
		}
		v.Advice = c.expiredAdvice()
		return v
	case d.Test:
		return c.because("Test failed: ", ". A test is not repeated.")
	case d.Reason == models.ReasonGone:
		return c.because("Failed: ", ". It is not tried again.")
	}
	return c.because("Failed "+times(d.Tries)+" and given up: ", ".")
}

// orphaned is how a delivery ends whose webhook was deleted.
func (c DeliveryCase) orphaned() Verdict {
	return Verdict{Before: "Ended" + afterFailures(c.Delivery.Tries) + ": its webhook was ", Cause: "deleted", After: ". Nothing can be sent to it any more."}
}

func (c DeliveryCase) pending() Verdict {
	d := c.Delivery
	sent := d.InFlight(c.Now)
	if c.Webhook.Deleted() && !sent { // of many, some end a little later than their webhook
		return c.orphaned()
	}
	waits := !sent && !c.Webhook.Enabled && !d.Test
	behind := !sent && c.Webhook.CircuitOpen() && !d.Test
	switch {
	case d.Tries > 0 && sent:
		return c.because("Failed "+times(d.Tries)+": ", fmt.Sprintf(". Attempt %d is under way.", d.Attempt))
	case d.Tries > 0 && waits:
		return c.because("Failed "+times(d.Tries)+": ", ". Nothing more is sent while its webhook is disabled.")
	case d.Tries > 0 && behind:
		return c.because("Failed "+times(d.Tries)+": ", ". It waits, because its webhook keeps failing. One delivery is tried "+soon(c.Webhook.OpenUntil, c.Now)+".")
	case d.Tries > 0:
		return c.because("Failed "+times(d.Tries)+": ", ". Next attempt "+soon(d.DueAt, c.Now)+".")
	case sent:
		return Verdict{Before: fmt.Sprintf("Attempt %d is under way.", d.Attempt)}
	case waits:
		return Verdict{
			Before: "Waiting: its webhook is disabled.",
			Advice: "It is sent once the webhook is enabled again, and given up " + ui.Duration(c.Expire) + " after its event or its last redelivery.",
		}
	case behind && c.Webhook.OpenUntil.After(c.Now):
		return Verdict{
			Before: "Waiting: its webhook keeps failing.",
			Advice: "It uses up no tries meanwhile. One delivery is tried " + soon(c.Webhook.OpenUntil, c.Now) + "; once one arrives, this one follows.",
		}
	case !d.RedeliveredAt.IsZero():
		return Verdict{Before: "Redelivery asked for by " + ui.VisibleLine(d.RedeliveredBy) + ". The attempt starts " + soon(d.DueAt, c.Now) + "."}
	}
	return Verdict{
		Before: "Waiting for its first attempt.",
		Advice: "It starts as soon as the first attempts of the run's earlier states have ended.",
	}
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

func afterFailures(tries int) string {
	if tries == 0 {
		return ""
	}
	return " after " + ui.Counted(tries, "failed attempt")
}

// soon says when something is due: what is overdue starts as soon as there is room for it.
func soon(at, now time.Time) string {
	if !at.After(now) {
		return "now"
	}
	return "in " + span(max(at.Sub(now).Round(time.Second), time.Second))
}
