package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// notificationTries is how often a notification is judged anew because others of the same run were faster.
const notificationTries = 20

// ReceiveHCP does what a notification means for its run, and keeps it with what was made of it. Its state is committed, or it is
// certain that it means none, before it is kept: it may be repeated whenever this fails.
func (s *Store) ReceiveHCP(ctx context.Context, stack models.Stack, n models.HCPNotification, body []byte) (kept models.InletNotification, err error) {
	kept = n.Kept(body)
	kept.StackKey, kept.ReceivedAt = stack.Key, time.Now()
	if kept.State != "" {
		kept.RunID = n.OurRun()
		if kept.Outcome, err = s.reportHCP(ctx, stack, n); err != nil {
			return kept, err
		}
	}
	return kept, s.transact(ctx, func(tx *gorm.DB) error { return tx.Create(&kept).Error })
}

// reportHCP starts the run or moves it on, as the notification says. Of two that come at once the second is judged by what the first
// has made of the run.
func (s *Store) reportHCP(ctx context.Context, stack models.Stack, n models.HCPNotification) (models.NotificationOutcome, error) {
	for range notificationTries {
		outcome, rec, err := s.reportOnce(ctx, stack, n)
		var conflict *models.Conflict
		switch {
		case rec.Repeated, errors.As(err, &conflict): // somebody was faster
		default:
			return outcome, err
		}
	}
	return "", fmt.Errorf("%w: other notifications of this run were faster", models.ErrUnavailable)
}

func (s *Store) reportOnce(ctx context.Context, stack models.Stack, n models.HCPNotification) (outcome models.NotificationOutcome, rec Recorded, err error) {
	run, err := s.Run(ctx, stack, n.OurRun())
	if errors.Is(err, models.ErrNotFound) {
		rec, err = s.StartRun(ctx, stack, n.Start())
		return models.NotificationStarted, rec, err
	}
	if err != nil {
		return "", rec, err
	}
	if outcome = n.Judge(run); outcome == models.NotificationRecorded {
		rec, err = s.RecordState(ctx, stack, run.ID, n.Next(run))
	}
	return outcome, rec, err
}

// Notifications returns a page of what came in by the inlets of a kind of a stack, newest first, without bodies. Cursors are keys, in
// decimal.
func (s *Store) Notifications(ctx context.Context, stack models.Stack, kind models.InletKind, page Page) (Listing[models.InletNotification], error) {
	for _, cursor := range []string{page.Older, page.Newer} {
		if _, err := strconv.ParseInt(cursor, 10, 64); cursor != "" && err != nil {
			return Listing[models.InletNotification]{}, models.Invalid{{Field: "cursor", Message: "This is not a cursor of this list. Start from its first page."}}
		}
	}
	return list(s.reader(ctx).Omit("body").Where("stack_key = ? AND kind = ?", stack.Key, kind), "key", page,
		func(n models.InletNotification) string { return fmt.Sprint(n.Key) })
}

// Notification returns one of them with its body.
func (s *Store) Notification(ctx context.Context, stack models.Stack, kind models.InletKind, key int64) (models.InletNotification, error) {
	return first[models.InletNotification](s.reader(ctx).Where("stack_key = ? AND kind = ? AND key = ?", stack.Key, kind, key))
}

// PurgeNotifications removes at most most notifications from before a time, oldest first, and returns how many.
func (s *Store) PurgeNotifications(ctx context.Context, before time.Time, most int) (removed int, err error) {
	err = s.purge(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`DELETE FROM inlet_notifications WHERE key IN (
			SELECT key FROM (SELECT key, received_at FROM inlet_notifications ORDER BY key LIMIT ?) AS oldest WHERE received_at < ?)`, most, micros(before))
		removed = int(done.RowsAffected)
		return done.Error
	})
	return removed, err
}
