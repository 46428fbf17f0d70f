package views

import (
	"fmt"
	"net/http"
	"time"

	"stackhook/models"
)

// failureCause says in half a sentence what the receiver does, or what keeps requests from it: for "Failing for 2 hours:
// …". It names neither path nor query.
func failureCause(reason models.Reason, code int) string {
	switch reason {
	case models.ReasonDNS:
		return "its host name has no address"
	case models.ReasonRefused:
		return "it refuses connections"
	case models.ReasonUnreachable:
		return "no network route leads to it"
	case models.ReasonReset:
		return "it closes connections without an answer"
	case models.ReasonTimeout:
		return "it does not answer in time"
	case models.ReasonTLS:
		return "its certificate or its encryption is not accepted"
	case models.ReasonBlocked:
		return "its address is one that endpoints may not have"
	case models.ReasonRedirect, models.Reason4xx, models.Reason5xx, models.ReasonGone:
		return "it answers " + codeWords(code)
	case models.ReasonProtocol:
		return "it does not answer with valid HTTP"
	case models.ReasonInterrupted:
		return "the last attempt was cut short here"
	case models.ReasonInternal:
		return "the last attempt failed within Stackhook"
	}
	return "the last attempt failed"
}

// codeWords is a status code with its standard text, if it has one.
func codeWords(code int) string {
	if text := http.StatusText(code); text != "" {
		return fmt.Sprintf("%d %s", code, text)
	}
	return fmt.Sprint(code)
}

// longSince says how long something has been so, in its largest unit: "29 hours", "3 days". From two days on it counts
// days.
func longSince(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return countOf(int(d/(24*time.Hour)), "day", "days")
	case d >= time.Hour:
		return countOf(int(d/time.Hour), "hour", "hours")
	case d >= time.Minute:
		return countOf(int(d/time.Minute), "minute", "minutes")
	}
	return "less than a minute"
}

// countOf is a number with its noun: "1 delivery", "1,204 deliveries".
func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// counted is the most that the store counts to; beyond it a page does not know how many there are.
const counted = 10_000

// number writes a count with separators; where the store stopped counting it says so.
func number(n int) string {
	switch {
	case n > counted:
		return "more than 10,000"
	case n >= 1000:
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return fmt.Sprint(n)
}
