package store_test

import (
	"sync/atomic"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// probing returns a stack whose webhook's circuit is open and whose probe is due.
func probing(t *testing.T, s *store.Store) (models.Stack, models.Webhook) {
	t.Helper()
	stack, w := opened(t, s, 0)
	for range 3 {
		storetest.Run(t, s, stack)
	}
	if err := s.Redeliver(t.Context(), storetest.Shell, stack, storetest.Run(t, s, stack).Deliveries[0]); err != nil {
		t.Fatal(err)
	}
	return stack, w
}

// probe claims the one job that there is, for so long.
func probe(t *testing.T, s *store.Store, owner string, lease time.Duration) store.Job {
	t.Helper()
	c, err := s.Claim(t.Context(), store.ClaimRequest{Owner: owner, Lease: lease, Most: 10, MostPerWebhook: 10, MaxTries: 11})
	if err != nil || len(c.Jobs) != 1 || c.Jobs[0].Probe.IsZero() {
		t.Fatalf("claimed %+v, %v; want the probe", c.Jobs, err)
	}
	return c.Jobs[0]
}

// A probe that never started is not waited for.
func TestAProbeThatIsHandedBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, w := probing(t, s)
		first := probe(t, s, "me", time.Minute)
		if err := s.Release(t.Context(), "me", first); err != nil {
			t.Fatal(err)
		}
		if again := probe(t, s, "another", time.Minute); again.Delivery.Attempt != first.Delivery.Attempt {
			t.Errorf("attempt %d, want %d again", again.Delivery.Attempt, first.Delivery.Attempt)
		}
		if now := webhook(t, s, w); now.Probes != 0 {
			t.Errorf("it counts: %+v", now)
		}
		if jobs := storetest.Claim(t, s, "a third"); len(jobs) != 0 {
			t.Errorf("a second probe at the same time: %+v", jobs)
		}
	})
}

// The next probe goes at once when one was cut short, and only then.
func TestAProbeThatIsCutShort(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		probing(t, s)
		cut, begun := probe(t, s, "me", time.Minute), time.Now()
		var woken atomic.Bool
		s.OnCommit(func() { woken.Store(true) })
		recordFrom(t, s, begun, cut, store.Outcome{Status: models.Pending, Reason: models.ReasonInterrupted, DueAt: time.Now(), Probe: cut.Probe})
		if !woken.Load() {
			t.Error("no engine is told")
		}
		next := probe(t, s, "me", time.Minute)
		recordFrom(t, s, begun, next, store.Outcome{Status: models.Pending, Reason: models.ReasonInternal, DueAt: time.Now(), Probe: next.Probe})
		if jobs := storetest.Claim(t, s, "a third"); len(jobs) != 0 {
			t.Errorf("a probe without a pause: %+v", jobs)
		}
	})
}

// A probe whose delivery had used up its tries by what cut it short is none: the next one goes at once.
func TestAProbeWithoutTries(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		probing(t, s)
		used := probe(t, s, "lost", -time.Second)
		for _, want := range []int{0, 1} { // it fails; another one is the probe
			c, err := s.Claim(t.Context(), store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: 10, MostPerWebhook: 10, MaxTries: 1})
			if err != nil || len(c.Jobs) != want {
				t.Fatalf("claimed %+v, %v; want %d", c.Jobs, err, want)
			}
			if want == 0 && c.Next.After(time.Now()) {
				t.Errorf("the next is due at %v", c.Next)
			}
			if want == 1 && (c.Jobs[0].Delivery.ID == used.Delivery.ID || c.Jobs[0].Probe.IsZero()) {
				t.Errorf("claimed %+v", c.Jobs)
			}
		}
	})
}

// Whatever comes of a probe that was given up for lost, the circuit waits for the one after it.
func TestALostProbeMovesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for what, end := range map[string]func(store.Job) error{
			"cut short": func(job store.Job) error {
				return late(t, s, job, store.Outcome{Status: models.Pending, Reason: models.ReasonInterrupted, DueAt: time.Now(), Probe: job.Probe})
			},
			"failed": func(job store.Job) error {
				return late(t, s, job, store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now(), Probe: job.Probe})
			},
			"handed back": func(job store.Job) error { return s.Release(t.Context(), "lost", job) },
		} {
			_, w := probing(t, s)
			lost := probe(t, s, "lost", -time.Second)
			next := probe(t, s, "me", time.Minute)
			if err := end(lost); err != nil {
				t.Fatal(err)
			}
			if now := webhook(t, s, w); now.OpenUntil.UnixMicro() != next.Probe.UnixMicro() || now.Probes != 0 {
				t.Errorf("%s: the circuit is %+v, it waits for the probe until %v", what, now, next.Probe)
			}
		}
	})
}

// A claim waits for nobody who has a webhook's row: that one may wait for another which this claim took a probe of.
func TestAClaimWaitsForNoOtherProbe(t *testing.T) {
	t.Parallel()
	s, db := onPostgres(t)
	probing(t, s)
	other, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback()
	if _, err := other.Exec(`SELECT 1 FROM webhooks FOR NO KEY UPDATE`); err != nil {
		t.Fatal(err)
	}
	if jobs := storetest.Claim(t, s, "me"); len(jobs) != 0 {
		t.Errorf("claimed %+v", jobs)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	probe(t, s, "me", time.Minute)
}

func late(t *testing.T, s *store.Store, job store.Job, o store.Outcome) error {
	return second(s.RecordAttempt(t.Context(), "lost", models.Attempt{
		DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: time.Now(), Reason: o.Reason,
	}, o))
}
