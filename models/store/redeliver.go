package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Redeliver makes a delivery pending and due now, whatever became of it, and starts its schedule anew. It is a
// *models.Refused while an attempt is in flight and when the webhook is disabled or deleted.
func (s *Store) Redeliver(ctx context.Context, by models.Actor, stack models.Stack, id string) error {
	var done *counts
	var d models.Delivery
	err := s.transact(ctx, func(tx *gorm.DB) (err error) {
		// Locked, in the order of a group's results: neither is taken, changed or deleted meanwhile.
		d, err = first[models.Delivery](locked(tx).Where("id = ? AND stack_key = ?", id, stack.Key))
		if err != nil {
			return err
		}
		w, err := first[models.Webhook](locked(tx).Where("id = ?", d.WebhookID))
		if err != nil {
			return err
		}
		now := time.Now()
		if err := redeliverable(d, w, now); err != nil {
			return err
		}
		done = newCounts()
		if d.Status == models.Pending && d.LeaseOwner != "" { // nobody came back from its last attempt
			if err := interrupt(tx, &d, now, math.MaxInt, done); err != nil {
				return err
			}
		}
		due, err := dueFirst(tx, w, now)
		if err != nil {
			return err
		}
		if err := makeDue(tx, []string{id}, due, now, by); err != nil {
			return err
		}
		return audit(tx, by, webhookRecord(models.DeliveryRepeated, stack, w, id))
	})
	if err == nil {
		s.tell(done)
		s.noteWebhook(d.WebhookID, d.StackKey)
		s.committed()
	}
	return err
}

// dueFirst is when a redelivery is due: now. Behind an open circuit, of which the oldest due delivery is the probe, it is
// put before all others, and the probe is made now: that is what somebody asked for.
func dueFirst(tx *gorm.DB, w models.Webhook, now time.Time) (due int64, err error) {
	if !w.CircuitOpen() {
		return now.UnixMicro(), nil
	}
	err = tx.Raw(`SELECT COALESCE(MIN(due_at), ?) FROM deliveries WHERE webhook_id = ? AND status = 'pending'`, micros(now), w.ID).Scan(&due).Error
	if err != nil {
		return 0, err
	}
	err = tx.Exec(`UPDATE webhooks SET open_until = ? WHERE id = ? AND open_until > ?`, micros(now), w.ID, micros(now)).Error
	return min(due-1, now.UnixMicro()), err
}

// makeDue makes deliveries pending, and remembers who asked.
func makeDue(tx *gorm.DB, ids []string, due int64, now time.Time, by models.Actor) error {
	return tx.Exec(`UPDATE deliveries SET status = 'pending', tries = 0, due_at = ?, lease_owner = '', expire_from = ?,
		ended_at = NULL, redelivered_at = ?, redelivered_by = ? WHERE ?`,
		due, micros(now), micros(now), by.Name, among(tx, "id", ids)).Error
}

func redeliverable(d models.Delivery, w models.Webhook, now time.Time) error {
	switch models.FateOf(d, w, now) {
	case models.FateDeleted:
		return &models.Refused{Reason: "Its webhook was deleted. Nothing can be sent to it any more."}
	case models.FateTest:
		return &models.Refused{Reason: "This was a test. Send another one from the webhook's page."}
	case models.FateDisabled:
		return &models.Refused{Reason: "Its webhook is disabled. Enable it first, then redeliver."}
	case models.FateInFlight:
		return &models.Refused{Reason: "It is being sent now. Wait for the result."}
	}
	return nil
}

// maxTests is how many test deliveries a webhook may be sent in one minute.
const maxTests = 5

// SendTest adds a test delivery: a real one, signed and recorded, of a sample payload. It is allowed on a disabled
// webhook and a *models.Refused beyond five a minute.
func (s *Store) SendTest(ctx context.Context, by models.Actor, stack models.Stack, webhookID string) (models.Delivery, error) {
	return s.sendTest(ctx, by, stack, webhookID, func(models.Webhook) error { return nil }, "")
}

// SendNextTest is SendTest for a test that is signed with the prepared secret alone, which must be the one with that fingerprint.
func (s *Store) SendNextTest(ctx context.Context, by models.Actor, stack models.Stack, webhookID, next string) (models.Delivery, error) {
	return s.sendTest(ctx, by, stack, webhookID, func(w models.Webhook) error { return w.HasNext(next) }, next)
}

func (s *Store) sendTest(ctx context.Context, by models.Actor, stack models.Stack, webhookID string, may func(models.Webhook) error, only string) (models.Delivery, error) {
	var d models.Delivery
	err := s.transact(ctx, func(tx *gorm.DB) error {
		w, err := first[models.Webhook](locked(tx).Where("id = ? AND stack_key = ? AND deleted_at IS NULL", webhookID, stack.Key))
		if err != nil {
			return err
		}
		if err := may(w); err != nil {
			return err
		}
		now := time.Now()
		if err := boundTests(tx, w, now); err != nil {
			return err
		}
		run := models.TestRun(now, by.Name)
		payload, err := models.EncodePayload(s.account, stack, run)
		if err != nil {
			return err
		}
		event := models.Event{
			ID: models.NewID(now), StackKey: stack.Key, RunID: run.ID, State: run.State, StateVersion: run.StateVersion,
			At: run.StateAt, Delta: run.Delta, Payload: payload, CreatedAt: now,
		}
		if err := tx.Create(&event).Error; err != nil {
			return err
		}
		w.Enabled = true // for this delivery: a test may be what somebody wants to see before enabling
		d = newDeliveries(event, []models.Webhook{w}, now)[0]
		d.Test, d.OnlySecret = true, only
		if err := tx.Create(&d).Error; err != nil {
			return err
		}
		return audit(tx, by, webhookRecord(models.TestSent, stack, w, d.ID))
	})
	if err == nil {
		s.noteWebhook(d.WebhookID, d.StackKey)
		s.committed()
	}
	return d, err
}

func boundTests(tx *gorm.DB, w models.Webhook, now time.Time) error {
	var n int
	err := tx.Raw(`SELECT COUNT(*) FROM audit_records WHERE webhook_id = ? AND action = ? AND at > ?`,
		w.ID, models.TestSent, micros(now.Add(-time.Minute))).Scan(&n).Error
	if err == nil && n >= maxTests {
		return &models.Refused{Reason: fmt.Sprintf("%d tests were sent within a minute. Wait a minute, then send another.", maxTests)}
	}
	return err
}
