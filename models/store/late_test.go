package store_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// overtaken returns a delivery whose first attempt was given up for lost and then ended well after all, with the attempt
// that somebody else was about to make.
func overtaken(t *testing.T, s *store.Store) (models.Stack, store.Job) {
	t.Helper()
	stack := storetest.Stack(t, s, "a")
	storetest.Webhook(t, s, stack, "https://example.com/", "")
	storetest.Run(t, s, stack)
	lost := storetest.Claim(t, s, "slow")[0]
	time.Sleep(time.Minute)
	job := storetest.Claim(t, s, "me")[0]
	record(t, s, "slow", lost, store.Outcome{Status: models.Delivered})
	return stack, job
}

func TestWhatALateSuccessOvertookIsHandedBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack, job := overtaken(t, s)
		if err := s.Release(t.Context(), "me", job); err != nil {
			t.Fatal(err)
		}
		if d := delivery(t, s, stack, job.Delivery.ID); d.Status != models.Delivered || d.Attempt != 1 {
			t.Errorf("%s after %d attempts; want it delivered after one", d.Status, d.Attempt)
		}
	})
}

// An attempt beside a late success may still be going: nobody says that it was cut.
func TestWhatALateSuccessOvertookIsRedelivered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack, job := overtaken(t, s)
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, job.Delivery.ID); err != nil {
			t.Fatal(err)
		}
		attempts, err := s.Attempts(t.Context(), job.Delivery)
		if err != nil || len(attempts) != 1 || attempts[0].Reason != "" {
			t.Errorf("%+v, %v; want the success alone", attempts, err)
		}
		if next := storetest.Claim(t, s, "me"); len(next) != 1 || next[0].Delivery.Attempt != 3 {
			t.Errorf("claimed %+v, want attempt 3", next)
		}
	})
}

// Whoever was given up for lost, and says the same when it comes back, is not counted again.
func TestAnInterruptedAttemptCountsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		s, err := store.Open(t.Context(), store.Options{Database: filepath.Join(t.TempDir(), "a.db"), Create: true, Metrics: registry})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		lost := storetest.Claim(t, s, "slow")[0]
		time.Sleep(time.Minute)
		storetest.Claim(t, s, "me")
		record(t, s, "slow", lost, store.Outcome{Status: models.Pending, Reason: models.ReasonInterrupted, DueAt: time.Now()})
		if n := counters(t, registry)[`stackhook_attempts_total reason="interrupted"`]; n != 1 {
			t.Errorf("counted %v times", n)
		}
		attempts, err := s.Attempts(t.Context(), lost.Delivery)
		if err != nil || len(attempts) != 1 || attempts[0].Total == 0 {
			t.Errorf("%+v, %v; want what its sender knows", attempts, err)
		}
	})
}

// Deleting a webhook ends what waits in memory to be sent. Its number was never an attempt.
func TestWhatADeletionEndedIsHandedBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		job := storetest.Claim(t, s, "me")[0]
		if err := s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.Release(t.Context(), "me", job); err != nil {
			t.Fatal(err)
		}
		d := delivery(t, s, stack, job.Delivery.ID)
		if d.Reason != models.ReasonWebhookDeleted || d.Attempt != 0 || !d.DueAt.IsZero() || d.LeaseOwner != "" {
			t.Errorf("%+v; want it ended without an attempt", d)
		}
	})
}
