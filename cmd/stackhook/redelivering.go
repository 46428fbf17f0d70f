package main

import (
	"context"
	"log/slog"
	"time"

	"stackhook/models/store"
)

// redeliverer works off the redeliveries of many deliveries: it makes them due, and the engine sends them.
type redeliverer struct {
	store *store.Store
	log   *slog.Logger
}

// redeliverAsk is how late a redelivery may begin that another process took the order of.
const redeliverAsk = time.Second

// keep works until ctx ends. Of several processes on one database the one does that tidies it, see store.Lead.
func (r redeliverer) keep(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		next, err := r.round(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Error("deliveries cannot be sent again at the moment; it is tried again in a second", "error", err)
		}
		// However much is left out, others get their turn at the database in between.
		least := purgeShare * time.Since(began)
		if next.IsZero() || err != nil {
			r.await(ctx, redeliverAsk)
			continue
		}
		pause(ctx, max(least, time.Until(next)))
	}
}

// await waits for an order, or for so long.
func (r redeliverer) await(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-r.store.RedeliveryWanted():
	case <-time.After(d):
	}
}

// round does what is due and returns when there is more, the zero time if that is not known.
func (r redeliverer) round(ctx context.Context) (next time.Time, err error) {
	if is, err := r.store.Redelivering(ctx); err != nil || !is {
		return time.Time{}, err
	}
	if lead, err := r.store.Lead(ctx); err != nil || !lead {
		return time.Time{}, err
	}
	return r.store.RedeliverDue(ctx)
}
