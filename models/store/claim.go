package store

import (
	"context"
	"math/rand/v2"
	"slices"
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
	// In another order each time: where all of them are busy, none is always last.
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	var c Claimed
	var done *counts
	err = s.commit(ctx, wish{do: func(tx *gorm.DB) error {
		c, done = Claimed{Next: next}, newCounts() // anew: a group may be tried again
		return r.take(tx, &c, due, now, done)
	}})
	if err != nil {
		return Claimed{}, err
	}
	s.tell(done)
	s.noteJobs(c.Jobs)
	return c, nil
}

// take leases what the limits allow.
func (r ClaimRequest) take(tx *gorm.DB, c *Claimed, due []lane, now time.Time, done *counts) error {
	for _, l := range due {
		room := min(r.MostPerWebhook-r.Held[l.webhook], r.Most-len(c.Jobs))
		if l.probe != 0 {
			room = min(room, 1)
		}
		if room < 1 {
			c.Full, c.Left = append(c.Full, l.webhook), true
			continue
		}
		jobs, err := r.takeOf(tx, c, l, now, room, done)
		if err != nil {
			return err
		}
		c.Jobs = append(c.Jobs, jobs...)
		if l.probe != 0 {
			continue
		}
		if len(jobs) == room {
			c.Full, c.Left = append(c.Full, l.webhook), true
		}
		if !c.Left {
			if c.Left, err = anyDue(tx, l, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeOf leases at most so many of one lane.
func (r ClaimRequest) takeOf(tx *gorm.DB, c *Claimed, l lane, now time.Time, most int, done *counts) ([]Job, error) {
	deliveries, err := dueDeliveries(tx, l, now, most)
	deliveries = slices.DeleteFunc(deliveries, r.works)
	if err != nil || len(deliveries) == 0 {
		return nil, err
	}
	var probe time.Time
	if l.probe != 0 {
		probe = now.Add(r.Lease)
		mine, err := takeProbe(tx, l, probe)
		if err != nil || !mine {
			return nil, err
		}
	}
	jobs, err := r.lease(tx, deliveries, now, done)
	for i := range jobs {
		jobs[i].Probe = probe
	}
	if err == nil && l.probe != 0 && len(jobs) == 0 { // it had used up its tries: the next one is the probe, at once
		c.Next = now
		err = giveProbeBack(tx, l.webhook, probe, now)
	}
	return jobs, err
}

func (r ClaimRequest) works(d models.Delivery) bool {
	return r.Works != nil && d.LeaseOwner == r.Owner && r.Works(d.ID)
}

// anyDue reports whether something is due that was not taken: it waits for an earlier first attempt.
func anyDue(tx *gorm.DB, l lane, now time.Time) (due bool, err error) {
	err = tx.Raw(`SELECT EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = ? AND status = 'pending' AND due_at <= ?`+l.which+`)`,
		l.webhook, micros(now)).Scan(&due).Error
	return due, err
}

// takeProbe makes the next probe this transaction's own, unless another process was faster, or is about to be: two that
// take several in different orders would otherwise wait for each other. If it is never heard of again, the one after it is
// due when its lease ends.
func takeProbe(tx *gorm.DB, l lane, leased time.Time) (mine bool, err error) {
	rows, err := all[models.Webhook](skipLocked(tx).Select("id").Where("id = ? AND open_until = ?", l.webhook, l.probe))
	if err != nil || len(rows) == 0 {
		return false, err
	}
	return true, tx.Exec(`UPDATE webhooks SET open_until = ? WHERE id = ?`, micros(leased), l.webhook).Error
}

// giveProbeBack makes the next probe due, if it was still this one that the circuit waited for.
func giveProbeBack(tx *gorm.DB, webhook string, leased, now time.Time) error {
	return tx.Exec(`UPDATE webhooks SET open_until = ? WHERE id = ? AND open_until = ?`, micros(now), webhook, micros(leased)).Error
}

// dueDeliveries returns what of the lane is due, oldest first, and locks it. A first attempt waits until the first
// attempts of all earlier states of its run have ended.
func dueDeliveries(tx *gorm.DB, l lane, now time.Time, most int) ([]models.Delivery, error) {
	return all[models.Delivery](skipLocked(tx).Where(`webhook_id = ? AND status = 'pending' AND due_at <= ?`+l.which+`
		AND (first_ended_at IS NOT NULL OR NOT EXISTS (
			SELECT 1 FROM deliveries e WHERE e.run_key = deliveries.run_key AND e.webhook_id = deliveries.webhook_id
			AND e.state_version < deliveries.state_version AND e.status = 'pending' AND e.first_ended_at IS NULL))`,
		l.webhook, micros(now)).Order("due_at, id").Limit(most))
}

// lease numbers the next attempts of deliveries. Those whose last attempt was cut by a crash are recorded as interrupted
// first; one whose tries are used up by that fails, and there is no job.
func (r ClaimRequest) lease(tx *gorm.DB, deliveries []models.Delivery, now time.Time, done *counts) ([]Job, error) {
	var ids, events []string
	var jobs []Job
	for _, d := range deliveries {
		if d.LeaseOwner != "" {
			if err := interrupt(tx, &d, now, r.MaxTries, done); err != nil {
				return nil, err
			}
		}
		if d.Status != models.Pending {
			continue
		}
		d.Attempt++
		d.LeaseOwner, d.ClaimedAt, d.DueAt = r.Owner, now, now.Add(r.Lease)
		ids, events, jobs = append(ids, d.ID), append(events, d.EventID), append(jobs, Job{Delivery: d})
	}
	if len(ids) == 0 {
		return nil, nil
	}
	err := tx.Exec(`UPDATE deliveries SET attempt = attempt + 1, lease_owner = ?, claimed_at = ?, due_at = ? WHERE ?`,
		r.Owner, micros(now), micros(now.Add(r.Lease)), among(tx, "id", ids)).Error
	if err != nil {
		return nil, err
	}
	return jobs, loadPayloads(tx, jobs, events)
}

func loadPayloads(tx *gorm.DB, jobs []Job, events []string) error {
	rows, err := all[models.Event](tx.Select("id", "payload").Where(among(tx, "id", unique(events))))
	payloads := map[string][]byte{}
	for _, e := range rows {
		payloads[e.ID] = e.Payload
	}
	for i := range jobs {
		jobs[i].Payload = payloads[jobs[i].Delivery.EventID]
	}
	return err
}
