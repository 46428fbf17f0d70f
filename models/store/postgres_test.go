package store_test

import (
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// The whole way of a delivery, on both databases.
func TestJourneyOnEachDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "secret")
		run := storetest.Run(t, s, stack)
		storetest.State(t, s, stack, run.Run.ID, models.Planning)
		jobs := storetest.Claim(t, s, "me")
		if len(jobs) != 1 || jobs[0].Delivery.ID != run.Deliveries[0] || len(jobs[0].Payload) == 0 {
			t.Fatalf("claimed %+v", jobs)
		}
		record(t, s, "me", jobs[0], store.Outcome{Status: models.Delivered})
		next := storetest.Claim(t, s, "me")
		if len(next) != 1 || next[0].Delivery.StateVersion != 1 {
			t.Fatalf("claimed then %+v", next)
		}
		record(t, s, "me", next[0], store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(time.Hour)})
		d := delivery(t, s, stack, run.Deliveries[0])
		if d.Status != models.Delivered || d.Tries != 1 || d.FirstDelivered.IsZero() || d.LeaseOwner != "" {
			t.Errorf("%+v", d)
		}
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, d.ID); err != nil {
			t.Error(err)
		}
		health, err := s.WebhookHealth(t.Context(), w)
		if err != nil || health.Waiting != 2 {
			t.Errorf("%+v, %v", health, err)
		}
		if n, err := s.Expire(t.Context(), -time.Hour, 10); err != nil || n != 2 {
			t.Errorf("%d expired, %v", n, err)
		}
	})
}
