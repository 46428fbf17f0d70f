package store_test

import (
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A batch that was being made while somebody canceled is not made.
func TestACanceledRedeliveryStopsInTheMiddle(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		failAll(t, s)
		r := start(t, s, order(store.DeliveryFilter{Stack: &stack}))
		if _, err := s.CancelRedelivery(t.Context(), storetest.Shell, r); err != nil {
			t.Fatal(err)
		}
		if err := store.RedeliverSome(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
		if r = redelivery(t, s, r); r.Met() != 0 || r.State != models.RedeliveryCanceled {
			t.Errorf("%+v", r)
		}
	})
}

// Overtaken is what a newer state of the same run was accepted after, by the same webhook.
func TestWhatIsOvertaken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		other := storetest.Webhook(t, s, stack, "https://other.example/", "")
		answers := func(rec store.Recorded, accepts ...string) map[string]string {
			t.Helper()
			ids := map[string]string{}
			for _, j := range storetest.Claim(t, s, "me") {
				o := store.Outcome{Status: models.Failed, Reason: models.ReasonInternal}
				for _, id := range accepts {
					if j.Delivery.WebhookID == id {
						o = store.Outcome{Status: models.Delivered}
					}
				}
				record(t, s, "me", j, o)
				ids[j.Delivery.WebhookID] = j.Delivery.ID
			}
			if len(ids) != len(rec.Deliveries) {
				t.Fatalf("claimed %v of %v", ids, rec.Deliveries)
			}
			return ids
		}
		run := storetest.Run(t, s, stack)
		first := answers(run, w.ID)
		second := answers(storetest.State(t, s, stack, run.Run.ID, models.Planning), w.ID)
		third := answers(storetest.State(t, s, stack, run.Run.ID, models.Finished))
		next := answers(storetest.Run(t, s, stack), w.ID, other.ID) // of another run
		start(t, s, order(store.DeliveryFilter{Stack: &stack}))
		workOff(t, s)
		for id, want := range map[string]bool{
			first[w.ID]: false, second[w.ID]: true, third[w.ID]: true, next[w.ID]: true,
			first[other.ID]: true, second[other.ID]: true, third[other.ID]: true, next[other.ID]: true,
		} {
			if d := delivery(t, s, stack, id); d.RedeliveredAt.IsZero() == want {
				t.Errorf("%s v%d to %s was sent again: %t", d.State, d.StateVersion, d.WebhookID, !want)
			}
		}
	})
}

// Those that were chosen are sent however many batches they take.
func TestManyThatWereChosen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		o := order(store.DeliveryFilter{Stack: &stack})
		for i := range 50 {
			id := storetest.Run(t, s, stack).Deliveries[0]
			if i < 45 {
				o.Chosen = append([]string{id, id}, o.Chosen...)
			}
		}
		for range 30 { // more than are looked at at once, and nothing to send among them
			o.Chosen = append(o.Chosen, models.LeastID(time.Now().Add(-time.Hour))[:10]+models.NewID(time.Now())[10:])
		}
		failAll(t, s)
		o.PerSecond = 10
		r := start(t, s, o)
		workOff(t, s)
		if r = redelivery(t, s, r); r.Sent != 45 || r.Gone != 30 || r.Met() != 75 || r.Expected != 75 || r.State != models.RedeliveryDone {
			t.Errorf("%+v", r)
		}
	})
}
