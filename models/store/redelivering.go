package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// A redelivery is worked off in batches, each a short transaction that makes deliveries pending and moves on to where the
// next one begins: whatever breaks off, none is sent twice for it and none is left out. The oldest go first, as they did
// when they were new.

// RedeliveryWanted is told when this process has a new redelivery.
func (s *Store) RedeliveryWanted() <-chan struct{} { return s.redelivering }

// Redelivering reports whether there is a redelivery to work off.
func (s *Store) Redelivering(ctx context.Context) (bool, error) {
	var is bool
	err := s.quickReader(ctx).Raw(`SELECT EXISTS (SELECT 1 FROM redeliveries WHERE state = 'running')`).Scan(&is).Error
	return is, unavailable(err)
}

// RedeliverDue makes the next deliveries of each running redelivery pending, if its speed allows, and returns
// when it is to be called again; the zero time if none is running. One process at a time calls it, see Lead; should two,
// nothing is sent twice.
func (s *Store) RedeliverDue(ctx context.Context) (next time.Time, err error) {
	running, err := all[models.Redelivery](s.quickReader(ctx).Where("state = 'running'").Order("key"))
	if err != nil {
		return time.Time{}, err
	}
	var errs []error
	for _, r := range running {
		now := time.Now()
		if wait := r.DueAt.Sub(now); wait <= 0 || wait > longestWait { // or the clock was set back
			if r, err = s.redeliverSome(ctx, r); err != nil {
				errs = append(errs, fmt.Errorf("redelivery %s: %w", r.ID, err))
				r.DueAt = now.Add(longestWait) // the others go on
			}
		}
		if r.State == models.RedeliveryRunning {
			next = earliest(next, r.DueAt)
		}
	}
	return next, errors.Join(errs...)
}

// longestWait is longer than any pause between batches.
const longestWait = 2 * time.Second

// burst is how many deliveries are made due at once: a tenth of those of a second, so that a receiver hardly sees them come
// in groups.
func burst(r models.Redelivery) int { return max(1, r.PerSecond/10) }

// redeliverSome works off the next batch.
func (s *Store) redeliverSome(ctx context.Context, r models.Redelivery) (models.Redelivery, error) {
	next, err := s.nextToRedeliver(ctx, r)
	if err != nil {
		return r, err
	}
	was, done := r, (*counts)(nil)
	var sent []models.Delivery
	err = s.transact(ctx, func(tx *gorm.DB) (err error) {
		r, err = first[models.Redelivery](locked(tx).Where("key = ? AND state = ? AND done_to = ?", was.Key, models.RedeliveryRunning, was.DoneTo))
		if err != nil {
			return err
		}
		done = newCounts()
		batch := redeliveryOf{tx: tx, Redelivery: &r, now: time.Now(), done: done}
		if sent, err = batch.redeliver(next); err != nil {
			return err
		}
		return tx.Save(&r).Error
	})
	if errors.Is(err, models.ErrNotFound) { // canceled meanwhile, or another process goes on with it
		was.DueAt = time.Now().Add(longestWait)
		return was, nil
	}
	if err != nil {
		return was, err
	}
	s.tell(done)
	for _, d := range sent {
		s.noteWebhook(d.WebhookID, d.StackKey)
	}
	s.committed()
	return r, nil
}

// toRedeliver are the next deliveries of a redelivery.
type toRedeliver struct {
	ids []string
	to  string // up to where they were looked for
	end bool   // there are no more
}

// nextToRedeliver looks for them: more than may be sent at once, as some may be left out.
func (s *Store) nextToRedeliver(ctx context.Context, r models.Redelivery) (next toRedeliver, err error) {
	most := min(20*burst(r), redeliveryBatch)
	if len(r.Chosen) > 0 {
		i, _ := slices.BinarySearch(r.Chosen, r.DoneTo+justOver)
		rest := r.Chosen[i:]
		return toRedeliver{ids: rest[:min(most, len(rest))], end: len(rest) <= most}, nil
	}
	var f DeliveryFilter
	if err := json.Unmarshal([]byte(r.Filter), &f); err != nil {
		return next, fmt.Errorf("read its filter: %w", err)
	}
	if r.StackKey != 0 {
		f.Stack = &models.Stack{Key: r.StackKey}
	}
	db := s.reader(ctx)
	q, err := f.search(db, everywhere)
	if err != nil || q.nothing {
		return toRedeliver{end: err == nil}, unavailable(err)
	}
	q.below(r.UpTo + justOver)
	if f.Status != "" && f.Status != models.Pending { // what ended after the start was none of them then
		q.during = append(q.during, where("ended_at <= ?", micros(r.StartedAt)))
	}
	next.ids, next.to, err = q.turn(db, Page{Newer: r.DoneTo, Limit: most})
	if len(next.ids) > most {
		next.ids, next.to = next.ids[:most], ""
	} else {
		next.end = next.to == ""
	}
	return next, unavailable(err)
}
