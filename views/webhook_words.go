package views

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"stackhook/models"
	"stackhook/views/ui"
)

// webhookCause says in half a sentence why requests to a webhook fail, for "Failing for 2 hours: …". It names neither
// path nor query.
func webhookCause(reason models.Reason, code int) string {
	if code != 0 {
		return "the receiver answers " + codeWords(code)
	}
	if cause := attemptCauses[reason]; cause != "" {
		return cause
	}
	return "the last attempt failed"
}

// longSince says how long something has been so in its largest unit; days count from the second on: "29 hours",
// "3 days".
func longSince(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return ui.Counted(int(d/day), "day")
	case d >= time.Hour:
		return ui.Counted(int(d/time.Hour), "hour")
	case d >= time.Minute:
		return ui.Counted(int(d/time.Minute), "minute")
	}
	return "less than a minute"
}

// counted is the most that the store counts to.
const counted = 10_000

// countedUp is ui.Counted for a number that the store stopped counting at.
func countedUp(n int, noun string, plural ...string) string {
	if n > counted {
		return "more than " + ui.Counted(counted, noun, plural...)
	}
	return ui.Counted(n, noun, plural...)
}

// upTo is ui.Count for a number that the store stopped counting at.
func upTo(n int) string {
	if n > counted {
		return "more than " + ui.Count(counted)
	}
	return ui.Count(n)
}

// spacedFingerprint is a fingerprint in groups of four, as people compare it.
func spacedFingerprint(print string) string {
	if len(print) != 8 {
		return print
	}
	return print[:4] + " " + print[4:]
}

// longDay is a day written out: "5 October 2026".
func longDay(at time.Time) string { return at.UTC().Format("2 January 2006") }

// dayAndMinute is an instant written out to the minute: "6 October 2026 at 14:32".
func dayAndMinute(at time.Time) string { return at.UTC().Format("2 January 2006 at 15:04") }

// codeWords is a status code with its standard text, if it has one: "503 Service Unavailable".
func codeWords(code int) string {
	if text := http.StatusText(code); text != "" {
		return fmt.Sprintf("%d %s", code, text)
	}
	return strconv.Itoa(code)
}
