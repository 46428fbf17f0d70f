package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"stackhook/models"
)

// interrupt ends the attempt that nobody came back from, and its lease.
func interrupt(tx *gorm.DB, d *models.Delivery, now time.Time, maxTries int, done *counts) error {
	if err := recordInterrupted(tx, d, now, maxTries); err != nil {
		return err
	}
	done.attempt(models.ReasonInterrupted, 0)
	done.delivery(*d, 0)
	done.lost = append(done.lost, *d)
	return tx.Save(d).Error
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
	err = s.commit(ctx, wish{do: func(tx *gorm.DB) error {
		done := tx.Exec(`UPDATE deliveries SET due_at = ? WHERE id = ? AND status = 'pending' AND lease_owner = ? AND attempt = ?`,
			micros(time.Now().Add(lease)), deliveryID, owner, attempt)
		held = done.RowsAffected == 1
		return done.Error
	}})
	if err != nil {
		return false, err
	}
	return held, nil
}

// Release hands back a job whose request never started: its number is not an attempt, and the next one gets it again. One
// that ended meanwhile, by a deletion, was not attempted either. The next probe, if this was one, is due at once.
func (s *Store) Release(ctx context.Context, owner string, job Job) error {
	d := job.Delivery
	err := s.commit(ctx, wish{do: func(tx *gorm.DB) error {
		now := time.Now()
		done := tx.Exec(`UPDATE deliveries SET lease_owner = '', attempt = attempt - 1, due_at = CASE WHEN status = 'pending' THEN CAST(? AS bigint) END
			WHERE id = ? AND lease_owner = ? AND attempt = ?`, micros(now), d.ID, owner, d.Attempt)
		if done.Error != nil || done.RowsAffected == 0 || job.Probe.IsZero() {
			return done.Error
		}
		return giveProbeBack(tx, d.WebhookID, job.Probe, now)
	}})
	if err == nil {
		s.noteWebhook(d.WebhookID, d.StackKey)
		s.committed()
	}
	return err
}

// TakeOver ends all leases: the process that holds the database's lock file knows that their owners are gone. What they
// were sending is recorded as interrupted and due now; maxTries is as in ClaimRequest. On PostgreSQL, where other
// replicas may be sending, it does nothing: leases end by time there.
func (s *Store) TakeOver(ctx context.Context, maxTries int) error {
	if onPostgres(s.write) {
		return nil
	}
	done := newCounts()
	err := s.transact(ctx, func(tx *gorm.DB) error {
		left, err := all[models.Delivery](tx.Where(`status = 'pending' AND lease_owner <> ''`))
		if err != nil {
			return err
		}
		now := time.Now()
		for _, d := range left { // no more than one process sends at once
			if err := interrupt(tx, &d, now, maxTries, done); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.tell(done)
	}
	return err
}
