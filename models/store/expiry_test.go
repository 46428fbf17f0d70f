package store_test

import (
	"errors"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// lose ends the lease of a first attempt of "me", as time does after a crash.
func lose(t *testing.T, s *store.Store, delivery string) {
	t.Helper()
	if held, err := s.Renew(t.Context(), delivery, "me", 1, -time.Second); err != nil || !held {
		t.Fatalf("its lease is held: %t, %v", held, err)
	}
}

// A delivery whose sender died expires like any other, also where no claim looks at it.
func TestALostDeliveryExpires(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		lost := storetest.Run(t, s, stack).Deliveries[0]
		inFlight := storetest.Run(t, s, stack).Deliveries[0]
		storetest.Claim(t, s, "me")
		lose(t, s, lost)
		edit(t, s, stack, w, models.WebhookForm{Endpoint: w.Endpoint})
		if n, err := s.Expire(t.Context(), -time.Hour, 100); err != nil || n != 1 {
			t.Errorf("%d expired, %v; want 1", n, err)
		}
		d := delivery(t, s, stack, lost)
		attempts, err := s.Attempts(t.Context(), d)
		if err != nil || d.Status != models.Failed || d.Reason != models.ReasonExpired || d.LeaseOwner != "" || d.EndedAt.IsZero() {
			t.Errorf("%+v, %v", d, err)
		}
		if len(attempts) != 1 || attempts[0].Reason != models.ReasonInterrupted {
			t.Errorf("recorded are %+v", attempts)
		}
		if d := delivery(t, s, stack, inFlight); d.Status != models.Pending || d.LeaseOwner != "me" {
			t.Errorf("one that is in flight: %+v", d)
		}
	})
}

// What the page offers is done: nobody is sending a delivery whose lease has ended.
func TestALostDeliveryIsRedelivered(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		id := storetest.Run(t, s, stack).Deliveries[0]
		storetest.Claim(t, s, "me")
		var refused *models.Refused
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, id); !errors.As(err, &refused) {
			t.Errorf("in flight: %v", err)
		}
		lose(t, s, id)
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, id); err != nil {
			t.Fatal(err)
		}
		d := delivery(t, s, stack, id)
		attempts, err := s.Attempts(t.Context(), d)
		if err != nil || len(attempts) != 1 || attempts[0].Reason != models.ReasonInterrupted || d.Tries != 0 || d.RedeliveredBy != "test" {
			t.Errorf("%+v, attempts %+v, %v", d, attempts, err)
		}
		if jobs := storetest.Claim(t, s, "another"); len(jobs) != 1 || jobs[0].Delivery.Attempt != 2 {
			t.Errorf("claimed %+v", jobs)
		}
	})
}
