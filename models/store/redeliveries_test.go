package store_test

import (
	"errors"
	"maps"
	"slices"
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

func fates(r models.Redelivery) map[models.Fate]int {
	n := map[models.Fate]int{}
	for _, f := range models.Fates() {
		if r.Count(f) > 0 {
			n[f] = r.Count(f)
		}
	}
	return n
}

// What the preview says comes to pass, by the rules of a single redelivery.
func TestARedeliveryDoesWhatItsPreviewSays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack, other := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		storetest.Webhook(t, s, other, "https://example.com/", "")
		good := storetest.Webhook(t, s, stack, "https://good.example/", "")
		off := storetest.Webhook(t, s, stack, "https://off.example/", "")
		gone := storetest.Webhook(t, s, stack, "https://gone.example/", "")
		run := storetest.Run(t, s, stack)
		failAll(t, s)
		newer := storetest.State(t, s, stack, run.Run.ID, models.Planning)
		foreign := storetest.Run(t, s, other).Deliveries[0]
		for _, j := range storetest.Claim(t, s, "me") {
			record(t, s, "me", j, store.Outcome{Status: models.Delivered})
		}
		failed := storetest.Run(t, s, stack)
		failAll(t, s)
		if _, err := s.SendTest(t.Context(), storetest.Shell, stack, good.ID); err != nil {
			t.Fatal(err)
		}
		inFlight := storetest.Run(t, s, stack)
		storetest.Claim(t, s, "another")
		edit(t, s, stack, off, models.WebhookForm{Endpoint: off.Endpoint})
		if err := s.DeleteWebhook(t.Context(), storetest.Shell, stack, gone.ID); err != nil {
			t.Fatal(err)
		}
		chosen := slices.Concat(run.Deliveries, newer.Deliveries, failed.Deliveries, inFlight.Deliveries)
		log, err := s.Deliveries(t.Context(), administrator, store.DeliveryFilter{Stack: &stack}, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range log.Rows {
			if r.Test {
				chosen = append(chosen, r.ID)
			}
		}
		all := map[models.Fate]int{models.FateSent: 2, models.FateOvertaken: 1, models.FateDisabled: 4, models.FateDeleted: 4, models.FateInFlight: 1, models.FateTest: 1}
		some := maps.Clone(all)
		some[models.FateGone] = 2
		with := maps.Clone(all)
		with[models.FateSent], with[models.FateInFlight] = 1, 3 // two were sent just before
		delete(with, models.FateOvertaken)
		for _, c := range []struct {
			what  string
			order store.RedeliveryOrder
			want  map[models.Fate]int
		}{
			{"all of a stack", order(store.DeliveryFilter{Stack: &stack}), all},
			{"chosen", store.RedeliveryOrder{Chosen: append(chosen, foreign, models.NewID(time.Now())), Filter: store.DeliveryFilter{Stack: &stack}}, some},
			{"with what is overtaken", store.RedeliveryOrder{Filter: store.DeliveryFilter{Stack: &stack}, Overtaken: true}, with},
		} {
			c.order.ID, c.order.PerSecond = models.NewID(time.Now()), models.MaxPerSecond
			preview, err := s.PreviewRedelivery(t.Context(), c.order)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, g := range preview.Groups {
				n += g.Count
				if g.StackID != "a" || g.Webhook.Endpoint == "" || g.State == "" {
					t.Errorf("%s: a group %+v", c.what, g)
				}
			}
			if n+preview.Fates[models.FateGone] != preview.Total || preview.More() {
				t.Errorf("%s: the groups have %d of %d", c.what, n, preview.Total)
			}
			r := start(t, s, c.order)
			workOff(t, s)
			r = redelivery(t, s, r)
			if got := fates(r); !maps.Equal(got, c.want) || !maps.Equal(preview.Fates, c.want) || r.State != models.RedeliveryDone || r.Expected != preview.Total || r.EndedAt.IsZero() {
				t.Errorf("%s: came to %v, was to come to %v, want %v; %+v", c.what, got, preview.Fates, c.want, r)
			}
			if n := len(storetest.Claim(t, s, "a third")); n != c.want[models.FateSent] {
				t.Errorf("%s: %d are sent", c.what, n)
			}
			if c.what == "all of a stack" {
				d := delivery(t, s, stack, failed.Deliveries[0])
				if d.RedeliveredBy != "test" || d.RedeliveredAt.IsZero() || d.Tries != 0 {
					t.Errorf("one that was sent: %+v", d)
				}
				failAllOf(t, s, "a third", stack)
			}
		}
	})
}

// failAllOf ends what an owner has in flight.
func failAllOf(t *testing.T, s *store.Store, owner string, stack models.Stack) {
	t.Helper()
	log, err := s.Deliveries(t.Context(), administrator, store.DeliveryFilter{Stack: &stack, Status: models.Pending}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Rows {
		if r.LeaseOwner == owner {
			record(t, s, owner, store.Job{Delivery: r.Delivery}, store.Outcome{Status: models.Failed, Reason: models.ReasonInternal})
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
			models.RedeliveryStart:  "test: all that match status=failed; 30 matched, 30 sent; 200 a second",
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

// A preview ends, however much there is.
func TestAPreviewStopsCounting(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := fillCrowd(t, s)
		// They are tests, so that they need no runs: but for the newest, which is of one, they would be refused.
		preview, err := s.PreviewRedelivery(t.Context(), order(store.DeliveryFilter{Stack: &c.a}))
		if err != nil || preview.Total != 10_001 || !preview.More() || preview.Fates[models.FateTest] != 10_000 {
			t.Errorf("%+v, %v", preview, err)
		}
		rare := order(store.DeliveryFilter{Stack: &c.a, Reason: models.ReasonTLS})
		if preview, err = store.PreviewLooking(t.Context(), s, rare, 1); err != nil || preview.Total != 0 || preview.LookedTo.IsZero() || !preview.More() {
			t.Errorf("after one look: %+v, %v", preview, err)
		}
		if preview, err = store.PreviewLooking(t.Context(), s, rare, 2); err != nil || preview.Total != 0 || preview.More() {
			t.Errorf("after two: %+v, %v", preview, err)
		}
		// It is worked off all the same, in steps that look through no more than a page does.
		r := start(t, s, rare)
		workOff(t, s)
		if r = redelivery(t, s, r); r.State != models.RedeliveryDone || r.Met() != 0 {
			t.Errorf("%+v", r)
		}
	})
}
