package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs/line"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// noted waits until a watch has noted what is looked for, and forgets the rest. again, if any, is done from time to time
// meanwhile.
func noted(t *testing.T, w *store.Watch, what string, is func(store.Changes) bool, again ...func()) {
	t.Helper()
	over, step := time.After(patience), time.NewTicker(300*time.Millisecond)
	defer step.Stop()
	for {
		select {
		case <-w.More():
			if is(w.Take()) {
				return
			}
		case <-step.C:
			for _, do := range again {
				do()
			}
		case <-over:
			t.Fatalf("%s: not noted", what)
		}
	}
}

// Whatever changes a delivery is noted before whoever did it is answered.
func TestChangesAreNoted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		hook := storetest.Webhook(t, s, stack, "https://example.com/", "")
		other := storetest.Webhook(t, s, storetest.Stack(t, s, "b"), "https://example.com/", "")
		watch := s.Watch()
		defer watch.Close()
		seen := func(what string) {
			t.Helper()
			c := watch.Take()
			if _, elsewhere := c.Webhooks[other.ID]; c.Webhooks[hook.ID] != stack.Key || elsewhere || c.Everything || c.Access {
				t.Errorf("%s: %+v", what, c)
			}
		}
		rec := storetest.Run(t, s, stack)
		seen("a run")
		jobs := storetest.Claim(t, s, "me")
		seen("a claim")
		must(t, s.Release(t.Context(), "me", jobs[0]))
		seen("a release")
		jobs = storetest.Claim(t, s, "me")
		seen("another claim")
		record(t, s, "me", jobs[0], store.Outcome{Status: models.Delivered})
		seen("a result")
		must(t, s.Redeliver(t.Context(), storetest.Shell, stack, rec.Deliveries[0]))
		seen("a redelivery")
		record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Delivered})
		seen("its result")
		_, _, err := s.StartRedelivery(t.Context(), storetest.Shell, store.RedeliveryOrder{
			ID: models.NewID(time.Now()), Filter: store.DeliveryFilter{Stack: &stack}, Overtaken: true, PerSecond: 10,
		})
		must(t, err)
		_, err = s.RedeliverDue(t.Context())
		must(t, err)
		seen("a redelivery of many")
		if n, err := s.Expire(t.Context(), -time.Hour, 10); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		seen("an expiry")
		_, err = s.SendTest(t.Context(), storetest.Shell, stack, hook.ID)
		must(t, err)
		seen("a test")
		_, err = s.UpdateWebhook(t.Context(), storetest.Shell, stack, hook.ID, models.WebhookForm{Endpoint: "https://example.com/2", Enabled: false})
		must(t, err)
		seen("an edit")
		must(t, s.DeleteWebhook(t.Context(), storetest.Shell, stack, hook.ID))
		seen("a deletion")
		if c := watch.Take(); len(c.Webhooks) > 0 || c.Everything {
			t.Errorf("and then: %+v", c)
		}
	})
}

// So is whatever changes who may read it.
func TestChangesOfAccessAreNoted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		user, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ada@example.com", Name: "Ada", Role: models.Reader}, "")
		must(t, err)
		watch := s.Watch()
		defer watch.Close()
		for what, change := range map[string]func() error{
			"a grant":      func() error { return s.GrantStack(t.Context(), storetest.Shell, user, stack) },
			"a revocation": func() error { return s.RevokeStack(t.Context(), storetest.Shell, user, stack) },
			"an edited user": func() error {
				user.AllStacks = !user.AllStacks
				return s.UpdateUser(t.Context(), storetest.Shell, user)
			},
			"one ended by its person": func() error {
				must(t, s.SaveSession(t.Context(), models.Session{ID: "y", UserID: user.ID, CreatedAt: time.Now(), SeenAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}))
				return s.EndSession(t.Context(), storetest.Shell, user, "y")
			},
			"all others ended": func() error { return second(s.EndSessions(t.Context(), storetest.Shell, user, "x")) },
			"an ended session": func() error { return s.DeleteSession(t.Context(), "x") },
			"a password":       func() error { return s.SetPassword(t.Context(), storetest.Shell, user, "correct horse battery") },
		} {
			before := s.AccessVersion()
			must(t, change())
			if c := watch.Take(); !c.Access || c.Everything || s.AccessVersion() == before {
				t.Errorf("%s: %+v", what, c)
			}
		}
		stack.Name = "another name"
		for what, change := range map[string]func() error{
			"an edited stack": func() error { return s.UpdateStack(t.Context(), storetest.Shell, stack) },
			"a deleted stack": func() error {
				c := storetest.Stack(t, s, "c")
				return s.DeleteStack(t.Context(), storetest.Shell, c)
			},
		} {
			before := s.AccessVersion()
			must(t, change())
			if c := watch.Take(); !c.Access || !c.Everything || s.AccessVersion() == before {
				t.Errorf("%s: %+v", what, c)
			}
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What waits to be read is bounded, and nobody who watches costs nothing.
func TestChangesAreBounded(t *testing.T) {
	s := storetest.New(t)
	note := func(n int) {
		for i := range n {
			store.NoteWebhook(s, fmt.Sprint(i), 1)
		}
	}
	if n := testing.AllocsPerRun(100, func() { store.NoteWebhook(s, "w", 1) }); n > 0 {
		t.Errorf("without a watch %v allocations", n)
	}
	watch := s.Watch()
	note(1000)
	note(1000)
	if c := watch.Take(); len(c.Webhooks) != 1000 || c.Everything {
		t.Errorf("%d of 1,000, everything: %v", len(c.Webhooks), c.Everything)
	}
	note(1001)
	note(5)
	if c := watch.Take(); len(c.Webhooks) > 0 || !c.Everything {
		t.Errorf("%d of 1,001, everything: %v", len(c.Webhooks), c.Everything)
	}
	watch.Close()
	note(1)
	if c := watch.Take(); len(c.Webhooks) > 0 {
		t.Errorf("after its end: %+v", c)
	}
}

// What one replica changes the other's pages hear of, many webhooks as everything; and after its connection was lost they
// read everything again. Nobody is told his own.
func TestReplicasTellWhatChanged(t *testing.T) {
	t.Parallel()
	o := store.Options{Database: storetest.NewPostgres(t), KeyFile: filepath.Join(t.TempDir(), "stackhook.key"), Serve: true}
	l := line.New(t, o.Database)
	near := storetest.OnPostgres(t, o)
	listen := listening(t, o.Database)
	o.Database = l.URL()
	far := storetest.OnPostgres(t, o)
	stack := storetest.Stack(t, near, "a")
	hook := storetest.Webhook(t, near, stack, "https://example.com/", "")
	listen(2)
	watch := far.Watch()
	defer watch.Close()
	of := func(c store.Changes) bool { return c.Webhooks[hook.ID] == stack.Key }
	everything := func(c store.Changes) bool { return c.Everything && c.Access }

	run := func() { storetest.Run(t, near, stack) }
	noted(t, watch, "a run elsewhere", of, run) // the first thing that is told is that anything may have changed
	before := far.AccessVersion()
	must(t, near.DeleteSession(t.Context(), "x"))
	noted(t, watch, "a session that ended elsewhere", func(c store.Changes) bool { return c.Access && !c.Everything })
	if far.AccessVersion() == before {
		t.Error("the version of the access is as it was")
	}
	for i := range 151 {
		store.NoteWebhook(near, fmt.Sprintf("%026d", i), 1)
	}
	noted(t, watch, "many webhooks elsewhere", func(c store.Changes) bool { return c.Everything && !c.Access })

	l.Cut()
	listen(1)
	run() // nobody hears of it
	watch.Take()
	l.Lay()
	noted(t, watch, "when it listens again", everything)
	run()
	noted(t, watch, "after it listened again", of)
}
