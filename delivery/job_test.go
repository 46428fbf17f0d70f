package delivery

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// claimed returns a job that the engine has claimed and not begun.
func (w *world) claimed(e *Engine) store.Job {
	w.t.Helper()
	jobs := storetest.Claim(w.t, w.store, e.owner)
	if len(jobs) != 1 {
		w.t.Fatalf("claimed %d jobs, want 1", len(jobs))
	}
	place := e.places.of(jobs[0].Delivery.WebhookID)
	place.sending++
	e.places.sending++
	e.places.held++
	return jobs[0]
}

// What changed between the claim and the start decides whether a job is begun.
func TestStart(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name     string
		run      context.Context
		before   func(*testing.T, *world, store.Job)
		status   models.Status
		reason   models.Reason
		attempts int // recorded afterwards
		requests int
	}{
		{"nothing changed", context.Background(), func(*testing.T, *world, store.Job) {}, models.Delivered, "", 1, 1},
		{"the process shuts down", ended, func(*testing.T, *world, store.Job) {}, models.Pending, "", 0, 0},
		{"disabled", context.Background(), func(_ *testing.T, w *world, _ store.Job) { w.enable(false) }, models.Pending, "", 0, 0},
		{"deleted", context.Background(), func(t *testing.T, w *world, _ store.Job) {
			if err := w.store.DeleteWebhook(t.Context(), storetest.Shell, w.stack, w.webhook.ID); err != nil {
				t.Fatal(err)
			}
		}, models.Failed, models.ReasonWebhookDeleted, 0, 0},
		{"waited, and the lease is renewed", context.Background(), func(_ *testing.T, w *world, _ store.Job) { w.wait(45 * time.Second) }, models.Delivered, "", 1, 1},
		{"waited past the lease, which nobody took", context.Background(), func(_ *testing.T, w *world, _ store.Job) { w.wait(time.Hour) }, models.Delivered, "", 1, 1},
		{"waited, and another process has it", context.Background(), func(t *testing.T, w *world, _ store.Job) {
			w.wait(time.Minute)
			if jobs := storetest.Claim(t, w.store, "another process"); len(jobs) != 1 {
				t.Errorf("the other process claimed %d jobs", len(jobs))
			}
		}, models.Pending, models.ReasonInterrupted, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, always(200), func(t *testing.T, w *world) {
				e := w.engine()
				d := w.report()
				job := w.claimed(e)
				c.before(t, w, job)
				e.work(c.run, t.Context(), job)
				w.expect(d.ID, c.status, c.reason, c.attempts)
				if got := len(w.inbox.all()); got != c.requests {
					t.Errorf("%d requests, want %d", got, c.requests)
				}
			})
		})
	}
}

// A number that was handed back is the number of the next attempt.
func TestNumberIsHandedBack(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		e := w.engine()
		w.report()
		first := w.claimed(e)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		e.work(ended, t.Context(), first)
		if again := w.claimed(e); again.Delivery.ID != first.Delivery.ID || again.Delivery.Attempt != 1 {
			t.Errorf("claimed attempt %d, want 1 again", again.Delivery.Attempt)
		}
	})
}

// A deletion lets the request in flight end, and its attempt is kept.
func TestDeletedInFlight(t *testing.T) {
	inWorld(t, after(3*time.Second, 500), func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		w.wait(time.Second)
		if err := w.store.DeleteWebhook(t.Context(), storetest.Shell, w.stack, w.webhook.ID); err != nil {
			t.Fatal(err)
		}
		w.wait(100 * time.Hour)
		w.expect(d.ID, models.Failed, models.ReasonWebhookDeleted, 1)
	})
}

// Our own faults fail the attempt and nothing else, and say where to look.
func TestInternal(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(*Engine)
		target error
		log    string
	}{
		{"a panic", func(e *Engine) { e.sender = nil }, nil, "an attempt panicked"},
		{"an unreadable webhook", func(*Engine) {}, errors.New("no such key"), "no such key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, always(200), func(t *testing.T, w *world) {
				e := w.engine()
				w.report()
				c.spoil(e)
				a := e.attempt(t.Context(), w.claimed(e), store.Target{Webhook: w.webhook}, c.target)
				if a.Reason != models.ReasonInternal || !strings.Contains(a.Detail, "log says more") || a.Number != 1 {
					t.Errorf("%+v", a.Attempt)
				}
				if !strings.Contains(w.logs.String(), c.log) {
					t.Errorf("the log lacks %q: %s", c.log, w.logs)
				}
			})
		})
	}
}

// While a result waits for the database nothing is claimed, and that is not healthy; afterwards everything goes on.
func TestUnrecordedResults(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		w.config.Poll = 0 // its default, 1 s
		e, _ := w.start()
		recover := make(chan struct{})
		tries := 0
		go e.insist(t.Context(), func() error {
			tries++
			select {
			case <-recover:
				return nil
			default:
				return models.ErrUnavailable
			}
		})
		w.wait(time.Second)
		d := w.report()
		w.wait(10 * time.Second)
		w.expect(d.ID, models.Pending, "", 0)
		if err := e.Healthy(); !errors.Is(err, models.ErrUnavailable) {
			t.Errorf("healthy: %v", err)
		}
		close(recover)
		w.wait(3 * time.Second)
		w.expect(d.ID, models.Delivered, "", 1)
		if err := e.Healthy(); err != nil || tries < 10 {
			t.Errorf("healthy: %v after %d tries", err, tries)
		}
		if n := strings.Count(w.logs.String(), "deliveries wait"); n != 1 {
			t.Errorf("the trouble is logged %d times, want once", n)
		}
	})
}

// Insisting ends with what asks for it, and an error that repeating cannot mend is returned at once.
func TestInsistEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{places: newPlaces(Defaults())}
		begun := time.Now()
		if err := e.insist(endsAfter(t, 1500*time.Millisecond), func() error { return models.ErrUnavailable }); !errors.Is(err, models.ErrUnavailable) || time.Since(begun) != 1500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		broken := errors.New("broken")
		tries := 0
		if err := e.insist(t.Context(), func() error { tries++; return broken }); err != broken || tries != 1 {
			t.Errorf("%v after %d tries", err, tries)
		}
		if n := e.places.stuckJobs(); n != 0 {
			t.Errorf("%d jobs count as stuck", n)
		}
	})
}
