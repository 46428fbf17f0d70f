package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"stackhook/models"
)

// Outcome is what an attempt means for its delivery, as the engine judged it.
type Outcome struct {
	Status  models.Status // Delivered, Failed, or Pending for another try
	Reason  models.Reason // "" for a success
	DueAt   time.Time     // of the next try, for Pending
	Disable models.DisabledWhy
}

// RecordAttempt stores what an attempt brought, in one transaction. The attempt's own rows are always written. The
// delivery changes if the number is still the newest and the lease the owner's, or if it is a success: the receiver then
// has it, whoever else is still trying.
func (s *Store) RecordAttempt(ctx context.Context, owner string, a models.Attempt, o Outcome) error {
	a.Exchange.DeliveryID, a.Exchange.Number = a.DeliveryID, a.Number
	err := s.transact(ctx, func(tx *gorm.DB) error {
		replace := clause.OnConflict{UpdateAll: true} // an "interrupted" row, when the result came after all
		if err := tx.Clauses(replace).Create(&a).Error; err != nil {
			return err
		}
		if err := tx.Clauses(replace).Create(&a.Exchange).Error; err != nil {
			return err
		}
		d, err := first[models.Delivery](tx.Where("id = ?", a.DeliveryID))
		if err != nil {
			return err
		}
		current := d.Attempt == a.Number && d.LeaseOwner == owner
		if current || o.Status == models.Delivered {
			conclude(&d, a, o, current)
			if err := tx.Save(&d).Error; err != nil {
				return err
			}
		}
		if d.Test {
			return nil
		}
		return noteHealth(tx, d, a, o)
	})
	if errors.Is(err, models.ErrNotFound) {
		return nil // its stack was deleted and purged meanwhile: there is no row to keep it in
	}
	if err == nil {
		s.committed()
	}
	return err
}

// conclude puts the result into the delivery.
func conclude(d *models.Delivery, a models.Attempt, o Outcome, current bool) {
	ended := a.StartedAt.Add(a.Total)
	if current {
		d.LeaseOwner, d.Tries = "", d.Tries+1
		if d.FirstEndedAt.IsZero() {
			d.FirstEndedAt = ended
		}
	}
	if o.Status == models.Delivered && d.FirstDelivered.IsZero() {
		d.FirstDelivered = ended
	}
	if d.Status != models.Pending && o.Status != models.Delivered {
		return // it ended while the request was in flight, by a deletion: that reason stays
	}
	d.Status, d.Reason, d.Code, d.Duration, d.DueAt = o.Status, o.Reason, a.Code, a.Total, o.DueAt
	if o.Status != models.Pending {
		d.DueAt, d.EndedAt, d.LeaseOwner = time.Time{}, ended, ""
	}
}

// faultless are reasons that say nothing about the receiver.
var faultless = []models.Reason{models.ReasonBlocked, models.ReasonInterrupted, models.ReasonInternal}

// noteHealth keeps on the webhook's row how its receiver does, and disables it if the outcome says so.
func noteHealth(tx *gorm.DB, d models.Delivery, a models.Attempt, o Outcome) error {
	switch {
	case o.Status == models.Delivered:
		return tx.Exec(`UPDATE webhooks SET failures = 0, failing_since = NULL, last_delivered_at = ? WHERE id = ?`,
			micros(a.StartedAt.Add(a.Total)), d.WebhookID).Error
	case !slices.Contains(faultless, o.Reason):
		if err := tx.Exec(`UPDATE webhooks SET failures = failures + 1, failing_since = COALESCE(failing_since, ?) WHERE id = ?`,
			micros(a.StartedAt), d.WebhookID).Error; err != nil {
			return err
		}
	}
	if o.Disable == "" {
		return nil
	}
	return disable(tx, d, o.Disable)
}

func disable(tx *gorm.DB, d models.Delivery, why models.DisabledWhy) error {
	done := tx.Exec(`UPDATE webhooks SET enabled = ?, disabled_why = ?, disabled_at = ? WHERE id = ? AND enabled`,
		false, why, micros(time.Now()), d.WebhookID)
	if done.Error != nil || done.RowsAffected == 0 {
		return done.Error
	}
	w, err := first[models.Webhook](tx.Where("id = ?", d.WebhookID))
	if err != nil {
		return err
	}
	stack, err := first[models.Stack](tx.Where("key = ?", d.StackKey))
	if err != nil {
		return err
	}
	return audit(tx, models.Actor{Kind: models.ActorSystem, Name: "Stackhook"},
		webhookRecord(models.WebhookDisabled, stack, w, "The receiver answered 410 Gone to delivery "+d.ID))
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
		s.committed()
	}
	return int(expired), err
}
