package delivery

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// outage makes an engine's webhooks unreadable, as when the database is away, until end is called.
func outage(e *Engine) (end func()) {
	var over atomic.Bool
	e.target = func(ctx context.Context, webhookID string, ago time.Duration) (store.Target, error) {
		if !over.Load() {
			return store.Target{}, models.ErrUnavailable
		}
		return e.store.Target(ctx, webhookID, ago)
	}
	return func() { over.Store(true) }
}

// While the database is away no attempt is made, nor recorded as if it had been; afterwards all that waited is sent,
// also when its leases have ended meanwhile.
func TestNoAttemptWithoutTheDatabase(t *testing.T) {
	for name, away := range map[string]time.Duration{"for some seconds": 10 * time.Second, "for longer than a lease": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, always(200), func(t *testing.T, w *world) {
				w.config.Poll = 0 // its default, 1 s
				w.config.MaxPerWebhook = 2
				e := w.engine()
				end := outage(e)
				w.run(e)
				var ids []string
				for range 20 {
					ids = append(ids, w.report().ID)
				}
				w.wait(away)
				for _, id := range ids {
					w.expect(id, models.Pending, "", 0)
				}
				if err := e.Healthy(); !errors.Is(err, models.ErrUnavailable) {
					t.Errorf("healthy: %v", err)
				}
				end()
				w.wait(5 * time.Second)
				for _, id := range ids {
					w.expect(id, models.Delivered, "", 1)
				}
				if err := e.Healthy(); err != nil || len(w.inbox.all()) != len(ids) {
					t.Errorf("%d requests; healthy: %v", len(w.inbox.all()), err)
				}
			})
		})
	}
}

// A shutdown meanwhile hands back what waits.
func TestShutdownWithoutTheDatabase(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		e := w.engine()
		outage(e)
		stop := w.run(e)
		d := w.report()
		w.wait(10 * time.Second)
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("the shutdown took %v", took)
		}
		w.expect(d.ID, models.Pending, "", 0)
		if got := w.delivery(d.ID); got.LeaseOwner != "" || got.Attempt != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// A lease that cannot be handed back, or renewed, is tried again until the shutdown's end: lost, it would look like an
// attempt that was interrupted.
func TestLeasesOutlastAnOutage(t *testing.T) {
	for _, c := range []struct {
		name   string
		waited time.Duration
		target error
		log    string
	}{
		{"handed back", 0, models.ErrNotFound, "cannot be handed back"},
		{"renewed", 45 * time.Second, nil, "cannot be renewed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, always(200), func(t *testing.T, w *world) {
				e := w.engine()
				w.report()
				job := w.claimed(e)
				w.wait(c.waited)
				e.target = func(context.Context, string, time.Duration) (store.Target, error) {
					return store.Target{Webhook: w.webhook}, c.target
				}
				if err := w.store.Close(); err != nil { // it is unavailable from now on
					t.Fatal(err)
				}
				begun := time.Now()
				e.work(t.Context(), endsAfter(t, 12*time.Second), job)
				// The last try may last for the 5 s that the store waits for a commit.
				if took := time.Since(begun); took < 12*time.Second || took > 18*time.Second || !strings.Contains(w.logs.String(), c.log) || len(w.inbox.all()) != 0 {
					t.Errorf("gave up after %v, %d requests: %s", took, len(w.inbox.all()), w.logs)
				}
			})
		})
	}
}

// That nothing can be expired keeps nothing from being sent, and is tried again.
func TestExpiryThatFails(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		path := filepath.Join(t.TempDir(), "stackhook.db")
		w.store = storetest.Open(t, path)
		w.stack = storetest.Stack(t, w.store, "demo")
		w.webhook = storetest.Webhook(t, w.store, w.stack, endpoint, secret)
		w.config.Expire, w.config.RetryDelays = time.Hour, []time.Duration{time.Minute}
		old := w.report()
		w.enable(false)
		change(t, path, `CREATE TRIGGER fails BEFORE UPDATE ON deliveries WHEN NEW.reason = 'expired' BEGIN SELECT RAISE(ABORT, 'no'); END`)
		w.wait(2 * time.Hour)

		other := storetest.Stack(t, w.store, "other")
		storetest.Webhook(t, w.store, other, "http://example.org/", "")
		rec := storetest.Run(t, w.store, other)
		e, _ := w.start()
		w.wait(time.Second)
		if d, err := w.store.Delivery(t.Context(), other, rec.Deliveries[0]); err != nil || d.Status != models.Delivered || e.Healthy() != nil {
			t.Errorf("another delivery is %s, %v; healthy: %v", d.Status, err, e.Healthy())
		}
		w.expect(old.ID, models.Pending, "", 0)
		if n := strings.Count(w.logs.String(), "cannot be expired"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		change(t, path, `DROP TRIGGER fails`)
		w.wait(expireAgain)
		w.expect(old.ID, models.Failed, models.ReasonExpired, 0)
	})
}

// change changes a database behind its store.
func change(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
