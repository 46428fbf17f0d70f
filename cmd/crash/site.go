package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// site is the database, looked at from beside the servers.
type site struct {
	store *store.Store
	stack models.Stack
	token string
}

var everybody = models.Viewer{User: &models.User{Role: models.Administrator}}

// newSite makes the database with one stack and a webhook to each receiver.
func newSite(ctx context.Context, p plan, r *receivers) (*site, error) {
	db, err := store.Open(ctx, store.Options{Database: p.database, KeyFile: filepath.Join(p.dir, "stackhook.key"), Create: true})
	if err != nil {
		return nil, err
	}
	s := &site{store: db}
	by := models.Actor{Kind: models.ActorShell, Name: "crash"}
	s.stack, err = db.CreateStack(ctx, by, models.Stack{ID: "crash", Name: "Crash", Labels: []string{}})
	for _, path := range paths {
		if err == nil {
			_, err = db.CreateWebhook(ctx, by, s.stack, models.WebhookForm{Endpoint: r.url + path, Secret: secret, Enabled: true})
		}
	}
	if err == nil {
		s.token, _, err = db.CreateToken(ctx, by, models.Token{Name: "crash", Scope: models.ScopeReport})
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("set up: %w", err)
	}
	return s, nil
}

func (s *site) close() { s.store.Close() }

// endWithin is how long the last deliveries may take: the leases of killed servers on PostgreSQL end after 41 s.
const endWithin = 2 * time.Minute

// awaitEnd waits until nothing is pending.
func (s *site) awaitEnd(ctx context.Context) error {
	over := time.After(endWithin)
	for {
		page, err := s.store.Deliveries(ctx, everybody, store.DeliveryFilter{Status: models.Pending}, store.Page{Limit: store.MaxPageSize})
		if err == nil && len(page.Rows) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, models.ErrUnavailable) {
			return err
		}
		select {
		case <-over:
			oldest := page.Rows[len(page.Rows)-1].Delivery
			return fmt.Errorf("%d deliveries or more are still pending after %v: %w", len(page.Rows), endWithin, s.describe(ctx, oldest))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// describe says what there is of a delivery.
func (s *site) describe(ctx context.Context, d models.Delivery) error {
	w, err := s.store.Webhook(ctx, s.stack, d.WebhookID)
	attempts, more := s.store.Attempts(ctx, d)
	text := fmt.Sprintf("one is %s: state %d, attempt %d, %d tries, due %v, leased to %q; now %v; its webhook: %d failures, open until %v, %d probes",
		d.ID, d.StateVersion, d.Attempt, d.Tries, d.DueAt, d.LeaseOwner, time.Now().UTC(), w.Failures, w.OpenUntil, w.Probes)
	for _, a := range attempts {
		text += fmt.Sprintf("\n%d %v %s %d", a.Number, a.StartedAt, a.Reason, a.Code)
	}
	return errors.Join(errors.New(text), err, more)
}

// all returns every delivery with its attempts.
func (s *site) all(ctx context.Context) (map[string]models.Delivery, error) {
	found := map[string]models.Delivery{}
	page := store.Page{Limit: store.MaxPageSize}
	for {
		rows, err := s.store.Deliveries(ctx, everybody, store.DeliveryFilter{}, page)
		if err != nil {
			return nil, err
		}
		for _, r := range rows.Rows {
			found[r.ID] = r.Delivery
		}
		if rows.Older == "" {
			return found, nil
		}
		page.Older = rows.Older
	}
}
