package store

import (
	"context"
	"time"

	"stackhook/models"
)

// FailingWebhook is an enabled webhook whose receiver accepts nothing.
type FailingWebhook struct {
	models.Webhook
	StackID, StackName string
}

// failingMost bounds how many are named.
const failingMost = 200

// Failing returns the webhooks that have been failing for at least that long, the longest first, up to 200 of them; and
// whether so many of those that were tried in the last hour are failing that the fault is probably on this side.
func (s *Store) Failing(ctx context.Context, atLeast time.Duration) (failing []FailingWebhook, ours bool, err error) {
	now := time.Now()
	err = s.reader(ctx).Raw(`SELECT `+columns[models.Webhook](s.read, "w")+`, s.id AS stack_id, s.name AS stack_name FROM webhooks w JOIN stacks s ON s.key = w.stack_key
		WHERE w.failing_since <= ? AND w.enabled AND w.deleted_at IS NULL AND s.deleted_at IS NULL ORDER BY w.failing_since, w.id LIMIT ?`,
		micros(now.Add(-atLeast)), failingMost).Scan(&failing).Error
	if err != nil {
		return nil, false, unavailable(err)
	}
	ours, err = probablyOurs(s.reader(ctx), now)
	return failing, ours, unavailable(err)
}
