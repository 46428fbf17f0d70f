package store

import (
	"time"

	"gorm.io/gorm"
)

// waitingWebhook is a webhook with pending deliveries. Instants are microseconds, 0 for none.
type waitingWebhook struct {
	ID        string
	OpenUntil int64 // of its circuit
	DueAt     int64 // of the delivery that falls due first, among which the probe is; 0 while it is disabled
	LaterAt   int64 // of the first that falls due after now
	// Tests wait for nothing: while the circuit is open or the webhook disabled they are left out above, and fall due here.
	TestAt, TestLaterAt int64
}

// lane is what of a webhook is claimed together.
type lane struct {
	webhook string
	dueAt   int64
	which   string // a condition on its deliveries, if these are not all
	probe   int64  // what open_until is where one delivery may be taken as the probe, 0 otherwise
}

const (
	onlyTests = " AND test"
	noTests   = " AND NOT test"
)

// due returns what may be sent now.
func (w waitingWebhook) due(now time.Time) (due []lane) {
	if w.TestAt != 0 && w.TestAt <= now.UnixMicro() {
		due = append(due, lane{w.ID, w.TestAt, onlyTests, 0})
	}
	if w.DueAt != 0 && max(w.DueAt, w.OpenUntil) <= now.UnixMicro() {
		l := lane{w.ID, w.DueAt, "", w.OpenUntil}
		if w.OpenUntil != 0 {
			l.which = noTests
		}
		due = append(due, l)
	}
	return due
}

// next is when something of it will be due that is not now.
func (w waitingWebhook) next(now time.Time) time.Time {
	at := w.LaterAt
	if w.OpenUntil > now.UnixMicro() && w.DueAt != 0 {
		at = max(w.DueAt, w.OpenUntil)
	}
	return earliest(orZero(at), orZero(w.TestLaterAt))
}

// earliest returns the earlier of two instants of which zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// waitingWebhooks skips through the index of pending deliveries from webhook to webhook: it costs the same however many
// deliveries each has.
func waitingWebhooks(db *gorm.DB, now time.Time) ([]waitingWebhook, error) {
	first := func(condition string) string {
		return `(SELECT MIN(due_at) FROM deliveries WHERE status = 'pending' AND webhook_id = w.id` + condition + `)`
	}
	const later = " AND due_at > ?"
	var rows []waitingWebhook
	err := db.Raw(`WITH RECURSIVE waiting (id) AS (
			SELECT MIN(webhook_id) FROM deliveries WHERE status = 'pending'
			UNION ALL
			SELECT (SELECT MIN(webhook_id) FROM deliveries WHERE status = 'pending' AND webhook_id > waiting.id)
			FROM waiting WHERE waiting.id IS NOT NULL
		)
		SELECT w.id, COALESCE(CASE WHEN w.enabled THEN w.open_until END, 0) AS open_until,
			COALESCE(CASE WHEN NOT w.enabled THEN 0 WHEN w.open_until IS NULL THEN `+first("")+` ELSE `+first(noTests)+` END, 0) AS due_at,
			COALESCE(CASE WHEN NOT w.enabled THEN 0 WHEN w.open_until IS NULL THEN `+first(later)+` ELSE `+first(noTests+later)+` END, 0) AS later_at,
			COALESCE(CASE WHEN NOT w.enabled OR w.open_until IS NOT NULL THEN `+first(onlyTests)+` END, 0) AS test_at,
			COALESCE(CASE WHEN NOT w.enabled OR w.open_until IS NOT NULL THEN `+first(onlyTests+later)+` END, 0) AS test_later_at
		FROM waiting JOIN webhooks w ON w.id = waiting.id WHERE w.deleted_at IS NULL`, micros(now), micros(now), micros(now)).Scan(&rows).Error
	return rows, unavailable(err)
}
