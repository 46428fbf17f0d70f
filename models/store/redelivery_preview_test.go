package store_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// What the preview says comes to pass, by the rules of a single redelivery.
func TestARedeliveryDoesWhatItsPreviewSays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack, failed, chosen := ofEachFate(t, s)
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
			{"chosen", store.RedeliveryOrder{Chosen: append(chosen, models.NewID(time.Now())), Filter: store.DeliveryFilter{Stack: &stack}}, some},
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
				d := delivery(t, s, stack, failed)
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

func fates(r models.Redelivery) map[models.Fate]int {
	n := map[models.Fate]int{}
	for _, f := range models.Fates() {
		if r.Count(f) > 0 {
			n[f] = r.Count(f)
		}
	}
	return n
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

// ofEachFate adds deliveries of each fate to a stack, of which one that is sent is named, and returns the ids of all with one
// of another stack.
func ofEachFate(t *testing.T, s *store.Store) (stack models.Stack, sent string, ids []string) {
	t.Helper()
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
	return stack, failed.Deliveries[0], append(chosen, foreign)
}
