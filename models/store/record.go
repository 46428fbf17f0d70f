package store

import (
	"context"
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
	// DisableAfter is how long a webhook may fail before it is disabled; 0 is for ever.
	DisableAfter time.Duration
}

// RecordAttempt stores what an attempt brought. The attempt's own rows are always written. The delivery changes if the
// number is still the newest and the lease the owner's, or if it is a success: the receiver then has it, whoever else is
// still trying. Recording the same attempt again changes nothing.
func (s *Store) RecordAttempt(ctx context.Context, owner string, a models.Attempt, o Outcome) error {
	a.Exchange.DeliveryID, a.Exchange.Number = a.DeliveryID, a.Number
	return s.commit(ctx, wish{result: &resultWish{owner, a, o}})
}

// Expire ends at most most pending deliveries whose event, or last redelivery, is older than that, and returns how many.
// One in flight is left to its result.
func (s *Store) Expire(ctx context.Context, olderThan time.Duration, most int) (int, error) {
	var expired int64
	now := time.Now()
	err := s.transact(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`UPDATE deliveries SET status = 'failed', reason = ?, ended_at = ?, due_at = NULL
			WHERE id IN (SELECT id FROM deliveries WHERE status = 'pending' AND expire_from < ? AND lease_owner = ''
				ORDER BY expire_from LIMIT ?)`,
			models.ReasonExpired, micros(now), micros(now.Add(-olderThan)), most)
		expired = done.RowsAffected
		return done.Error
	})
	if err == nil && expired > 0 {
		s.metrics.ended.WithLabelValues(string(models.Failed), string(models.ReasonExpired)).Add(float64(expired))
		s.committed()
	}
	return int(expired), err
}
