package store

import (
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// What nearly every group reads is read past GORM, as its rows are written.

// readStacks returns those of the stacks that are not deleted.
func readStacks(tx *gorm.DB, keys []int64) (map[int64]models.Stack, error) {
	text := `SELECT key, id, name, description, COALESCE(labels, '') FROM stacks WHERE ` + amongKeys[int64](tx, "key", "$1") + ` AND deleted_at IS NULL`
	stacks := map[int64]models.Stack{}
	err := query(tx, text, []any{keyList(tx, keys)}, func(r row) error {
		var s models.Stack
		var labels string
		if err := r.Scan(&s.Key, &s.ID, &s.Name, &s.Description, &labels); err != nil {
			return err
		}
		stacks[s.Key] = s
		if labels == "" {
			return nil
		}
		err := json.Unmarshal([]byte(labels), &s.Labels)
		stacks[s.Key] = s
		return err
	})
	return stacks, unavailable(err)
}

// readWebhooks returns the webhooks of the stacks: of each only what a new delivery depends on.
func readWebhooks(tx *gorm.DB, stacks []int64) (map[int64][]models.Webhook, error) {
	text := `SELECT id, stack_key, enabled, COALESCE(open_until, 0) FROM webhooks WHERE ` + amongKeys[int64](tx, "stack_key", "$1") +
		` AND deleted_at IS NULL ORDER BY id`
	webhooks := map[int64][]models.Webhook{}
	err := query(tx, text, []any{keyList(tx, stacks)}, func(r row) error {
		var w models.Webhook
		var open int64
		if err := r.Scan(&w.ID, &w.StackKey, &w.Enabled, &open); err != nil {
			return err
		}
		w.OpenUntil = orZero(open)
		webhooks[w.StackKey] = append(webhooks[w.StackKey], w)
		return nil
	})
	return webhooks, unavailable(err)
}

// lockHealth returns, and locks, what the webhooks' rows say of how their receivers do.
func lockHealth(tx *gorm.DB, ids []string) ([]models.Webhook, error) {
	text := `SELECT id, stack_key, endpoint_host, enabled, failures, COALESCE(failing_since, 0), COALESCE(last_delivered_at, 0),
		COALESCE(open_until, 0), probes, COALESCE(tried_at, 0) FROM webhooks WHERE ` + amongKeys[string](tx, "id", "$1") + ` ORDER BY id`
	if onPostgres(tx) {
		text += " FOR " + noKeyUpdate
	}
	var webhooks []models.Webhook
	err := query(tx, text, []any{keyList(tx, ids)}, func(r row) error {
		var w models.Webhook
		var failures, failing, last, open, probes, tried int64
		err := r.Scan(&w.ID, &w.StackKey, &w.EndpointHost, &w.Enabled, &failures, &failing, &last, &open, &probes, &tried)
		w.Failures, w.Probes = int(failures), int(probes)
		w.FailingSince, w.LastDeliveredAt, w.OpenUntil, w.TriedAt = orZero(failing), orZero(last), orZero(open), orZero(tried)
		webhooks = append(webhooks, w)
		return err
	})
	return webhooks, unavailable(err)
}

// orZero returns an instant of which 0 is none.
func orZero(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return fromMicros(n)
}
