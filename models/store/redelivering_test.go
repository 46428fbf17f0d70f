package store_test

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// crash breaks off what a store does and returns another on the same database.
type crash func(s *store.Store) *store.Store

// Whatever breaks off in the middle, each delivery is made due once.
func TestARedeliveryGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "stackhook.db")
		resume(t, storetest.Open(t, path), func(*store.Store) *store.Store { return storetest.Open(t, path) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		o := store.Options{Database: storetest.NewPostgres(t), KeyFile: filepath.Join(t.TempDir(), "key")}
		resume(t, storetest.OnPostgres(t, o), func(*store.Store) *store.Store { return storetest.OnPostgres(t, o) })
	})
}

func resume(t *testing.T, s *store.Store, again crash) {
	t.Helper()
	const runs = 90
	stack := storetest.Stack(t, s, "a")
	storetest.Webhook(t, s, stack, "https://example.com/", "")
	for range runs {
		storetest.Run(t, s, stack)
	}
	failAll(t, s)
	r := start(t, s, order(store.DeliveryFilter{Stack: &stack, Reason: models.ReasonInternal}))
	sent := map[string]int{}
	for i := 0; ; i++ {
		if i == 100 {
			t.Fatal("it comes to no end")
		}
		// Half of the batches break off before their end, which is as if the process were killed then.
		if i%2 == 0 {
			s = again(s)
			if err := store.BreakOff(t.Context(), s, r.ID); err != nil {
				t.Fatal(err)
			}
		}
		next, err := s.RedeliverDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range storetest.Claim(t, s, "me") { // before the next batch: what failed again matches again
			sent[j.Delivery.ID]++
			record(t, s, "me", j, store.Outcome{Status: models.Failed, Reason: models.ReasonInternal})
		}
		if next.IsZero() {
			break
		}
		hurry(t, s)
	}
	for id, n := range sent {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if r = redelivery(t, s, r); len(sent) != runs || r.Sent != runs || r.State != models.RedeliveryDone {
		t.Errorf("%d were sent, want %d; %+v", len(sent), runs, r)
	}
}

// However often a form is sent, and to whichever replica, there is one redelivery; and however many processes work it off,
// each delivery is made due once.
func TestOneOrderIsOneRedelivery(t *testing.T) {
	t.Parallel()
	t.Run("one process", func(t *testing.T) {
		t.Parallel()
		s := storetest.New(t)
		oneOrder(t, s, s)
	})
	t.Run("two replicas", func(t *testing.T) {
		t.Parallel()
		o := store.Options{Database: storetest.NewPostgres(t), KeyFile: filepath.Join(t.TempDir(), "key")}
		oneOrder(t, storetest.OnPostgres(t, o), storetest.OnPostgres(t, o))
	})
}

func oneOrder(t *testing.T, stores ...*store.Store) {
	t.Helper()
	s := stores[0]
	stack := storetest.Stack(t, s, "a")
	storetest.Webhook(t, s, stack, "https://example.com/", "")
	for range 90 {
		storetest.Run(t, s, stack)
	}
	failAll(t, s)
	o := order(store.DeliveryFilter{Stack: &stack})
	var mu sync.Mutex
	keys, fresh := []int64{}, 0
	together(stores, 5, func(s *store.Store) {
		r, repeated, err := s.StartRedelivery(t.Context(), storetest.Shell, o)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Key)
		if !repeated {
			fresh++
		}
	})
	records, err := store.AuditDetails(s, models.RedeliveryStart)
	if keys = slices.Compact(slices.Sorted(slices.Values(keys))); len(keys) != 1 || keys[0] == 0 || fresh != 1 || len(records) != 1 || err != nil {
		t.Errorf("redeliveries %v, %d of them new, recorded %q, %v", keys, fresh, records, err)
	}
	together(stores, 2, func(s *store.Store) {
		for range 40 {
			if _, err := s.RedeliverDue(t.Context()); err != nil {
				t.Error(err)
				return
			}
			if err := store.Exec(s, `UPDATE redeliveries SET due_at = 1`); err != nil {
				t.Error(err)
				return
			}
		}
	})
	r, err := s.Redelivery(t.Context(), &stack, o.ID)
	if n := len(storetest.Claim(t, s, "me")); err != nil || n != 90 || r.Sent != 90 || r.Met() != 90 || r.State != models.RedeliveryDone {
		t.Errorf("%d are sent, want 90; %+v, %v", n, r, err)
	}
}

// together calls f for each store so often at once.
func together(stores []*store.Store, times int, f func(s *store.Store)) {
	var all sync.WaitGroup
	for _, s := range stores {
		for range times {
			all.Go(func() { f(s) })
		}
	}
	all.Wait()
}

// No second, wherever it begins, has more than the speed allows, and a burst; and what is allowed is used.
func TestTheSpeedOfARedelivery(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []int{1, 7, 10, 40, models.MaxPerSecond} {
		synctest.Test(t, func(t *testing.T) {
			s := storetest.New(t)
			stack := storetest.Stack(t, s, "a")
			w := storetest.Webhook(t, s, stack, "https://example.com/", "")
			off := storetest.Webhook(t, s, stack, "https://off.example/", "")
			n := min(3*perSecond, 60)
			for range n {
				storetest.Run(t, s, stack)
			}
			failAll(t, s)
			edit(t, s, stack, off, models.WebhookForm{Endpoint: off.Endpoint}) // every second one is refused, and costs no time
			o := order(store.DeliveryFilter{Stack: &stack})
			o.PerSecond = perSecond
			r := start(t, s, o)
			began := time.Now()
			for {
				next, err := s.RedeliverDue(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if next.IsZero() {
					break
				}
				time.Sleep(time.Until(next))
			}
			log, err := store.Redelivered(s, w)
			if err != nil || len(log) != n {
				t.Fatalf("%d a second: %d were sent, %v", perSecond, len(log), err)
			}
			burst := max(1, perSecond/10)
			for i, at := range log {
				within := 0
				for _, other := range log[i:] {
					if other.Sub(at) < time.Second {
						within++
					}
				}
				if within > perSecond+burst-1 {
					t.Errorf("%d a second: %d within one, from %v on", perSecond, within, at.Sub(began))
				}
			}
			should := time.Duration(n) * time.Second / time.Duration(perSecond)
			if took := log[n-1].Sub(began); took > should || took < should-time.Duration(burst)*time.Second/time.Duration(perSecond)-time.Millisecond {
				t.Errorf("%d a second: %d took %v, not nearly %v", perSecond, n, took, should)
			}
			if r = redelivery(t, s, r); r.Disabled != n {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A clock that was set back does not hold a redelivery up.
func TestARedeliveryOutlivesAClockStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		failAll(t, s)
		r := start(t, s, order(store.DeliveryFilter{Stack: &stack}))
		if err := store.Exec(s, `UPDATE redeliveries SET due_at = ?`, time.Now().Add(time.Hour).UnixMicro()); err != nil {
			t.Fatal(err)
		}
		if next, err := s.RedeliverDue(t.Context()); err != nil || !next.IsZero() || redelivery(t, s, r).Sent != 1 {
			t.Errorf("next at %v, %v", next, err)
		}
	})
}
