package store

import (
	"context"
	"math"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Outcome is what an attempt means for its delivery, as the engine judged it.
type Outcome struct {
	Status  models.Status // Delivered, Failed, or Pending for another try
	Reason  models.Reason // "" for a success
	DueAt   time.Time     // of the next try, for Pending
	Disable models.DisabledWhy
	// Probe is set if the attempt was the probe of its webhook's open circuit, see Job.
	Probe time.Time
	// DisableAfter is how long a webhook may fail before it is disabled.
	DisableAfter time.Duration
	// Expire is how long a delivery may be pending: no older one was attempted, unless somebody had it redelivered.
	Expire time.Duration
}

// RecordAttempt stores what an attempt brought. The attempt's own rows are always written. The delivery changes if the
// number is still the newest and the lease the owner's, or if it is a success: the receiver then has it, whoever else is
// still trying. Recording the same attempt again changes nothing. It returns why the webhook was disabled by that, "" if
// it was not.
func (s *Store) RecordAttempt(ctx context.Context, owner string, a models.Attempt, o Outcome) (models.DisabledWhy, error) {
	r := &resultWish{owner: owner, attempt: a, outcome: o}
	if err := s.commit(ctx, wish{result: r}); err != nil {
		return "", err // a group may still have it
	}
	return r.disabled, nil
}

// Expire ends at most most pending deliveries whose event, or last redelivery, is older than that, and returns how many.
// One in flight is left to its result. One whose lease has ended is not in flight: of a disabled webhook, or behind an open
// circuit, no claim would ever find that out.
func (s *Store) Expire(ctx context.Context, olderThan time.Duration, most int) (int, error) {
	var old []models.Delivery
	var done *counts
	now := time.Now()
	err := s.transact(ctx, func(tx *gorm.DB) (err error) {
		old, err = all[models.Delivery](skipLocked(tx).Where(`status = 'pending' AND expire_from < ? AND (lease_owner = '' OR due_at < ?)`,
			micros(now.Add(-olderThan)), micros(now)).Order("expire_from").Limit(most))
		if err != nil {
			return err
		}
		done = newCounts()
		return expire(tx, old, now, done)
	})
	if err == nil && len(old) > 0 {
		s.tell(done)
		s.committed()
	}
	return len(old), err
}

func expire(tx *gorm.DB, old []models.Delivery, now time.Time, done *counts) error {
	var ids []string
	for i := range old {
		if old[i].LeaseOwner != "" {
			if err := interrupt(tx, &old[i], now, math.MaxInt, done); err != nil {
				return err
			}
		}
		if old[i].Status != models.Pending {
			continue // a test, which has ended by that
		}
		ids = append(ids, old[i].ID)
		old[i].Status, old[i].Reason = models.Failed, models.ReasonExpired
		done.delivery(old[i], 0)
		done.lost = append(done.lost, old[i])
	}
	if len(ids) == 0 {
		return nil
	}
	return tx.Exec(`UPDATE deliveries SET status = 'failed', reason = ?, ended_at = ?, due_at = NULL WHERE ?`,
		models.ReasonExpired, micros(now), among(tx, "id", ids)).Error
}
