package delivery

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// targetAge is how old an endpoint and a secret may be that an attempt uses, where another process changed them.
const targetAge = time.Second

// work makes the attempt of a job and records it. run is Run's context: once it has ended nothing is begun. requests is
// what the request itself runs under.
func (e *Engine) work(run, requests context.Context, job store.Job) {
	defer e.finish(job)
	target, a, made := e.try(run, requests, job)
	e.places.sent(job.Delivery.WebhookID)
	if !made {
		return
	}
	if a.Reason == models.ReasonInterrupted && !a.begun {
		e.release(requests, job) // cut off before a byte was sent
		return
	}
	o := outcome(job.Delivery, result{a.Reason, a.StartedAt.Add(a.Total), a.retryAfter}, e.config.RetryDelays, anyChance())
	o.Probe, o.DisableAfter, o.Expire = job.Probe, e.config.DisableAfter, e.config.Expire
	if disabled, recorded := e.record(requests, a.Attempt, o); recorded {
		e.log(job.Delivery, target.Webhook, a.Attempt, o, disabled)
	}
	if o.Status == models.Pending {
		e.expect(o.DueAt)
	}
}

// try makes the attempt. If the job may not be sent now it is handed back, or is somebody else's, and no attempt is made.
func (e *Engine) try(run, requests context.Context, job store.Job) (target store.Target, a sent, made bool) {
	db := context.WithoutCancel(requests)
	if run.Err() != nil {
		e.release(requests, job)
		return target, a, false
	}
	target, err := e.read(db, job)
	if errors.Is(err, models.ErrUnavailable) {
		err = e.insist(run, func() (err error) {
			target, err = e.read(db, job)
			return err
		})
	}
	if errors.Is(err, models.ErrNotFound) || errors.Is(err, models.ErrUnavailable) || err == nil && !sendable(target.Webhook, job) {
		e.release(requests, job)
		return target, a, false
	}
	if !e.holds(requests, job.Delivery) {
		return target, a, false
	}
	return target, e.attempt(requests, job, target, err), true
}

// read returns where a job is to be sent.
func (e *Engine) read(db context.Context, job store.Job) (store.Target, error) {
	target, err := e.target(db, job.Delivery.WebhookID, targetAge)
	_, signable := signersOf(job.Delivery, target)
	if err == nil && (!signable || !sendable(target.Webhook, job)) { // it may be better than it was a second ago
		return e.target(db, job.Delivery.WebhookID, 0)
	}
	return target, err
}

// sendable reports whether a job may be sent to its webhook as that is now: it may have been disabled, or its circuit have
// opened, since the job was taken. Tests are always sent.
func sendable(w models.Webhook, job store.Job) bool {
	return job.Delivery.Test || w.Enabled && (!job.Probe.IsZero() || !w.CircuitOpen())
}

// holds reports whether the lease outlasts an attempt. One that was claimed too long ago, because the machine slept or
// is overloaded, is renewed, unless somebody else has taken it.
func (e *Engine) holds(requests context.Context, d models.Delivery) bool {
	// Without the monotonic clock, which stands still while a machine sleeps.
	if time.Until(d.DueAt.Round(0)) >= e.config.Timeout+startMargin {
		return true
	}
	held := false
	err := e.insist(requests, func() (err error) {
		held, err = e.store.Renew(context.WithoutCancel(requests), d.ID, e.owner, d.Attempt, e.config.Lease)
		return err
	})
	if err != nil {
		e.config.Logger.Error("a lease cannot be renewed; the delivery goes on when it ends", "delivery", d.ID, "error", err)
	}
	return held && err == nil
}

// attempt sends the job. targetErr is why its target cannot be read: then the attempt fails through our own fault, and
// so it does on a panic, which must not take the other deliveries with it.
func (e *Engine) attempt(requests context.Context, job store.Job, target store.Target, targetErr error) (a sent) {
	defer func() {
		if p := recover(); p != nil {
			e.config.Logger.Error("an attempt panicked", "delivery", job.Delivery.ID, "panic", p, "stack", string(debug.Stack()))
			a = internal(newAttempt(job, target), "Stackhook made a mistake while it sent this. Its log says more.")
		}
	}()
	if targetErr != nil {
		e.config.Logger.Error("a webhook cannot be read", "webhook", job.Delivery.WebhookID, "error", targetErr)
		return internal(newAttempt(job, target), "The webhook or its secret cannot be read from the database. Stackhook's log says more.")
	}
	return e.sender.send(requests, job, target)
}

// release hands the job back: another process, or a later turn, gets the same number.
func (e *Engine) release(ctx context.Context, job store.Job) {
	err := e.insist(ctx, func() error { return e.store.Release(context.WithoutCancel(ctx), e.owner, job) })
	if err != nil {
		e.config.Logger.Error("a delivery cannot be handed back; it goes on when its lease ends", "delivery", job.Delivery.ID, "error", err)
	}
}

// record stores the result, and returns whether it did, and why the webhook was disabled by that.
func (e *Engine) record(requests context.Context, a models.Attempt, o store.Outcome) (disabled models.DisabledWhy, recorded bool) {
	db := context.WithoutCancel(requests)
	err := e.insist(requests, func() (err error) {
		disabled, err = e.store.RecordAttempt(db, e.owner, a, o)
		return err
	})
	if err != nil {
		e.config.Logger.Error("a result is lost; the delivery is sent again when its lease ends", "delivery", a.DeliveryID, "error", err)
	}
	return disabled, err == nil
}

// insist tries again while the database is unavailable, and keeps claims waiting meanwhile. The end of ctx ends that.
func (e *Engine) insist(ctx context.Context, do func() error) error {
	err := do()
	if !errors.Is(err, models.ErrUnavailable) {
		return err
	}
	e.places.noteStuck(1)
	defer e.places.noteStuck(-1)
	for errors.Is(err, models.ErrUnavailable) && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(databaseRetry):
		}
		err = do()
	}
	return err
}

// log names the webhook by its id and host: the rest of an endpoint may be secret. Details may quote the host's name,
// and are for pages.
func (e *Engine) log(d models.Delivery, w models.Webhook, a models.Attempt, o store.Outcome, disabled models.DisabledWhy) {
	level, message := slog.LevelInfo, "attempt failed"
	switch {
	case o.Status == models.Delivered:
		level, message = slog.LevelDebug, "delivered"
	case disabled == models.DisabledByGone:
		level, message = slog.LevelWarn, "webhook disabled by its receiver"
	case disabled != "":
		level, message = slog.LevelWarn, "webhook disabled: nothing arrives"
	case o.Status == models.Failed && !d.Test:
		level, message = slog.LevelWarn, "delivery failed"
	}
	fields := []any{"delivery", d.ID, "webhook", w.ID, "host", w.EndpointHost, "attempt", a.Number, "took", a.Total}
	if a.Reason != "" {
		fields = append(fields, "reason", a.Reason)
	}
	if a.Code != 0 {
		fields = append(fields, "code", a.Code)
	}
	if o.Status == models.Pending {
		fields = append(fields, "next", o.DueAt.UTC())
	}
	e.config.Logger.Log(context.Background(), level, message, fields...)
}

// logLost is log for what no attempt of this process brought: what a crash left, and what expired.
func (e *Engine) logLost(d models.Delivery) {
	level, message := slog.LevelInfo, "attempt interrupted"
	if d.Status == models.Failed && !d.Test {
		level, message = slog.LevelWarn, "delivery failed"
	}
	e.config.Logger.Log(context.Background(), level, message, "delivery", d.ID, "webhook", d.WebhookID, "attempt", d.Attempt, "reason", d.Reason)
}
