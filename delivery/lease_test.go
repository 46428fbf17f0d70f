package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A process that lost the lease, to one whose clock is ahead, has its late result in its own attempt. Only a success
// changes the delivery: the receiver has it.
func TestLateResults(t *testing.T) {
	for name, c := range map[string]struct {
		code   int
		reason models.Reason // of the first attempt
	}{
		"a failure": {500, models.Reason5xx},
		"a success": {200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, after(5*time.Second, c.code), func(t *testing.T, w *world) {
				e, _ := w.start()
				d := w.report()
				synctest.Wait()
				w.step(e, 2*time.Minute)
				jobs := storetest.Claim(t, w.store, "another process")
				if len(jobs) != 1 || jobs[0].Delivery.Attempt != 2 {
					t.Fatalf("the other process claimed %+v", jobs)
				}
				if first := w.attempts(d)[0]; first.Reason != models.ReasonInterrupted {
					t.Errorf("the attempt that is cut short counts as %q", first.Reason)
				}
				before := w.delivery(d.ID)
				w.wait(10 * time.Second)
				now := w.delivery(d.ID)
				if c.code == 200 && (now.Status != models.Delivered || !now.DueAt.IsZero() || now.FirstDelivered.IsZero()) || c.code != 200 && now != before {
					t.Errorf("after a late %d: %+v", c.code, now)
				}
				if attempts := w.attempts(d); len(attempts) != 1 || attempts[0].Number != 1 || attempts[0].Reason != c.reason || attempts[0].Code != c.code {
					t.Errorf("after a late %d: %+v", c.code, attempts)
				}
				// What the other one brings then ends it, unless it has ended.
				_, err := w.store.RecordAttempt(t.Context(), "another process", models.Attempt{
					DeliveryID: d.ID, Number: 2, StartedAt: time.Now(), Reason: models.ReasonGone,
				}, store.Outcome{Status: models.Failed, Reason: models.ReasonGone})
				if err != nil {
					t.Fatal(err)
				}
				w.wait(100 * time.Hour)
				if end := w.delivery(d.ID); c.code == 200 && (end.Status != models.Delivered || end.FirstDelivered != now.FirstDelivered) || c.code != 200 && end.Reason != models.ReasonGone {
					t.Errorf("at last, after a late %d: %+v", c.code, end)
				}
				if got := len(w.inbox.all()); got != 1 || len(w.attempts(d)) != 2 {
					t.Errorf("%d requests of this process, %d attempts; want 1 and 2", got, len(w.attempts(d)))
				}
			})
		})
	}
}

// What waits in memory for a slow receiver's turn keeps a lease that lasts, and its number: nobody else may take it.
func TestLeasesLastWhileDeliveriesWait(t *testing.T) {
	inWorld(t, after(9*time.Second, 200), func(t *testing.T, w *world) {
		w.config.Poll = 0 // its default, 1 s
		w.start()
		var ids []string
		for range 8 + maxWaiting {
			ids = append(ids, w.report().ID)
		}
		for range 9 {
			w.wait(9 * time.Second)
			if jobs := storetest.Claim(t, w.store, "another process"); len(jobs) > 0 {
				t.Fatalf("another process gets %d of them", len(jobs))
			}
		}
		w.wait(9 * time.Second)
		for _, id := range ids {
			w.expect(id, models.Delivered, "", 1)
		}
		if got := len(w.inbox.all()); got != len(ids) || w.inbox.most != 8 {
			t.Errorf("%d requests, at most %d at once; want %d and 8", got, w.inbox.most, len(ids))
		}
	})
}
