package store

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"stackhook/models"
)

// StripLength is how many of the last deliveries a webhook's card shows; StackStripLength how many a stack's row shows.
const (
	StripLength      = 40
	StackStripLength = 30
)

// WebhookHealth is how a webhook did lately.
type WebhookHealth struct {
	Webhook models.Webhook
	// Last are the last StripLength deliveries, oldest first, tests left out.
	Last        []models.Status
	LastFailure string // the id of the newest failed or retried delivery among them, "" if there is none
	Waiting     int    // pending deliveries, up to 10,001
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
	last, err := all[models.Delivery](s.reader(ctx).Select("id", "status", "reason").
		Where("webhook_id = ? AND NOT test", w.ID).Order("id DESC").Limit(StripLength))
	if err != nil {
		return h, err
	}
	for _, d := range last {
		h.Last = append(h.Last, d.Status)
		if h.LastFailure == "" && d.Status != models.Skipped && d.Reason != "" {
			h.LastFailure = d.ID
		}
	}
	slices.Reverse(h.Last)
	h.Waiting, err = s.PendingDeliveries(ctx, w.ID)
	return h, err
}

// StackSummary is a stack's line in the list of stacks.
type StackSummary struct {
	Stack    models.Stack
	Webhooks []models.Webhook
	Last     []models.Status // of the last StackStripLength deliveries, oldest first
	Run      *models.Run     // the newest one, nil if there is none
}

// StackSummaries returns the stacks that the viewer sees, in order of their names, with how they stand.
func (s *Store) StackSummaries(ctx context.Context, v models.Viewer) ([]StackSummary, error) {
	stacks, err := s.Stacks(ctx, v)
	if err != nil {
		return nil, err
	}
	summaries := make([]StackSummary, len(stacks))
	for i, stack := range stacks {
		if summaries[i], err = s.summary(s.reader(ctx), stack); err != nil {
			return nil, err
		}
	}
	return summaries, nil
}

func (s *Store) summary(db *gorm.DB, stack models.Stack) (StackSummary, error) {
	sum := StackSummary{Stack: stack}
	var err error
	if sum.Webhooks, err = all[models.Webhook](db.Where("stack_key = ? AND deleted_at IS NULL", stack.Key)); err != nil {
		return sum, err
	}
	last, err := all[models.Delivery](db.Select("status").Where("stack_key = ? AND NOT test", stack.Key).Order("id DESC").Limit(StackStripLength))
	if err != nil {
		return sum, err
	}
	for _, d := range last {
		sum.Last = append(sum.Last, d.Status)
	}
	slices.Reverse(sum.Last)
	runs, err := all[models.Run](db.Where("stack_key = ?", stack.Key).Order("key DESC").Limit(1))
	if len(runs) == 1 {
		sum.Run = &runs[0]
	}
	return sum, err
}
