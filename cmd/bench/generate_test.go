package main

import (
	"path/filepath"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store"
)

// A generated log has as many deliveries as were asked for, each with what belongs to it, and counters that fit.
func TestAGeneratedLogFits(t *testing.T) {
	t.Parallel()
	const rows = 3_000
	databases := map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { return filepath.Join(t.TempDir(), "a.db") },
		"postgres": func(t *testing.T) string {
			cluster := needs.Postgres(t, "tests on PostgreSQL")
			name, err := cluster.NewDatabase("")
			if err != nil {
				t.Fatal(err)
			}
			return cluster.URL(name)
		},
	}
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, key := database(t), filepath.Join(t.TempDir(), "key")
			if err := generate(t.Context(), at, key, rows); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), store.Options{Database: at, KeyFile: key, Account: account})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			checkGenerated(t, s, rows)
		})
	}
}

func checkGenerated(t *testing.T, s *store.Store, rows int) {
	t.Helper()
	admin := models.Viewer{User: &models.User{Role: models.Administrator}}
	all, ends := 0, map[models.Status]int64{}
	err := s.ExportDeliveries(t.Context(), admin, store.DeliveryFilter{}, func(some []store.DeliveryRow) error {
		all += len(some)
		for _, d := range some {
			if !d.Test {
				ends[d.Status]++
			}
			checkDelivery(t, s, d.Delivery)
		}
		return nil
	})
	if err != nil || all != rows {
		t.Fatalf("%d deliveries, %v", all, err)
	}
	month := models.Spans[len(models.Spans)-1]
	tallies, err := s.Tallies(t.Context(), admin, store.TallyScope{}, month, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var sum models.Tally
	for _, tally := range tallies {
		sum.Add(tally)
	}
	for status, counted := range map[models.Status]int64{models.Delivered: sum.Delivered, models.Failed: sum.Failed, models.Skipped: sum.Skipped} {
		if ends[status] != counted || counted == 0 {
			t.Errorf("%d %s, and %d counted", ends[status], status, counted)
		}
	}
	if ends[models.Pending] == 0 {
		t.Error("none is pending")
	}
	// A server goes on with it.
	stack, err := s.Stack(t.Context(), admin, "stack-01")
	if err != nil {
		t.Fatal(err)
	}
	if rec, err := s.StartRun(t.Context(), stack, sample()); err != nil || len(rec.Deliveries) != len(largeStack)-1 {
		t.Errorf("a new run: %d deliveries, %v", len(rec.Deliveries), err)
	}
}

// checkDelivery looks whether a delivery has what its page shows.
func checkDelivery(t *testing.T, s *store.Store, d models.Delivery) {
	t.Helper()
	if _, err := s.Event(t.Context(), d.EventID); err != nil {
		t.Errorf("the event of %s: %v", d.ID, err)
	}
	attempts, err := s.Attempts(t.Context(), d)
	if err != nil || len(attempts) != d.Attempt {
		t.Errorf("%s has %d attempts, want %d: %v", d.ID, len(attempts), d.Attempt, err)
	}
	if len(attempts) > 0 && (attempts[0].Reason != d.Reason || attempts[0].Code != d.Code) {
		t.Errorf("%s ended with %s %d, its last attempt with %s %d", d.ID, d.Reason, d.Code, attempts[0].Reason, attempts[0].Code)
	}
}
