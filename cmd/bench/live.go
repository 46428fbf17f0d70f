package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	livePages    = 500
	liveWebhooks = 4 // for an event
	liveEvery    = 20 * time.Millisecond
	liveCount    = 500 // events, 50 a second: 200 deliveries a second for ten seconds
	// livePerBrowser is how many of the pages one session has.
	livePerBrowser = 15
	livePassword   = "correct horse battery staple"
)

// live measures pages on SQLite.
func (b *bench) live(ctx context.Context) error {
	return b.liveOn(ctx, "SQLite", filepath.Join(b.dir, "live.db"))
}

// livePostgres measures them on PostgreSQL.
func (b *bench) livePostgres(ctx context.Context) error {
	return withPostgres(func(database string) error { return b.liveOn(ctx, "PostgreSQL", database) })
}

// liveOn measures how far pages that follow the log are behind, and what they take from deliveries.
func (b *bench) liveOn(ctx context.Context, kind, database string) error {
	s, err := b.start(ctx, database, liveWebhooks)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := s.loadFor(ctx, 2*time.Second, liveWebhooks); err != nil { // warm
		return err
	}
	without, _, err := s.paced(ctx, b.receiver)
	if err != nil {
		return err
	}
	before, err := s.loadFor(ctx, 4*time.Second, liveWebhooks)
	if err != nil {
		return err
	}
	pages, err := s.openPages(ctx)
	if err != nil {
		return err
	}
	defer pages.close()
	with, accepted, err := s.paced(ctx, b.receiver)
	if err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // what comes later than that counts as that late
	behind := pages.behind(accepted)
	perSecond, megabytes := pages.rates()
	watched, err := s.loadFor(ctx, 4*time.Second, liveWebhooks)
	if err != nil {
		return err
	}
	pages.close()
	after, err := s.loadFor(ctx, 4*time.Second, liveWebhooks)
	if err != nil {
		return err
	}
	alone := (before.rate() + after.rate()) / 2
	b.print(behind.at(100).Seconds(), goal{least: 1, aim: 0.6, most: true}, "Seconds, the worst: accepted (answered) to shown on each of %d open live pages of %d different logs on %s, at %d deliveries a second.\np99 %.2f, p50 %.2f; %.0f events a second in all, %.1f MB a second.",
		livePages, pages.topics, kind, liveWebhooks*int(time.Second/liveEvery), behind.at(99).Seconds(), behind.at(50).Seconds(), perSecond, megabytes)
	b.print(millis(with.at(99))/millis(without.at(99)), goal{least: 4, aim: 2, most: true}, "p99 from accepted to received at that pace, with the pages open, to without them. Their readers are on the same CPUs.\n%.2f ms to %.2f ms; p50 %.2f ms to %.2f ms.",
		millis(with.at(99)), millis(without.at(99)), millis(with.at(50)), millis(without.at(50)))
	b.print(watched.rate()/alone, goal{}, "As many reports as it takes: deliveries with the pages open, to without them before and after. The readers share the CPUs.\n%s deliveries/s to %s.", round(watched.rate()), round(alone))
	return nil
}

// paced reports runs at the pace and returns how long each took to its receiver, and when each was accepted.
func (s *server) paced(ctx context.Context, r *receiver) (delays, map[string]time.Time, error) {
	r.watching.Store(true)
	defer r.watching.Store(false)
	accepted := map[string]time.Time{}
	var mu sync.Mutex
	var ids []string
	var failed error
	var reports sync.WaitGroup
	pace := time.NewTicker(liveEvery)
	defer pace.Stop()
	for range liveCount {
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-pace.C:
		}
		reports.Go(func() { // whoever waits for an answer would slow the pace down
			id, err := s.reportOne(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			accepted[id] = time.Now()
			ids = append(ids, id)
		})
	}
	reports.Wait()
	if failed != nil {
		return nil, nil, failed
	}
	came := r.await(ids, endWithin)
	if len(came) < len(ids) {
		return nil, nil, fmt.Errorf("%d of %d events did not come within %v", len(ids)-len(came), len(ids), endWithin)
	}
	var all delays
	for id, at := range came {
		all = append(all, max(0, at.Sub(accepted[id])))
	}
	slices.Sort(all)
	return all, accepted, nil
}
