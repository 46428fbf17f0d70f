package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// order asks for all that match, as fast as it goes.
func order(f store.DeliveryFilter) store.RedeliveryOrder {
	return store.RedeliveryOrder{ID: models.NewID(time.Now()), Filter: f, PerSecond: models.MaxPerSecond}
}

func start(t *testing.T, s *store.Store, o store.RedeliveryOrder) models.Redelivery {
	t.Helper()
	r, repeated, err := s.StartRedelivery(t.Context(), storetest.Shell, o)
	if err != nil || repeated {
		t.Fatal(repeated, err)
	}
	return r
}

// hurry makes the next batches due without waiting for them.
func hurry(t *testing.T, s *store.Store) {
	t.Helper()
	if err := store.Exec(s, `UPDATE redeliveries SET due_at = 1`); err != nil {
		t.Fatal(err)
	}
}

// workOff works redeliveries off to their end.
func workOff(t *testing.T, s *store.Store) {
	t.Helper()
	for range 1000 {
		next, err := s.RedeliverDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if next.IsZero() {
			return
		}
		hurry(t, s)
	}
	t.Fatal("it comes to no end")
}

func redelivery(t *testing.T, s *store.Store, r models.Redelivery) models.Redelivery {
	t.Helper()
	r, err := s.Redelivery(t.Context(), nil, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// failAll ends what is due as failed.
func failAll(t *testing.T, s *store.Store) {
	t.Helper()
	for jobs := storetest.Claim(t, s, "me"); len(jobs) > 0; jobs = storetest.Claim(t, s, "me") {
		for _, j := range jobs {
			record(t, s, "me", j, store.Outcome{Status: models.Failed, Reason: models.ReasonInternal})
		}
	}
}

// What is sent is what there was at the start.
func TestARedeliveryIsOfWhatThereWas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		for range 3 {
			storetest.Run(t, s, stack)
		}
		failAll(t, s)
		storetest.Run(t, s, stack)
		held := storetest.Claim(t, s, "me")
		r := start(t, s, order(store.DeliveryFilter{Status: models.Failed}))
		everything := start(t, s, order(store.DeliveryFilter{}))
		record(t, s, "me", held[0], store.Outcome{Status: models.Failed, Reason: models.ReasonInternal}) // it was none of the failed
		storetest.Run(t, s, stack)
		failAll(t, s)
		workOff(t, s)
		if r = redelivery(t, s, r); r.Sent != 3 || r.Met() != 3 || r.Expected != 3 {
			t.Errorf("%+v", r)
		}
		if everything = redelivery(t, s, everything); everything.Met() != 4 {
			t.Errorf("%+v", everything)
		}
		webhooks, err := s.RedeliveryWebhooks(t.Context(), r)
		if err != nil || len(webhooks) != 1 || webhooks[0].Sent != 3 || webhooks[0].Kept != 0 || webhooks[0].Endpoint != "https://example.com/" || webhooks[0].StackID != "a" {
			t.Errorf("%+v, %v", webhooks, err)
		}
	})
}

func TestACanceledRedeliveryStops(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		for range 30 {
			storetest.Run(t, s, stack)
		}
		failAll(t, s)
		o := order(store.DeliveryFilter{Stack: &stack, Status: models.Failed})
		o.Query = "status=failed"
		r := start(t, s, o)
		if next, err := s.RedeliverDue(t.Context()); err != nil || next.IsZero() {
			t.Fatal(next, err)
		}
		for range 2 {
			canceled, err := s.CancelRedelivery(t.Context(), models.Actor{Kind: models.ActorUser, Name: "Ada"}, r)
			if err != nil || canceled.State != models.RedeliveryCanceled || canceled.CanceledBy != "Ada" {
				t.Errorf("%+v, %v", canceled, err)
			}
		}
		hurry(t, s)
		workOff(t, s)
		if r = redelivery(t, s, r); r.Sent != 20 || r.State != models.RedeliveryCanceled {
			t.Errorf("%+v", r)
		}
		if n := len(storetest.Claim(t, s, "me")); n != 20 {
			t.Errorf("%d are sent", n)
		}
		for action, want := range map[models.Action]string{
			models.RedeliveryStart:  "test: all that match status=failed; 30 matched, 30 to send; 200 a second",
			models.RedeliveryCancel: "Ada: all that match status=failed; after 20 of 30: 20 sent; 200 a second",
		} {
			if got, err := store.AuditDetails(s, action); err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("recorded is %q, %v; want %q", got, err, want)
			}
		}
	})
}

// Behind an open circuit one is the next probe, whatever the number of batches, and the others wait.
func TestARedeliveryProbesOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack, w := opened(t, s, 0)
		var chosen []string
		for range 30 {
			chosen = append(chosen, storetest.Run(t, s, stack).Deliveries...)
		}
		o := order(store.DeliveryFilter{Stack: &stack})
		o.Chosen = chosen
		start(t, s, o)
		if _, err := s.RedeliverDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if job := probe(t, s, "me", time.Minute); job.Delivery.ID != chosen[0] {
			t.Errorf("the probe is %s, want the first, %s", job.Delivery.ID, chosen[0])
		}
		until := webhook(t, s, w).OpenUntil
		hurry(t, s)
		workOff(t, s)
		if now := webhook(t, s, w); !now.OpenUntil.Equal(until) {
			t.Errorf("a later batch moved the probe from %v to %v", until, now.OpenUntil)
		}
	})
}

func TestWhatNoRedeliveryMayBe(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	stack := storetest.Stack(t, s, "a")
	ok := order(store.DeliveryFilter{Stack: &stack})
	start(t, s, ok)
	for what, change := range map[string]func(o *store.RedeliveryOrder){
		"perSecond: Enter a number": func(o *store.RedeliveryOrder) { o.PerSecond = 0 },
		"perSecond: Enter":          func(o *store.RedeliveryOrder) { o.PerSecond = models.MaxPerSecond + 1 },
		"ids: Choose at most 1000":  func(o *store.RedeliveryOrder) { o.Chosen = make([]string, models.MaxChosen+1) },
		"Another redelivery has":    func(o *store.RedeliveryOrder) { o.Overtaken = true },
		"Another redelivery has ":   func(o *store.RedeliveryOrder) { o.PerSecond = 1 },
		"Another redelivery has t":  func(o *store.RedeliveryOrder) { o.Filter.Status = models.Failed },
		"Another redelivery has th": func(o *store.RedeliveryOrder) { o.Filter.Stack = nil },
		"Another redelivery":        func(o *store.RedeliveryOrder) { o.Chosen = []string{"01"} },
	} {
		o := ok
		change(&o)
		_, _, err := s.StartRedelivery(t.Context(), storetest.Shell, o)
		var conflict *models.Conflict
		if err == nil || !strings.HasPrefix(err.Error(), what) || strings.HasPrefix(what, "Another") != errors.As(err, &conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
