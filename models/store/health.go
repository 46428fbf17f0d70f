package store

import (
	"context"
	"slices"
	"time"

	"stackhook/models"
)

// StripLength is how many of the last deliveries a webhook's card shows.
const StripLength = 40

// WebhookHealth is how a webhook did lately. Tests are left out.
type WebhookHealth struct {
	Webhook models.Webhook
	Last    []models.Status // of the last StripLength deliveries, oldest first
	// LastFailure is the newest of them whose last attempt failed, or, while the webhook fails, of those that wait, with id,
	// status, reason, code and when the attempt began; nil if there is none.
	LastFailure *models.Delivery
	// Waiting counts the pending deliveries, up to 10,001. Like the other counts here it may be three seconds old where it is
	// 1,000 or more.
	Waiting int
	Day     DayTally
	// Skipped counts the deliveries skipped since the webhook was disabled, up to 10,001; 0 while it is enabled.
	Skipped int
}

// DayTally counts the deliveries that ended within the last 24 hours, to half an hour, and those that are pending, up to 10,001.
type DayTally struct {
	Delivered, Failed, Skipped int
	Waiting                    int // for their first attempt
	Retrying                   int // after a failed one
}

// WebhookHealths returns the stack's webhooks, oldest first, with how they did lately.
func (s *Store) WebhookHealths(ctx context.Context, stack models.Stack) ([]WebhookHealth, error) {
	webhooks, err := s.Webhooks(ctx, stack)
	if err != nil {
		return nil, err
	}
	healths := make([]WebhookHealth, len(webhooks))
	for i, w := range webhooks {
		if healths[i], err = s.WebhookHealth(ctx, w); err != nil {
			return nil, err
		}
	}
	return healths, nil
}

// WebhookHealth returns how one webhook did lately.
func (s *Store) WebhookHealth(ctx context.Context, w models.Webhook) (WebhookHealth, error) {
	h := WebhookHealth{Webhook: w}
	last, err := all[models.Delivery](s.reader(ctx).Select("id", "status", "reason", "code", "claimed_at").
		Where("webhook_id = ? AND NOT test", w.ID).Order("id DESC").Limit(StripLength))
	if err != nil {
		return h, err
	}
	for _, d := range last {
		h.Last = append(h.Last, d.Status)
		if h.LastFailure == nil && d.Status != models.Skipped && d.Reason != "" {
			h.LastFailure = &d
		}
	}
	slices.Reverse(h.Last)
	if h.LastFailure == nil && !w.FailingSince.IsZero() {
		if h.LastFailure, err = s.lastProbed(ctx, w); err != nil {
			return h, err
		}
	}
	h.Waiting, err = s.many.of("pending of "+w.ID, func() (int, error) { return s.PendingDeliveries(ctx, w.ID) })
	if err != nil {
		return h, err
	}
	if h.Day, err = s.dayTally(ctx, w, h.Waiting); err != nil {
		return h, err
	}
	if !w.Enabled {
		h.Skipped, err = s.many.of("skipped of "+w.ID+" since "+w.DisabledAt.String(), func() (int, error) { return s.skippedSince(ctx, w, w.DisabledAt) })
	}
	return h, err
}

// lastProbed returns the delivery whose failed attempt is the last one, nil if it is not found: behind an open circuit the
// oldest ones are tried, and many younger ones wait for their first attempt.
func (s *Store) lastProbed(ctx context.Context, w models.Webhook) (*models.Delivery, error) {
	oldest, err := all[models.Delivery](s.reader(ctx).Select("id", "status", "reason", "code", "claimed_at").
		Where("webhook_id = ? AND status = 'pending' AND status <> 'delivered' AND NOT test", w.ID).Order("id").Limit(StripLength))
	var last *models.Delivery
	for i, d := range oldest {
		if d.Reason != "" && (last == nil || d.ClaimedAt.After(last.ClaimedAt)) {
			last = &oldest[i]
		}
	}
	return last, err
}

// dayTally is of the counters for what ended, and of what is pending. What is counted is all in indexes of what is pending:
// counting the rows themselves would take 20 ms where 10,000 wait.
func (s *Store) dayTally(ctx context.Context, w models.Webhook, pending int) (day DayTally, err error) {
	tallies, err := s.tallies(ctx, webhookTallies, models.DefaultSpan, time.Now(), "webhook_id = ?", w.ID)
	if err != nil {
		return day, err
	}
	for _, t := range tallies {
		day.Delivered, day.Failed, day.Skipped = day.Delivered+int(t.Delivered), day.Failed+int(t.Failed), day.Skipped+int(t.Skipped)
	}
	tests := 0
	for condition, into := range map[string]*int{" AND test": &tests, " AND tries > 0 AND NOT test": &day.Retrying} {
		*into, err = s.many.of("pending of "+w.ID+condition, func() (n int, err error) {
			err = s.reader(ctx).Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE webhook_id = ? AND status = 'pending'`+condition+` LIMIT ?) AS counted`,
				w.ID, maxCount).Scan(&n).Error
			return n, unavailable(err)
		})
		if err != nil {
			return day, err
		}
	}
	day.Waiting = max(pending-tests-day.Retrying, 0) // they are counted one after the other
	return day, nil
}

// skippedSince goes by the ids, which begin with the time: the indexes have those.
func (s *Store) skippedSince(ctx context.Context, w models.Webhook, since time.Time) (n int, err error) {
	err = s.reader(ctx).Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE webhook_id = ? AND status = ? AND status <> 'delivered' AND id >= ? LIMIT ?) AS counted`,
		w.ID, models.Skipped, models.LeastID(since), maxCount).Scan(&n).Error
	return n, unavailable(err)
}
