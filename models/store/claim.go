package store

import (
	"context"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"stackhook/models"
)

// Job is a pending delivery leased to an owner for one attempt; Delivery.Attempt is the number of that attempt.
type Job struct {
	Delivery models.Delivery
	Payload  []byte
}

// ClaimRequest says what an owner wants to take.
type ClaimRequest struct {
	Owner          string
	Lease          time.Duration
	Most           int            // jobs at most
	MostPerWebhook int            // in flight at most, those of InFlight included
	InFlight       map[string]int // requests of this owner by webhook id
	// MaxTries is how many attempts the schedule has: an interrupted delivery that used them up fails.
	MaxTries int
}

// Claim leases due deliveries of webhooks that may be sent to, and numbers their attempts. next is when the next
// delivery falls due, zero if none waits; due ones that limits or order keep back do not count, so claim again after
// each result.
func (s *Store) Claim(ctx context.Context, r ClaimRequest) (jobs []Job, next time.Time, err error) {
	now := time.Now()
	waiting, err := waitingWebhooks(s.reader(ctx), now)
	if err != nil {
		return nil, time.Time{}, err
	}
	var due []waitingWebhook
	for _, w := range waiting {
		if w.DueAt <= now.UnixMicro() {
			due = append(due, w)
		}
		if later := fromMicros(w.LaterAt); w.LaterAt != 0 && (next.IsZero() || later.Before(next)) {
			next = later
		}
	}
	if len(due) == 0 || r.Most < 1 {
		return nil, next, nil
	}
	// In another order each time: where all of them are busy, none is always last.
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	err = s.transact(ctx, func(tx *gorm.DB) error {
		jobs, err = r.take(tx, due, now)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return jobs, next, nil
}

// waitingWebhook is a webhook with pending deliveries that may be sent. Instants are microseconds, 0 for none.
type waitingWebhook struct {
	ID      string
	Enabled bool
	DueAt   int64 // of the delivery that falls due first
	LaterAt int64 // of the first that falls due after now
}

// waitingWebhooks skips through the index of pending deliveries from webhook to webhook: it costs the same however many
// deliveries each has. Of a disabled webhook only tests are sent.
func waitingWebhooks(db *gorm.DB, now time.Time) ([]waitingWebhook, error) {
	var rows []waitingWebhook
	err := db.Raw(`WITH RECURSIVE waiting (id) AS (
			SELECT MIN(webhook_id) FROM deliveries WHERE status = 'pending'
			UNION ALL
			SELECT (SELECT MIN(webhook_id) FROM deliveries WHERE status = 'pending' AND webhook_id > waiting.id)
			FROM waiting WHERE waiting.id IS NOT NULL
		)
		SELECT w.id, w.enabled,
			COALESCE(CASE WHEN w.enabled
				THEN (SELECT MIN(due_at) FROM deliveries WHERE status = 'pending' AND webhook_id = w.id)
				ELSE (SELECT MIN(due_at) FROM deliveries WHERE status = 'pending' AND test AND webhook_id = w.id) END, 9223372036854775807) AS due_at,
			COALESCE(CASE WHEN w.enabled
				THEN (SELECT MIN(due_at) FROM deliveries WHERE status = 'pending' AND webhook_id = w.id AND due_at > ?)
				ELSE (SELECT MIN(due_at) FROM deliveries WHERE status = 'pending' AND test AND webhook_id = w.id AND due_at > ?) END, 0) AS later_at
		FROM waiting JOIN webhooks w ON w.id = waiting.id WHERE w.deleted_at IS NULL`, micros(now), micros(now)).Scan(&rows).Error
	return rows, unavailable(err)
}

// take leases what the limits allow.
func (r ClaimRequest) take(tx *gorm.DB, due []waitingWebhook, now time.Time) ([]Job, error) {
	var jobs []Job
	for _, w := range due {
		room := min(r.MostPerWebhook-r.InFlight[w.ID], r.Most-len(jobs))
		if room < 1 {
			continue
		}
		deliveries, err := dueDeliveries(tx, w, now, room)
		if err != nil {
			return nil, err
		}
		for _, d := range deliveries {
			job, ok, err := r.lease(tx, d, now)
			if err != nil {
				return nil, err
			}
			if ok {
				jobs = append(jobs, job)
			}
		}
	}
	return jobs, nil
}

// dueDeliveries returns what the webhook is due, oldest first. A first attempt waits until the first attempts of all
// earlier states of its run have ended.
func dueDeliveries(tx *gorm.DB, w waitingWebhook, now time.Time, most int) ([]models.Delivery, error) {
	tests := ""
	if !w.Enabled {
		tests = " AND test"
	}
	return all[models.Delivery](tx.Where(`webhook_id = ? AND status = 'pending' AND due_at <= ?`+tests+`
		AND (first_ended_at IS NOT NULL OR NOT EXISTS (
			SELECT 1 FROM deliveries e WHERE e.run_key = deliveries.run_key AND e.webhook_id = deliveries.webhook_id
			AND e.state_version < deliveries.state_version AND e.status = 'pending' AND e.first_ended_at IS NULL))`,
		w.ID, micros(now)).Order("due_at, id").Limit(most))
}

// lease numbers the next attempt of a delivery. If its last attempt was cut by a crash, that is recorded first; a
// delivery whose tries are used up by it fails instead, and there is no job.
func (r ClaimRequest) lease(tx *gorm.DB, d models.Delivery, now time.Time) (Job, bool, error) {
	if d.LeaseOwner != "" {
		if err := recordInterrupted(tx, &d, now, r.MaxTries); err != nil {
			return Job{}, false, err
		}
	}
	if d.Status == models.Pending {
		d.Attempt++
		d.LeaseOwner, d.ClaimedAt, d.DueAt = r.Owner, now, now.Add(r.Lease)
	}
	if err := tx.Save(&d).Error; err != nil {
		return Job{}, false, err
	}
	if d.Status != models.Pending {
		return Job{}, false, nil
	}
	event, err := first[models.Event](tx.Select("payload").Where("id = ?", d.EventID))
	return Job{Delivery: d, Payload: event.Payload}, true, err
}

// recordInterrupted writes the attempt that nobody came back from. It may have been received.
func recordInterrupted(tx *gorm.DB, d *models.Delivery, now time.Time, maxTries int) error {
	err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&models.Attempt{ // a late result may have written it
		DeliveryID: d.ID, Number: d.Attempt, StartedAt: d.ClaimedAt, Reason: models.ReasonInterrupted,
		Detail: "Stackhook ended before the answer came. The request may have been received.",
	}).Error
	if err != nil {
		return err
	}
	d.LeaseOwner, d.Reason, d.Code, d.DueAt = "", models.ReasonInterrupted, 0, now
	d.Tries++
	if d.FirstEndedAt.IsZero() {
		d.FirstEndedAt = now
	}
	if d.Test || d.Tries >= maxTries {
		d.Status, d.EndedAt, d.DueAt = models.Failed, now, time.Time{}
	}
	return nil
}

// Renew prolongs a lease that is still the owner's; otherwise the delivery is somebody else's and must be dropped.
func (s *Store) Renew(ctx context.Context, deliveryID, owner string, attempt int, lease time.Duration) (held bool, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`UPDATE deliveries SET due_at = ? WHERE id = ? AND status = 'pending' AND lease_owner = ? AND attempt = ?`,
			micros(time.Now().Add(lease)), deliveryID, owner, attempt)
		held = done.RowsAffected == 1
		return done.Error
	})
	return held, err
}

// Release hands back a number whose request never started: it is not an attempt, and the next one gets it again.
func (s *Store) Release(ctx context.Context, deliveryID, owner string, attempt int) error {
	err := s.transact(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE deliveries SET lease_owner = '', attempt = attempt - 1, due_at = ?
			WHERE id = ? AND status = 'pending' AND lease_owner = ? AND attempt = ?`,
			micros(time.Now()), deliveryID, owner, attempt).Error
	})
	if err == nil {
		s.committed()
	}
	return err
}

// TakeOver ends all leases: the process that holds the database's lock file knows that their owners are gone. What they
// were sending is recorded as interrupted and due now; maxTries is as in ClaimRequest.
func (s *Store) TakeOver(ctx context.Context, maxTries int) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		left, err := all[models.Delivery](tx.Where(`status = 'pending' AND lease_owner <> ''`))
		if err != nil {
			return err
		}
		now := time.Now()
		for _, d := range left { // no more than one process sends at once
			if err := recordInterrupted(tx, &d, now, maxTries); err != nil {
				return err
			}
			if err := tx.Save(&d).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// Target is what an attempt reads when it starts.
type Target struct {
	Webhook models.Webhook
	Secret  string
}

// Target returns the webhook as it is now, with its secret opened; not found when it is deleted.
func (s *Store) Target(ctx context.Context, webhookID string) (Target, error) {
	w, err := first[models.Webhook](s.reader(ctx).Where("id = ? AND deleted_at IS NULL", webhookID))
	if err != nil {
		return Target{}, err
	}
	secret, err := s.Secret(w)
	return Target{Webhook: w, Secret: secret}, err
}
