package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// endMost is how many deliveries of a deleted webhook end in one transaction, so that others get their turn at the
// database in between.
const endMost = 500

// endWithin is how long whoever deletes a webhook waits for its deliveries to end: some ten thousand do.
const endWithin = 3 * time.Second

// noSecrets wipes the secrets of a webhook.
const noSecrets = `secret_sealed = NULL, secret_fingerprint = '', next_secret_sealed = NULL, next_secret_fingerprint = '', next_secret_at = NULL,
	previous_secret_sealed = NULL, previous_secret_fingerprint = '', previous_secret_at = NULL`

// DeleteWebhook deletes a webhook: its pending deliveries end, its secret is wiped, its endpoint is free again and its
// log remains. A request in flight is finished and recorded. Where many are pending, the first of them end in the
// transaction that deletes, after which nothing is sent any more, and the others after it; see EndDeleted.
func (s *Store) DeleteWebhook(ctx context.Context, by models.Actor, stack models.Stack, id string) error {
	var ended int
	var done *counts
	err := s.transact(ctx, func(tx *gorm.DB) (err error) {
		// Deliveries first, as groups lock them. Should the webhook not be there, nothing of this remains.
		done = newCounts()
		if ended, err = s.endDeleted(tx, id, endMost, done); err != nil {
			return err
		}
		w, err := first[models.Webhook](locked(tx).Where("id = ? AND stack_key = ? AND deleted_at IS NULL", id, stack.Key))
		if err != nil {
			return err
		}
		if err := tx.Exec(`UPDATE webhooks SET deleted_at = ?, `+noSecrets+` WHERE id = ?`,
			micros(time.Now()), id).Error; err != nil {
			return err
		}
		return audit(tx, by, webhookRecord(models.WebhookDeleted, stack, w, ""))
	})
	if err != nil {
		return err
	}
	s.targets.forget()
	s.noteWebhook(id, stack.Key)
	s.tellDeleted(done)
	// It is deleted, whatever becomes of this: what does not end now ends with EndDeleted.
	for began := time.Now(); err == nil && ended == endMost && ctx.Err() == nil && time.Since(began) < endWithin; {
		ended, err = s.endDeletedOf(ctx, id, endMost)
	}
	return nil
}

// EndDeleted ends at most most pending deliveries of a webhook that was deleted, and returns how many. These are what was
// being committed while it was deleted, and, after a crash, the rest of many.
func (s *Store) EndDeleted(ctx context.Context, most int) (ended int, err error) {
	var id string
	err = s.reader(ctx).Raw(`SELECT w.id FROM webhooks w JOIN stacks s ON s.key = w.stack_key
		WHERE w.deleted_at IS NOT NULL AND s.deleted_at IS NULL
			AND EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = w.id AND status = 'pending') LIMIT 1`).Scan(&id).Error
	if err != nil || id == "" {
		return 0, unavailable(err)
	}
	return s.endDeletedOf(ctx, id, most)
}

func (s *Store) endDeletedOf(ctx context.Context, id string, most int) (ended int, err error) {
	var done *counts
	err = s.transact(ctx, func(tx *gorm.DB) (err error) {
		done = newCounts()
		ended, err = s.endDeleted(tx, id, most, done)
		return err
	})
	if err == nil {
		s.tellDeleted(done)
	}
	return ended, err
}

// endDeleted ends pending deliveries of one webhook, and returns how many. It locks them in the order in which groups do.
func (s *Store) endDeleted(tx *gorm.DB, webhook string, most int, done *counts) (int, error) {
	next, err := all[models.Delivery](tx.Select("id").Where("webhook_id = ? AND status = 'pending'", webhook).Order("due_at, id").Limit(most))
	if err == nil && len(next) > 0 {
		next, err = all[models.Delivery](locked(tx).Select("id", "webhook_id", "stack_key", "test").Where(among(tx, "id", deliveryIDs(next))).Where("status = 'pending'").Order("id"))
	}
	if err != nil || len(next) == 0 {
		return 0, err
	}
	for _, d := range next {
		d.Status, d.Reason = models.Failed, models.ReasonWebhookDeleted
		done.delivery(d, 0)
	}
	return len(next), tx.Exec(`UPDATE deliveries SET status = 'failed', reason = ?, ended_at = ?, due_at = NULL WHERE ?`,
		models.ReasonWebhookDeleted, micros(time.Now()), among(tx, "id", deliveryIDs(next))).Error
}

// tellDeleted tells of deliveries that ended.
func (s *Store) tellDeleted(done *counts) {
	s.tell(done)
	s.committed()
}

func deliveryIDs(deliveries []models.Delivery) []string {
	ids := make([]string, len(deliveries))
	for i, d := range deliveries {
		ids[i] = d.ID
	}
	return ids
}
