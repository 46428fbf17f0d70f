package store

import (
	"context"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Job is a pending delivery leased to an owner for one attempt; Delivery.Attempt is the number of that attempt.
type Job struct {
	Delivery models.Delivery
	Payload  []byte
	// Probe is set if the attempt finds out whether the webhook, whose circuit is open, can be reached again: it is the
	// circuit's OpenUntil for as long as this is the probe that it waits for.
	Probe time.Time
}

// ClaimRequest says what an owner wants to take.
type ClaimRequest struct {
	Owner          string
	Lease          time.Duration
	Most           int            // jobs at most
	MostPerWebhook int            // held at most, those of Held included
	Held           map[string]int // jobs that the owner has, by webhook id
	// Works reports whether the owner has a delivery in its hands. Such a one is not taken although its lease ended, which
	// it does early when the clock is set or the machine slept: it would be sent twice at once. nil: it has none.
	Works func(delivery string) bool
	// MaxTries is how many attempts the schedule has: an interrupted delivery that used them up fails.
	MaxTries int
}

// Claimed is what a claim brought.
type Claimed struct {
	Jobs []Job
	// Next is when the next delivery, or probe, falls due; zero if none waits.
	Next time.Time
	// Full are the webhooks of which more may be due than the limits let be taken.
	Full []string
	// Left says that something due was not taken, by the limits or because an earlier first attempt of its run has not
	// ended: claim again after a result.
	Left bool
}

// Claim leases due deliveries of webhooks that may be sent to, and numbers their attempts. Of a webhook whose circuit is
// open it takes one as the probe, once that is due. A claim whose commit nobody heard of has leased what nobody sends: it
// goes on when the leases end.
func (s *Store) Claim(ctx context.Context, r ClaimRequest) (Claimed, error) {
	now := time.Now()
	waiting, err := waitingWebhooks(s.quickReader(ctx), now)
	if err != nil {
		return Claimed{}, err
	}
	next := time.Time{}
	var due []lane
	for _, w := range waiting {
		next = earliest(next, w.next(now))
		due = append(due, w.due(now)...)
	}
	if len(due) == 0 {
		return Claimed{Next: next}, nil
	}
	// In another order each time: where there are more of them than the claim may take, none is always last.
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	var c Claimed
	var done *counts
	err = s.commit(ctx, wish{do: func(tx *gorm.DB) error {
		c, done = Claimed{Next: next}, newCounts() // anew: a group may be tried again
		return (&taking{ClaimRequest: r, tx: tx, now: now, left: r.Most, c: &c, done: done}).take(due)
	}})
	if err != nil {
		return Claimed{}, err
	}
	s.tell(done)
	s.noteJobs(c.Jobs)
	return c, nil
}
