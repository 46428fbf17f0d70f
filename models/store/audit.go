package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// audit writes who did what. It belongs to the transaction that does it: what is not recorded has not happened.
func audit(tx *gorm.DB, by models.Actor, r models.AuditRecord) error {
	now := time.Now()
	r.ID, r.At, r.Actor = models.NewID(now), now, by
	return tx.Create(&r).Error
}

// RecordSignIn records a sign-in, a sign-out or a failed try, and the way of it.
func (s *Store) RecordSignIn(ctx context.Context, by models.Actor, action models.Action, subject, way string) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		return audit(tx, by, models.AuditRecord{Action: action, Subject: subject, Detail: way})
	})
}

// clocksDiffer is more than the clocks of two replicas may.
const clocksDiffer = time.Minute

// Reveals returns who viewed the webhook's secret since it was last changed, newest first, at most 100. Views of a secret while
// it was prepared are views of it; those of the one before it are not, also if they came later.
func (s *Store) Reveals(ctx context.Context, w models.Webhook) ([]models.AuditRecord, error) {
	return all[models.AuditRecord](s.reader(ctx).
		Where("webhook_id = ? AND action = ? AND id >= ?", w.ID, models.SecretRevealed, models.LeastID(w.SecretChangedAt.Add(-clocksDiffer))).
		// "" is from before fingerprints were recorded.
		Where("(detail = ? OR detail = '' AND at >= ?)", w.SecretFingerprint, w.SecretChangedAt.UnixMicro()).
		Order("id DESC").Limit(100))
}

// DisabledBy returns who disabled the webhook, or added it disabled; the zero Actor if the record is gone.
func (s *Store) DisabledBy(ctx context.Context, w models.Webhook) (models.Actor, error) {
	records, err := all[models.AuditRecord](s.reader(ctx).
		Where("webhook_id = ? AND action IN ?", w.ID, []models.Action{models.WebhookDisabled, models.WebhookCreated}).
		Order("id DESC").Limit(1))
	if len(records) == 0 {
		return models.Actor{}, err
	}
	return records[0].Actor, err
}
