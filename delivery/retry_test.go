package delivery

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

func TestDelivered(t *testing.T) {
	inWorld(t, always(204), func(t *testing.T, w *world) {
		w.start()
		started := time.Now()
		d := w.report()
		synctest.Wait()
		w.expect(d.ID, models.Delivered, "", 1)
		got := w.inbox.all()
		event, err := w.store.Event(t.Context(), d.EventID)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !bytes.Equal(got[0].body, event.Payload) || got[0].id != d.ID || !got[0].at.Equal(started) {
			t.Fatalf("received %+v, want the stored payload at once", got)
		}
		checkSignatures(t, got[0].header, got[0].body, secret)
		a := w.attempts(d)[0]
		if a.Code != 204 || a.URL != endpoint || len(a.Exchange.RequestHeaders) == 0 || len(a.Exchange.ResponseHeaders) == 0 {
			t.Errorf("recorded %+v", a)
		}
	})
}

// The whole schedule: eleven tries of the same bytes, each after its delay and at most a tenth more.
func TestSchedule(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		w.wait(100 * time.Hour)
		w.expect(d.ID, models.Failed, models.Reason5xx, 11)
		got := w.inbox.all()
		delays := Defaults().RetryDelays
		if len(got) != len(delays)+1 {
			t.Fatalf("%d requests, want %d", len(got), len(delays)+1)
		}
		exact := 0
		for i, delay := range delays {
			gap := got[i+1].at.Sub(got[i].at)
			if gap < delay || gap > delay+delay/10 {
				t.Errorf("try %d came %v after the one before, want %v to a tenth more", i+2, gap, delay)
			}
			if gap == delay {
				exact++
			}
			if got[i+1].id != got[0].id || !bytes.Equal(got[i+1].body, got[0].body) {
				t.Errorf("try %d has another id or body", i+2)
			}
			if got[i+1].header.Get("webhook-timestamp") == got[0].header.Get("webhook-timestamp") {
				t.Errorf("try %d has the timestamp of the first", i+2)
			}
		}
		if exact == len(delays) {
			t.Error("no delay has jitter")
		}
		for i, a := range w.attempts(d) {
			if a.Number != i+1 || a.Reason != models.Reason5xx || a.Code != 500 {
				t.Errorf("attempt %d is recorded as %d, %s, %d", i+1, a.Number, a.Reason, a.Code)
			}
		}
	})
}

// No delivery's try is ever early, or more than a tenth late, and their delays are spread over that tenth.
func TestScheduleOfMany(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		for i := range 9 {
			storetest.Webhook(t, w.store, w.stack, fmt.Sprintf("http://example.com/%d", i), "")
		}
		w.start()
		storetest.Run(t, w.store, w.stack)
		w.wait(100 * time.Hour)
		tries := map[string][]time.Time{}
		for _, r := range w.inbox.all() {
			tries[r.id] = append(tries[r.id], r.at)
		}
		delays := Defaults().RetryDelays
		late := make([]int, 4) // by quarter of what is allowed
		for id, at := range tries {
			if len(at) != len(delays)+1 {
				t.Fatalf("%d tries of %s, want %d", len(at), id, len(delays)+1)
			}
			for i, delay := range delays {
				over := at[i+1].Sub(at[i]) - delay
				if over < 0 || over > delay/10 {
					t.Fatalf("try %d came %v after the one before, want %v to a tenth more", i+2, delay+over, delay)
				}
				late[min(3, 40*over/delay)]++
			}
		}
		if len(tries) != 10 || slices.Min(late) < 5 { // of 100, 25 are to be expected in each
			t.Errorf("%d deliveries, late by quarters of a tenth %v", len(tries), late)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	answers := []string{status(503, "Retry-After: 3600"), status(429, "Retry-After: 1"), status(301, "Retry-After: 999999"), status(200)}
	inWorld(t, func(r received) string { return answers[r.count-1] }, func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		w.wait(48 * time.Hour)
		w.expect(d.ID, models.Delivered, "", 4)
		got := w.inbox.all()
		for i, want := range []time.Duration{time.Hour, 30 * time.Second, 24 * time.Hour} {
			if gap := got[i+1].at.Sub(got[i].at); gap < want || gap > want+want/10 {
				t.Errorf("the wait after answer %d was %v, want %v to a tenth more", i+1, gap, want)
			}
		}
	})
}

func TestRedeliver(t *testing.T) {
	inWorld(t, func(r received) string { return status(map[bool]int{true: 500, false: 200}[r.count <= 11]) }, func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		w.wait(100 * time.Hour)
		w.expect(d.ID, models.Failed, models.Reason5xx, 11)
		if err := w.store.Redeliver(t.Context(), storetest.Shell, w.stack, d.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.expect(d.ID, models.Delivered, "", 12)
		got := w.inbox.all()
		if got[11].id != got[0].id || !bytes.Equal(got[11].body, got[0].body) {
			t.Error("redelivered with another id or body")
		}
	})
}

// A redelivery starts the schedule anew, and its first try is at once.
func TestRedeliverStartsTheScheduleAnew(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.config.DisableAfter = 1000 * time.Hour
		w.start()
		d := w.report()
		w.wait(100 * time.Hour)
		if err := w.store.Redeliver(t.Context(), storetest.Shell, w.stack, d.ID); err != nil {
			t.Fatal(err)
		}
		w.wait(100 * time.Hour)
		w.expect(d.ID, models.Failed, models.Reason5xx, 22)
	})
}

// A receiver that is gone gets no more: the delivery fails, and the webhook's others wait until somebody enables it.
func TestGone(t *testing.T) {
	inWorld(t, func(r received) string { return status(map[bool]int{true: 410, false: 200}[r.count == 2]) }, func(t *testing.T, w *world) {
		_, stop := w.start()
		first := w.report()
		synctest.Wait()
		stop() // so that both of these are there before an engine looks
		gone := w.report()
		other := storetest.State(t, w.store, w.stack, gone.RunID, models.Planning).Deliveries[0]
		w.start()
		w.expect(first.ID, models.Delivered, "", 1)
		w.expect(gone.ID, models.Failed, models.ReasonGone, 1)
		w.expect(other, models.Pending, "", 0)
		webhook, err := w.store.Webhook(t.Context(), w.stack, w.webhook.ID)
		if err != nil || webhook.Enabled || webhook.DisabledWhy != models.DisabledByGone {
			t.Errorf("enabled %v, disabled why %q, %v", webhook.Enabled, webhook.DisabledWhy, err)
		}
		w.wait(time.Hour)
		w.expect(other, models.Pending, "", 0)
		w.enable(true)
		synctest.Wait()
		w.expect(other, models.Delivered, "", 1)
	})
}
