package delivery

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// maxRetryAfter is how long a receiver may ask to be left alone: as long as the schedule's own longest delay.
const maxRetryAfter = 24 * time.Hour

// result is how an attempt ended.
type result struct {
	reason     models.Reason // "" for a success
	ended      time.Time
	retryAfter time.Duration // what the receiver asked for, 0 if nothing
}

// outcome says what a result means for its delivery. delays are the waits after each failed try; chance, at least 0 and
// below 1, picks the jitter.
func outcome(d models.Delivery, r result, delays []time.Duration, chance float64) store.Outcome {
	switch {
	case r.reason == "":
		return store.Outcome{Status: models.Delivered}
	case d.Test:
		return store.Outcome{Status: models.Failed, Reason: r.reason}
	case r.reason == models.ReasonGone:
		return store.Outcome{Status: models.Failed, Reason: r.reason, Disable: models.DisabledByGone}
	case d.Tries >= len(delays):
		return store.Outcome{Status: models.Failed, Reason: r.reason}
	case r.reason == models.ReasonInterrupted: // nothing is known against the receiver
		return store.Outcome{Status: models.Pending, Reason: r.reason, DueAt: r.ended}
	}
	delay := max(delays[d.Tries], min(r.retryAfter, maxRetryAfter))
	return store.Outcome{Status: models.Pending, Reason: r.reason, DueAt: r.ended.Add(withJitter(delay, chance))}
}

// withJitter prolongs a delay by up to a tenth, so that what failed together does not come back together. It never
// shortens one.
func withJitter(delay time.Duration, chance float64) time.Duration {
	return delay + time.Duration(chance*float64(delay)/10)
}

// anyChance returns what outcome picks the jitter with.
func anyChance() float64 { return rand.Float64() }

// parseRetryAfter reads a Retry-After header (RFC 9110, section 10.2.3): seconds, or a date. What is not understood, or
// is past, is 0.
func parseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter // more than can be counted is more than is honoured
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
