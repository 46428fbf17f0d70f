package store_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// The ledger counts views of the current secret: those while it was prepared, and not those of the one before, whenever they were.
func TestViewsAreOfTheSecretThatTheyShowed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		old := r.webhook().SecretFingerprint
		view := func(who, want string, reveal func(models.Actor) (string, error)) {
			t.Helper()
			if secret, err := reveal(models.Actor{Kind: models.ActorUser, Name: who, Address: "192.0.2.7"}); err != nil || secret != want {
				t.Errorf("%s saw %q, %v", who, secret, err)
			}
		}
		current := func(by models.Actor) (string, error) { return s.RevealSecret(t.Context(), by, r.stack, r.id) }
		ledger := func(when string, want ...string) {
			t.Helper()
			records, err := s.Reveals(t.Context(), r.webhook())
			var names []string
			for _, record := range records {
				names = append(names, record.Actor.Name)
			}
			slices.Sort(names)
			if err != nil || !slices.Equal(names, want) {
				t.Errorf("%s: viewed by %q, want %q, %v", when, names, want, err)
			}
		}
		view("Ada", "old", current)
		next := r.prepare("new")
		view("Bob", "new", func(by models.Actor) (string, error) {
			return s.RevealNextSecret(t.Context(), by, r.stack, r.id, next)
		})
		view("Carol", "old", current)
		ledger("prepared", "Ada", "Carol")
		r.promote(next)
		ledger("promoted", "Bob")
		view("Dan", "new", current)
		ledger("promoted and viewed", "Bob", "Dan")

		view("Dan", "new", current)
		viewers, err := s.SecretViewers(t.Context(), r.webhook(), []string{next})
		if err != nil || len(viewers) != 2 || viewers[0].Actor.Name != "Dan" || viewers[0].Views != 2 || viewers[0].At.IsZero() || viewers[0].Fingerprint != next || viewers[1].Actor.Address != "192.0.2.7" {
			t.Errorf("of the new one: %+v, %v", viewers, err)
		}
		if viewers, err = s.SecretViewers(t.Context(), r.webhook(), []string{old, next}); err != nil || len(viewers) != 4 || viewers[3].Actor.Name != "Ada" {
			t.Errorf("of both: %+v, %v", viewers, err)
		}
	})
}

// Before fingerprints were recorded, a view was of whatever was current then. With one, another replica's clock may say that it was
// before the secret was set.
func TestOldViewsCount(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		w := r.webhook()
		slow := w.SecretChangedAt.Add(-20 * time.Second)
		for id, v := range map[string]struct {
			at    time.Time
			print string
		}{"before": {w.SecretChangedAt.Add(-time.Microsecond), ""}, "since": {time.Now(), ""}, "slow": {slow, w.SecretFingerprint}} {
			err := store.Exec(s, `INSERT INTO audit_records (id, at, actor_kind, actor_id, actor_name, actor_address, action, stack_id, webhook_id, subject, detail)
				VALUES (?, ?, 'user', 1, ?, '', 'secret.revealed', 'a', ?, '', ?)`, models.LeastID(v.at)[:25]+strconv.Itoa(len(id)), v.at.UnixMicro(), id, w.ID, v.print)
			if err != nil {
				t.Fatal(err)
			}
		}
		if records, err := s.Reveals(t.Context(), w); err != nil || len(records) != 2 || records[0].Actor.Name != "since" || records[1].Actor.Name != "slow" {
			t.Errorf("%+v, %v", records, err)
		}
		if viewers, err := s.SecretViewers(t.Context(), w, []string{w.SecretFingerprint}); err != nil || len(viewers) != 3 || viewers[0].Fingerprint != "" {
			t.Errorf("%+v, %v", viewers, err)
		}
	})
}

func TestWhatSignedTheLastAttempts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		storetest.Webhook(t, s, r.stack, "https://example.com/other", "")
		if signed, err := s.LastSigned(t.Context(), r.webhook()); err != nil || len(signed) != 0 {
			t.Errorf("of nothing: %v, %v", signed, err)
		}
		start := time.Now()
		for range 12 {
			storetest.Run(t, s, r.stack)
		}
		for i, job := range storetest.Claim(t, s, "me") {
			a := models.Attempt{DeliveryID: job.Delivery.ID, Number: 1, StartedAt: start.Add(time.Duration(i) * time.Second), Code: 200, SignedBy: job.Delivery.WebhookID + " b"}
			if _, err := s.RecordAttempt(t.Context(), "me", a, store.Outcome{Status: models.Delivered}); err != nil {
				t.Fatal(err)
			}
		}
		signed, err := s.LastSigned(t.Context(), r.webhook())
		if err != nil || len(signed) != 10 {
			t.Fatal(signed, err)
		}
		for i, a := range signed {
			if !slices.Equal(a.Signers(), []string{r.id, "b"}) || a.Code != 200 || i > 0 && a.StartedAt.After(signed[i-1].StartedAt) {
				t.Errorf("%d: %+v", i, a)
			}
		}
	})
}

// While a receiver is down, the newest deliveries have no attempt: those that are tried are the oldest.
func TestWhatSignedProbesIsAmongTheLastAttempts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		tried := storetest.Run(t, s, r.stack).Deliveries[0]
		job := storetest.Claim(t, s, "me")[0]
		a := models.Attempt{DeliveryID: tried, Number: 1, StartedAt: time.Now(), Reason: models.ReasonTimeout, SignedBy: "a"}
		if _, err := s.RecordAttempt(t.Context(), "me", a, store.Outcome{Status: models.Pending, Reason: a.Reason, DueAt: time.Now().Add(time.Hour)}); err != nil || job.Delivery.ID != tried {
			t.Fatal(err)
		}
		for range 101 {
			storetest.Run(t, s, r.stack)
		}
		if signed, err := s.LastSigned(t.Context(), r.webhook()); err != nil || len(signed) != 1 || signed[0].DeliveryID != tried {
			t.Errorf("%+v, %v", signed, err)
		}
	})
}

func TestATestOfAPreparedSecretRemembersIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		next := r.prepare("new")
		d, err := s.SendNextTest(t.Context(), storetest.Shell, r.stack, r.id, next)
		if err != nil {
			t.Fatal(err)
		}
		jobs := storetest.Claim(t, s, "me")
		if len(jobs) != 1 || jobs[0].Delivery.ID != d.ID || !jobs[0].Delivery.Test || jobs[0].Delivery.OnlySecret != next {
			t.Errorf("%+v", jobs)
		}
		ordinary, err := s.SendTest(t.Context(), storetest.Shell, r.stack, r.id)
		if err != nil || ordinary.OnlySecret != "" {
			t.Errorf("%+v, %v", ordinary, err)
		}
	})
}
