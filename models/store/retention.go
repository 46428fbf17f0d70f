package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// What is older than it is kept goes in batches, each a short transaction, so that deliveries get their turn in between.
// The batches walk along the primary keys, which are in order of time as near as clocks are right, from a cursor that the
// caller keeps: rows that stay, because they are pending or were redelivered, are passed and not met by each batch again.
// A walk ends where a whole batch of rows is younger.

// PurgeDeliveries removes, of the next most deliveries after the one with the id after, those that ended before a time,
// with their attempts. With the last delivery of an event goes its payload; what is left of the event goes with its run,
// that of a test at once. It returns the id to go on after, "" when no older deliveries are left, and how many it
// removed; it starts with the oldest after "".
func (s *Store) PurgeDeliveries(ctx context.Context, before time.Time, after string, most int) (last string, removed int, err error) {
	next, err := all[models.Delivery](s.reader(ctx).Select("id", "status", "ended_at", "created_at").
		Where("id > ?", after).Order("id").Limit(most))
	if err != nil {
		return "", 0, err
	}
	var old []string
	older := false
	for _, d := range next {
		older = older || d.CreatedAt.Before(before)
		if d.Status != models.Pending && d.EndedAt.Before(before) {
			old = append(old, d.ID)
		}
	}
	if len(old) > 0 {
		err = s.purge(ctx, func(tx *gorm.DB) error {
			removed, err = purgeDeliveries(tx, old, before)
			return err
		})
	}
	if len(next) < most || !older || err != nil {
		return "", removed, err
	}
	return next[most-1].ID, removed, nil
}

// purge is transact for what removes many rows: the log that it fills is moved into the database in time.
func (s *Store) purge(ctx context.Context, f func(tx *gorm.DB) error) error {
	if s.checkpointer != nil {
		defer s.checkpointer.committed(purgeWeight)
	}
	return s.transact(ctx, f)
}

// purgeWeight is how many changes fill the log as much as a batch of a few hundred rows does, see commitPages.
const purgeWeight = 250

// purgeDeliveries removes those of the deliveries that nobody has redelivered meanwhile.
func purgeDeliveries(tx *gorm.DB, ids []string, before time.Time) (int, error) {
	old, err := all[models.Delivery](locked(tx).Select("id", "event_id").
		Where(among(tx, "id", ids)).Where("status <> 'pending' AND ended_at < ?", micros(before)).Order("id"))
	if err != nil || len(old) == 0 {
		return 0, err
	}
	var events []string
	ids = ids[:0]
	for _, d := range old {
		ids, events = append(ids, d.ID), append(events, d.EventID)
	}
	events = unique(events)
	if err := dropDeliveries(tx, ids); err != nil {
		return 0, err
	}
	// The event of a test has one delivery, that of a run one for each webhook.
	if err := tx.Exec(`DELETE FROM events WHERE ? AND run_key IS NULL`, among(tx, "id", events)).Error; err != nil {
		return 0, err
	}
	err = tx.Exec(`UPDATE events SET payload = ? WHERE ? AND NOT EXISTS (
		SELECT 1 FROM deliveries d WHERE d.run_key = events.run_key AND d.state_version = events.state_version)`,
		[]byte{}, among(tx, "id", events)).Error
	if err != nil {
		return 0, err
	}
	return len(ids), nil
}

// PurgeRuns removes, of the next runs after the one with that key, those whose last state is from before a time and of
// which no delivery is left, with their events: of at most most events, unless a single run has more. It returns the key
// to go on after, 0 when no older runs are left, and how many it removed.
func (s *Store) PurgeRuns(ctx context.Context, before time.Time, after int64, most int) (last int64, removed int, err error) {
	next, err := all[models.Run](s.reader(ctx).Select("key", "state_version", "received_at", "updated_at").
		Where("key > ?", after).Order("key").Limit(most))
	if err != nil {
		return 0, 0, err
	}
	old, last := oldRuns(next, before, most)
	if len(old) > 0 {
		err = s.purge(ctx, func(tx *gorm.DB) error {
			removed, err = purgeRuns(tx, old, before)
			return err
		})
	}
	return last, removed, err
}

// oldRuns returns the runs that may be removed, which have at most most events together unless it is one run, and the
// key of the last one looked at, 0 at the end: runs are in order of their receipt.
func oldRuns(runs []models.Run, before time.Time, most int) (old []int64, last int64) {
	var events int64
	older := false
	for _, r := range runs {
		older = older || r.ReceivedAt.Before(before)
		if r.UpdatedAt.Before(before) {
			if events += r.StateVersion + 1; events > int64(most) && len(old) > 0 {
				return old, last
			}
			old = append(old, r.Key)
		}
		last = r.Key
	}
	if len(runs) < most || !older {
		return old, 0
	}
	return old, last
}

// purgeRuns removes those of the runs that have no deliveries and have not changed state meanwhile.
func purgeRuns(tx *gorm.DB, keys []int64, before time.Time) (int, error) {
	old, err := all[models.Run](locked(tx).Select("key").Where(among(tx, "key", keys)).
		Where("updated_at < ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE run_key = runs.key)", micros(before)).Order("key"))
	if err != nil || len(old) == 0 {
		return 0, err
	}
	keys = keys[:0]
	for _, r := range old {
		keys = append(keys, r.Key)
	}
	if err := tx.Exec(`DELETE FROM events WHERE ?`, among(tx, "run_key", keys)).Error; err != nil {
		return 0, err
	}
	return len(keys), tx.Exec(`DELETE FROM runs WHERE ?`, among(tx, "key", keys)).Error
}

// PurgeAudit removes at most most audit records from before a time, oldest first, and returns how many.
func (s *Store) PurgeAudit(ctx context.Context, before time.Time, most int) (removed int, err error) {
	err = s.purge(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`DELETE FROM audit_records WHERE id IN (
			SELECT id FROM (SELECT id, at FROM audit_records ORDER BY id LIMIT ?) AS oldest WHERE at < ?)`, most, micros(before))
		removed = int(done.RowsAffected)
		return done.Error
	})
	return removed, err
}
