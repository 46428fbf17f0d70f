package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"stackhook/models"
)

// RedeliveryOrder asks to send many deliveries again: those that were chosen, or if none were all that the filter lets
// through. A stack in the filter bounds both.
type RedeliveryOrder struct {
	ID        string // a ULID: the same order twice is one redelivery
	Filter    DeliveryFilter
	Query     string // the filter as it stands in the address of a log
	Chosen    []string
	Overtaken bool // also those of which a newer state of the same run has arrived
	PerSecond int
}

// redelivery is the order as it is stored.
func (o RedeliveryOrder) redelivery(by models.Actor, now time.Time) (models.Redelivery, error) {
	r := models.Redelivery{
		ID: o.ID, By: by, Query: o.Query, Chosen: append([]string{}, o.Chosen...), SendOvertaken: o.Overtaken, PerSecond: o.PerSecond,
		State: models.RedeliveryRunning, DoneTo: models.LeastID(time.Unix(0, 0)), StartedAt: now, DueAt: now,
	}
	if o.Filter.Stack != nil {
		r.StackKey, r.StackID = o.Filter.Stack.Key, o.Filter.Stack.ID
	}
	if err := r.Check(); err != nil {
		return r, err
	}
	filter, err := json.Marshal(o.Filter)
	r.Filter = string(filter)
	return r, err
}

// StartRedelivery stores a redelivery, which Redelivering works off. What matches now is what is sent: what arrives later is
// not. With the id of one that is there already, it returns that one; if that is another order, it is a *models.Conflict.
func (s *Store) StartRedelivery(ctx context.Context, by models.Actor, o RedeliveryOrder) (r models.Redelivery, repeated bool, err error) {
	order, err := o.redelivery(by, time.Now())
	if err != nil {
		return r, false, err
	}
	if r, err = first[models.Redelivery](s.reader(ctx).Where("id = ?", o.ID)); !errors.Is(err, models.ErrNotFound) {
		return repeatedOrder(r, order, err)
	}
	preview, err := s.PreviewRedelivery(ctx, o)
	if err != nil {
		return r, false, err
	}
	order.Expected, order.More = preview.Total, preview.More()
	err = s.transact(ctx, func(tx *gorm.DB) error {
		r, repeated = order, false
		if err := tx.Raw(`SELECT COALESCE(MAX(id), '') FROM deliveries`).Scan(&r.UpTo).Error; err != nil {
			return err
		}
		made := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoNothing: true}).Create(&r)
		if made.Error != nil {
			return made.Error
		}
		if made.RowsAffected == 0 {
			r, err = first[models.Redelivery](tx.Where("id = ?", o.ID))
			r, repeated, err = repeatedOrder(r, order, err)
			return err
		}
		return audit(tx, by, redeliveryRecord(models.RedeliveryStart, r, preview.words()))
	})
	if err == nil && !repeated {
		signal(s.redelivering)
	}
	return r, repeated, err
}

// repeatedOrder is the answer to an order whose id is taken.
func repeatedOrder(r, order models.Redelivery, err error) (models.Redelivery, bool, error) {
	if err != nil {
		return r, false, err
	}
	if r.StackKey != order.StackKey || r.Filter != order.Filter || !reflect.DeepEqual(r.Chosen, order.Chosen) ||
		r.SendOvertaken != order.SendOvertaken || r.PerSecond != order.PerSecond {
		return models.Redelivery{}, false, &models.Conflict{Field: "id", Detail: "Another redelivery has this id. Start this one with a new id."}
	}
	return r, true, nil
}

// CancelRedelivery ends a redelivery: what was made due by then is sent, and no more. Of one that has ended it changes
// nothing.
func (s *Store) CancelRedelivery(ctx context.Context, by models.Actor, r models.Redelivery) (models.Redelivery, error) {
	err := s.transact(ctx, func(tx *gorm.DB) (err error) {
		if r, err = first[models.Redelivery](locked(tx).Where("key = ?", r.Key)); err != nil || r.State != models.RedeliveryRunning {
			return err
		}
		r.State, r.EndedAt, r.CanceledBy = models.RedeliveryCanceled, time.Now(), by.Name
		if err := tx.Save(&r).Error; err != nil {
			return err
		}
		return audit(tx, by, redeliveryRecord(models.RedeliveryCancel, r, fmt.Sprintf("after %d of %s: %d sent", r.Met(), expected(r.Expected, r.More), r.Sent)))
	})
	return r, err
}

func redeliveryRecord(action models.Action, r models.Redelivery, counts string) models.AuditRecord {
	what := "all that match " + r.Query
	switch {
	case len(r.Chosen) > 0:
		what = fmt.Sprintf("%d chosen", len(r.Chosen))
	case r.Query == "":
		what = "all"
	}
	return models.AuditRecord{
		Action: action, StackKey: r.StackKey, StackID: r.StackID, Subject: r.ID,
		Detail: fmt.Sprintf("%s; %s; %d a second", what, counts, r.PerSecond),
	}
}

// expected is a number at which counting may have stopped.
func expected(n int, more bool) string {
	if more {
		return fmt.Sprintf("%d or more", n)
	}
	return strconv.Itoa(n)
}

// Redelivery returns a redelivery by its id: one of the stack, or any if that is nil.
func (s *Store) Redelivery(ctx context.Context, stack *models.Stack, id string) (models.Redelivery, error) {
	return first[models.Redelivery](ofStack(s.reader(ctx), stack).Where("id = ?", id))
}

// Redeliveries returns a page of the redeliveries of a stack, or of all if that is nil, the last that was started first.
// Cursors are their keys, in decimal.
func (s *Store) Redeliveries(ctx context.Context, stack *models.Stack, page Page) (Listing[models.Redelivery], error) {
	for _, cursor := range []string{page.Older, page.Newer} {
		if _, err := strconv.ParseInt(cursor, 10, 64); cursor != "" && err != nil {
			return Listing[models.Redelivery]{}, models.Invalid{{Field: "cursor", Message: "This is not a cursor of this list. Start from its first page."}}
		}
	}
	return list(ofStack(s.reader(ctx), stack), "key", page, func(r models.Redelivery) string { return strconv.FormatInt(r.Key, 10) })
}

func ofStack(q *gorm.DB, stack *models.Stack) *gorm.DB {
	if stack == nil {
		return q
	}
	return q.Where("stack_key = ?", stack.Key)
}

// RedeliveryWebhook is what became of the deliveries of one webhook.
type RedeliveryWebhook struct {
	WebhookID  string
	Sent, Kept int    // Kept were left out or refused
	Endpoint   string // "" where the webhook is gone, as the stack
	StackID    string
	StackName  string
}

// MostRedeliveryWebhooks is how many webhooks of a redelivery are told of.
const MostRedeliveryWebhooks = 100

// RedeliveryWebhooks returns what became of a redelivery by webhook, those with the most first.
func (s *Store) RedeliveryWebhooks(ctx context.Context, r models.Redelivery) ([]RedeliveryWebhook, error) {
	return all[RedeliveryWebhook](s.reader(ctx).Table("redelivery_webhooks AS r").
		Select("r.webhook_id, r.sent, r.kept, webhooks.endpoint, stacks.id AS stack_id, stacks.name AS stack_name").
		Joins("LEFT JOIN webhooks ON webhooks.id = r.webhook_id").
		Joins("LEFT JOIN stacks ON stacks.key = webhooks.stack_key AND stacks.deleted_at IS NULL").
		Where("r.redelivery_key = ?", r.Key).Order("r.sent + r.kept DESC, r.webhook_id").Limit(MostRedeliveryWebhooks))
}

// PurgeRedeliveries removes at most most redeliveries that ended before a time, and returns how many.
func (s *Store) PurgeRedeliveries(ctx context.Context, before time.Time, most int) (removed int, err error) {
	err = s.purge(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`DELETE FROM redeliveries WHERE key IN (SELECT key FROM redeliveries WHERE ended_at < ? ORDER BY key LIMIT ?)`, micros(before), most)
		removed = int(done.RowsAffected)
		return done.Error
	})
	return removed, err
}
