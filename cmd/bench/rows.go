package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"

	"stackhook/models"
	"stackhook/models/store"
)

// million is how many rows the large lines compare with a thousand times fewer.
var million = 1_000_000

// fill writes so many deliveries of one event to a webhook, past the store: pending and due, or delivered.
func (s *server) fill(ctx context.Context, w models.Webhook, n int, status models.Status) error {
	rec, err := s.store.StartRun(ctx, s.stack, sample())
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", "file:"+s.database+"?_busy_timeout=60000&_foreign_keys=off&_synchronous=off")
	if err != nil {
		return err
	}
	defer db.Close()
	due := any(time.Now().Add(-time.Hour).UnixMicro())
	if status != models.Pending {
		due = nil
	}
	// Ids are made of the number, below all real ones; versions too, so that no first attempt waits for another.
	_, err = db.ExecContext(ctx, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO deliveries (id, stack_key, webhook_id, event_id, run_key, run_id, state, state_version, test, silent, status, reason, code,
			attempt, tries, due_at, lease_owner, claimed_at, first_ended_at, first_delivered_at, duration, expire_from, ended_at, redelivered_at,
			redelivered_by, created_at)
		SELECT printf('00%024d', i), ?, ?, ?, ?, ?, 'QUEUED', i, 0, 0, ?, '', 200, 1, 1, ?, '', NULL, ?, NULL, 1000000, ?, NULL, NULL, '', ? FROM n`,
		n, s.stack.Key, w.ID, rec.Event.ID, rec.Run.Key, rec.Run.ID, string(status), due, time.Now().UnixMicro(), time.Now().UnixMicro(), time.Now().UnixMicro())
	return err
}

// sized prepares a database with so many rows of one webhook.
func (b *bench) sized(ctx context.Context, name string, n int, status models.Status) (*server, error) {
	s := b.newServer(filepath.Join(b.dir, name))
	if err := s.prepare(ctx, b.receiver.url, 1); err != nil {
		return nil, err
	}
	if err := s.fill(ctx, s.webhooks[0], n, status); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// compare measures a thing on few and on many rows, in turns, and returns the medians.
func (b *bench) compare(ctx context.Context, name string, status models.Status, measure func(*server) (time.Duration, error)) (few, many time.Duration, err error) {
	const rounds = 41
	small, err := b.sized(ctx, name+"-few.db", max(rounds*150, million/1000), status)
	if err != nil {
		return 0, 0, err
	}
	defer small.close()
	large, err := b.sized(ctx, name+"-many.db", million, status)
	if err != nil {
		return 0, 0, err
	}
	defer large.close()
	var fews, manys []time.Duration
	for range rounds {
		for s, list := range map[*server]*[]time.Duration{small: &fews, large: &manys} {
			took, err := measure(s)
			if err != nil {
				return 0, 0, err
			}
			*list = append(*list, took)
		}
	}
	slices.Sort(fews)
	slices.Sort(manys)
	return fews[rounds/2], manys[rounds/2], nil
}

// claim measures the claim of 100 due rows.
func (b *bench) claim(ctx context.Context) error {
	few, many, err := b.compare(ctx, "claim", models.Pending, func(s *server) (time.Duration, error) {
		began := time.Now()
		c, err := s.store.Claim(ctx, store.ClaimRequest{Owner: "bench", Lease: time.Hour, Most: 100, MostPerWebhook: 100, MaxTries: 11})
		if err == nil && len(c.Jobs) != 100 {
			err = fmt.Errorf("claimed %d", len(c.Jobs))
		}
		return time.Since(began), err
	})
	if err != nil {
		return err
	}
	b.print(float64(many)/float64(few), goal{least: 1.5, aim: 1.1, most: true}, "The claim of 100 due rows among %d, to the same among a thousandth of them.\n%.2f ms to %.2f ms.", million, millis(many), millis(few))
	return nil
}

// page measures the query of a page in the middle of a delivery log.
func (b *bench) page(ctx context.Context) error {
	everybody := models.Viewer{User: &models.User{Role: models.Administrator}}
	few, many, err := b.compare(ctx, "page", models.Delivered, func(s *server) (time.Duration, error) {
		began := time.Now()
		l, err := s.store.Deliveries(ctx, everybody, store.DeliveryFilter{Stack: &s.stack, Webhook: s.webhooks[0].ID, Status: models.Delivered},
			store.Page{Older: fmt.Sprintf("00%024d", million/2000)})
		if err == nil && len(l.Rows) != store.PageSize {
			err = fmt.Errorf("%d rows", len(l.Rows))
		}
		return time.Since(began), err
	})
	if err != nil {
		return err
	}
	b.print(float64(many)/float64(few), goal{least: 1.5, aim: 1.1, most: true}, "A page of the log of %d deliveries, to one of a thousandth of them.\n%.2f ms to %.2f ms.", million, millis(many), millis(few))
	return nil
}

// dead measures what a backlog for a dead endpoint does to the delay of fifty good ones, and the memory of both.
func (b *bench) dead(ctx context.Context) error {
	s := b.newServer(filepath.Join(b.dir, "dead.db"))
	if err := s.prepare(ctx, b.receiver.url, 50); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	defer s.stop()
	without, err := s.delays(ctx, b.receiver)
	if err != nil {
		return err
	}
	w, err := s.store.CreateWebhook(ctx, by, s.stack, models.WebhookForm{Endpoint: "http://127.0.0.1:1/", Secret: secret, Enabled: true})
	if err != nil {
		return err
	}
	if err := s.fill(ctx, w, million, models.Pending); err != nil {
		return err
	}
	with, err := s.delays(ctx, b.receiver)
	if err != nil {
		return err
	}
	b.print(float64(with.at(99))/float64(without.at(99)), goal{least: 1.5, aim: 1.1, most: true}, "p99 from accepted to received at 50 good webhooks beside a dead one with %d pending, to without it.\n%.2f ms to %.2f ms.",
		million, millis(with.at(99)), millis(without.at(99)))
	used, err := s.memory()
	if err != nil {
		return err
	}
	b.print(used, goal{least: 200, aim: 120, most: true}, "MiB of memory with that.")
	return nil
}
