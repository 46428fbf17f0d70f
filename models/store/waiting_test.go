package store_test

import (
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// opened returns a stack whose webhook's circuit has just opened, with so many deliveries pending.
func opened(t *testing.T, s *store.Store, pending int) (models.Stack, models.Webhook) {
	t.Helper()
	stack := storetest.Stack(t, s, strings.ToLower(models.NewID(time.Now())))
	w := storetest.Webhook(t, s, stack, "https://example.com/", "")
	for range max(pending, models.CircuitAfter) {
		storetest.Run(t, s, stack)
	}
	for i, job := range storetest.Claim(t, s, "me") {
		o := store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now()}
		if i >= pending {
			o.Status = models.Failed
		}
		record(t, s, "me", job, o)
	}
	return stack, webhook(t, s, w)
}

// webhook returns a webhook as it is now.
func webhook(t *testing.T, s *store.Store, w models.Webhook) models.Webhook {
	t.Helper()
	w, err := s.Webhook(t.Context(), models.Stack{Key: w.StackKey}, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sendTest(t *testing.T, s *store.Store, stack models.Stack, w models.Webhook) models.Delivery {
	t.Helper()
	d, err := s.SendTest(t.Context(), storetest.Shell, stack, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Somebody who sends a test waits for its result: neither the backlog nor the pause before the next probe is before it,
// and it is no probe.
func TestATestDoesNotWaitForTheCircuit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack, w := opened(t, s, 10)
		test := sendTest(t, s, stack, w)
		if b, err := s.Backlog(t.Context()); err != nil || b.Due != 1 || b.Open != 1 {
			t.Errorf("%+v is waiting, %v; want the test to be due", b, err)
		}
		jobs := storetest.Claim(t, s, "me")
		if len(jobs) != 1 || jobs[0].Delivery.ID != test.ID || !jobs[0].Probe.IsZero() {
			t.Fatalf("claimed %+v, want the test", jobs)
		}
		if now := webhook(t, s, w); !now.OpenUntil.Equal(w.OpenUntil) || w.OpenUntil.IsZero() {
			t.Errorf("the next probe is at %v, not at %v", now.OpenUntil, w.OpenUntil)
		}
		c, err := s.Claim(t.Context(), store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: 10, MostPerWebhook: 10, MaxTries: 11})
		if err != nil || len(c.Jobs) != 0 || !c.Next.Equal(w.OpenUntil) {
			t.Errorf("claimed %+v, next %v, %v; want the probe at %v", c.Jobs, c.Next, err, w.OpenUntil)
		}
	})
}

// The probe says whether the backlog may go, which no test does.
func TestATestIsNoProbe(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack, w := opened(t, s, 0)
		test := sendTest(t, s, stack, w)
		waiting := storetest.Run(t, s, stack).Deliveries[0]
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, waiting); err != nil { // which makes the probe due
			t.Fatal(err)
		}
		probes := map[string]bool{}
		for _, job := range storetest.Claim(t, s, "me") {
			probes[job.Delivery.ID] = !job.Probe.IsZero()
		}
		if len(probes) != 2 || probes[test.ID] || !probes[waiting] {
			t.Errorf("claimed %v (is it the probe?), want the test %s and the probe %s", probes, test.ID, waiting)
		}
	})
}

// A test whose sender died is due when its lease ends, also behind an open circuit.
func TestALostTestIsDueAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack, w := opened(t, s, 0)
		sendTest(t, s, stack, w)
		lost := storetest.Claim(t, s, "crashed")
		if len(lost) != 1 {
			t.Fatalf("claimed %+v, want the test", lost)
		}
		c, err := s.Claim(t.Context(), store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: 10, MostPerWebhook: 10, MaxTries: 11})
		if want := lost[0].Delivery.DueAt.Round(0).Truncate(time.Microsecond); err != nil || !c.Next.Equal(want) {
			t.Errorf("next is %v, %v; want %v", c.Next, err, want)
		}
	})
}
