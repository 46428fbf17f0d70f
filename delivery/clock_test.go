package delivery

import (
	"database/sql"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
)

// instants are the columns whose times the engine goes by.
var instants = map[string][]string{
	"deliveries": {"due_at", "claimed_at", "first_ended_at", "first_delivered_at", "expire_from", "ended_at", "redelivered_at", "created_at"},
	"attempts":   {"started_at"},
	"webhooks":   {"failing_since", "last_delivered_at", "open_until", "tried_at", "disabled_at"},
}

// step sets the clock by so much while the engine runs, which no bubble can: everything that was noted by the clock moves
// the other way instead, in the database and in memory. What is measured, by the monotonic clock, stays as it is.
func (w *world) step(e *Engine, by time.Duration) {
	w.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+w.path+"?_busy_timeout=5000")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	for table, columns := range instants {
		for _, column := range columns {
			if _, err := db.ExecContext(w.t.Context(), "UPDATE "+table+" SET "+column+" = "+column+" - ? WHERE "+column+" > 0", by.Microseconds()); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	e.places.mu.Lock()
	defer e.places.mu.Unlock()
	for _, p := range e.places.webhooks {
		for i := range p.waiting {
			p.waiting[i].Delivery.DueAt = p.waiting[i].Delivery.DueAt.Add(-by)
		}
	}
}

// steps are how a clock is set: by a little, as a machine that slept for a while finds it, and by much.
var steps = []time.Duration{-time.Hour, -30 * time.Second, 30 * time.Second, 2 * time.Minute, time.Hour}

// What is in flight, and what waits in memory for a request, is sent once and recorded, however the clock is set.
func TestClockStepsWhileRequestsRun(t *testing.T) {
	for _, by := range steps {
		t.Run(by.String(), func(t *testing.T) {
			inWorld(t, after(9*time.Second, 200), func(t *testing.T, w *world) {
				w.config.Poll = 5 * time.Second
				e, _ := w.start()
				var ids []string
				for range 20 {
					ids = append(ids, w.report().ID)
				}
				w.wait(4 * time.Second)
				w.step(e, by)
				w.wait(time.Minute)
				for _, id := range ids {
					w.expect(id, models.Delivered, "", 1)
				}
				if got := len(w.inbox.all()); got != len(ids) {
					t.Errorf("%d requests for %d deliveries", got, len(ids))
				}
			})
		})
	}
}

// A retry comes once: at once if the clock was set beyond it, and when it says so otherwise. What is new never waits.
func TestClockStepsWhileARetryWaits(t *testing.T) {
	for _, by := range steps {
		t.Run(by.String(), func(t *testing.T) {
			inWorld(t, failing(4), func(t *testing.T, w *world) {
				w.config.Poll = 5 * time.Second
				e, _ := w.start()
				d := w.report()
				w.wait(5 * time.Minute)
				w.expect(d.ID, models.Pending, models.Reason5xx, 4)
				due := latest(time.Now(), w.delivery(d.ID).DueAt.Add(-by))
				w.step(e, by)
				other := w.report()
				synctest.Wait()
				w.expect(other.ID, models.Delivered, "", 1)
				w.wait(80 * time.Minute)
				w.expect(d.ID, models.Delivered, "", 5)
				if got := w.inbox.all(); len(got) != 6 || !within(got[5].at, due, w.config.Poll) {
					t.Errorf("%d requests, the last at %v; want 6, the last at %v", len(got), got[len(got)-1].at, due)
				}
			})
		})
	}
}

// An open circuit lets one probe through at a time, whatever the clock says, and a success everything.
func TestClockStepsWhileTheCircuitIsOpen(t *testing.T) {
	for _, by := range steps {
		t.Run(by.String(), func(t *testing.T) {
			const slow = 8 * time.Second
			answer := func(r received) string {
				if r.count > 5 {
					time.Sleep(slow) // the bubble's time
				}
				return failing(6)(r)
			}
			inWorld(t, answer, func(t *testing.T, w *world) {
				w.config.Poll = 5 * time.Second
				e, _ := w.start()
				var ids []string
				for range 15 {
					ids = append(ids, w.report().ID)
					synctest.Wait() // what is in flight when a circuit opens is sent
				}
				w.wait(10 * time.Second)
				probe := latest(time.Now(), w.now().OpenUntil.Add(-by))
				w.step(e, by)
				w.wait(80 * time.Minute)
				for _, id := range ids {
					if d := w.delivery(id); d.Status != models.Delivered {
						t.Errorf("%s is %s", id, d.Status)
					}
				}
				got := w.inbox.all()
				if len(got) != 15+6 || !within(got[5].at, probe, w.config.Poll) || !within(got[6].at, got[5].at.Add(slow+time.Minute), w.config.Poll) {
					t.Errorf("%d requests, probes at %v and %v; want 21, at %v and a minute after that one's end", len(got), got[5].at, got[6].at, probe)
				}
			})
		})
	}
}

// failing answers 500 to so many requests, then 200.
func failing(most int) func(received) string {
	return func(r received) string { return status(map[bool]int{true: 500, false: 200}[r.count <= most]) }
}

// within reports whether something happened then, or at most so much later.
func within(at, then time.Time, late time.Duration) bool {
	return !at.Before(then.Truncate(time.Microsecond)) && at.Sub(then) <= late
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
