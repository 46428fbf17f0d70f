package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

const (
	// tidyEvery is how late what nobody sees any more may be removed.
	tidyEvery = time.Minute
	// retireEvery is how long after it may go what is older than it is kept stays. A round starts with the oldest, and so
	// finds what ended since the one before.
	retireEvery = time.Hour
	// purgeBatch is how many rows of a kind go in one transaction. With 200,000 deliveries of a kilobyte each way, 200 of
	// them took SQLite 7 ms (the slowest of 60 took 13), and PostgreSQL 12.
	purgeBatch = 200
	// purgeShare bounds how much of the time is spent in batches: after each one there is a pause this many times as long,
	// in which deliveries have the database to themselves. So 200 rows go every 35 ms, or 20 million an hour.
	purgeShare = 4
)

// The defaults of STACKHOOK_RETENTION and STACKHOOK_AUDIT_RETENTION.
const (
	defaultRetention      = 30 * 24 * time.Hour
	defaultAuditRetention = 365 * 24 * time.Hour
)

// housekeeper removes what ended sessions and links and deleted stacks left behind, and what is older than it is kept, and
// ends what is still pending for deleted webhooks.
// The engine itself expires deliveries.
type housekeeper struct {
	store *store.Store
	log   *slog.Logger
	// idle is how long a session may be unused; retention and audit are how long finished deliveries, and audit records,
	// are kept.
	idle, retention, audit time.Duration
}

func newHousekeeper(s settings, st *store.Store, log *slog.Logger) housekeeper {
	return housekeeper{
		store: st, log: log, idle: models.SessionIdle,
		retention: cmp.Or(s.Retention, defaultRetention), audit: cmp.Or(s.AuditRetention, defaultAuditRetention),
	}
}

// keep works until ctx ends. Of several processes on one database one does.
func (h housekeeper) keep(ctx context.Context) {
	var retired time.Time
	for ctx.Err() == nil {
		if err := h.round(ctx, &retired); err != nil && ctx.Err() == nil {
			h.log.Error("housekeeping failed; it is tried again in a minute", "error", err)
		}
		pause(ctx, tidyEvery)
	}
}

// round does what is to be done now. retired is when the last round of what is too old began.
func (h housekeeper) round(ctx context.Context, retired *time.Time) error {
	if lead, err := h.store.Lead(ctx); err != nil || !lead {
		return err
	}
	err := h.tidy(ctx)
	if time.Since(*retired) < retireEvery {
		return err
	}
	began := time.Now()
	if old := h.retire(ctx, began); old != nil {
		return errors.Join(err, fmt.Errorf("remove what is older than it is kept: %w", old))
	}
	*retired = began
	return err
}

// tidy removes what ended. What fails holds up nothing else.
func (h housekeeper) tidy(ctx context.Context) error {
	sessions := h.store.PurgeSessions(ctx, h.idle)
	if sessions != nil {
		sessions = fmt.Errorf("remove ended sessions: %w", sessions)
	}
	deleted := batches(ctx, func() (more bool, err error) {
		ended, err := h.store.EndDeleted(ctx, purgeBatch)
		return ended > 0, err
	})
	if deleted != nil {
		deleted = fmt.Errorf("end what was left for deleted webhooks: %w", deleted)
	}
	stacks := batches(ctx, func() (more bool, err error) {
		removed, err := h.store.PurgeStacks(ctx, time.Now().Add(-tidyEvery), purgeBatch)
		return removed > 0, err
	})
	if stacks != nil {
		stacks = fmt.Errorf("remove what deleted stacks left: %w", stacks)
	}
	return errors.Join(sessions, deleted, stacks)
}

// retire removes what is older than it is kept: deliveries, then the runs of which none is left, redeliveries, notifications and
// audit records.
func (h housekeeper) retire(ctx context.Context, now time.Time) error {
	before := now.Add(-h.retention)
	var deliveries, runs, records int
	var delivery string
	err := batches(ctx, func() (more bool, err error) {
		var n int
		delivery, n, err = h.store.PurgeDeliveries(ctx, before, delivery, purgeBatch)
		deliveries += n
		return delivery != "", err
	})
	if err != nil {
		return err
	}
	var run int64
	err = batches(ctx, func() (more bool, err error) {
		var n int
		run, n, err = h.store.PurgeRuns(ctx, before, run, purgeBatch)
		runs += n
		return run != 0, err
	})
	if err != nil {
		return err
	}
	for _, purge := range []func() (int, error){
		func() (int, error) { return h.store.PurgeRedeliveries(ctx, before, purgeBatch) },
		func() (n int, err error) {
			n, err = h.store.PurgeAudit(ctx, now.Add(-h.audit), purgeBatch)
			records += n
			return n, err
		},
		func() (int, error) { return h.store.PurgeNotifications(ctx, before, purgeBatch) },
		func() (int, error) { return h.store.PurgeTallies(ctx, now, purgeBatch) },
	} {
		err = batches(ctx, func() (more bool, err error) {
			n, err := purge()
			return n == purgeBatch, err
		})
		if err != nil {
			return err
		}
	}
	if deliveries+runs+records > 0 {
		h.log.Info("removed what is older than it is kept", "deliveries", deliveries, "runs", runs, "auditRecords", records, "took", time.Since(now))
	}
	return nil
}

// batches repeats a batch while there is more, with pauses in between, until ctx ends.
func batches(ctx context.Context, batch func() (more bool, err error)) error {
	for {
		began := time.Now()
		more, err := batch()
		if err != nil || !more {
			return err
		}
		pause(ctx, purgeShare*time.Since(began))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// pause returns after a time, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
