package delivery

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

func (w *world) now() models.Webhook {
	w.t.Helper()
	webhook, err := w.store.Webhook(w.t.Context(), w.stack, w.webhook.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return webhook
}

// After five failures only probes are sent, at the circuit's pauses, and what waits uses up no tries. One success lets
// everything go.
func TestCircuitOpensAndCloses(t *testing.T) {
	var up atomic.Bool
	inWorld(t, func(received) string { return status(map[bool]int{false: 503, true: 200}[up.Load()]) }, func(t *testing.T, w *world) {
		w.start()
		var ids []string
		for range 5 {
			ids = append(ids, w.report().ID)
		}
		synctest.Wait()
		if got := len(w.inbox.all()); got != 5 || !w.now().CircuitOpen() {
			t.Fatalf("%d requests, %+v", got, w.now())
		}
		opened := time.Now()
		for range 20 {
			ids = append(ids, w.report().ID)
		}
		synctest.Wait()
		if got := len(w.inbox.all()); got != 5 {
			t.Fatalf("%d requests while the circuit is open, want 5", got)
		}
		w.wait(40 * time.Minute)
		gaps := []time.Duration{}
		last := opened
		for _, r := range w.inbox.all()[5:] {
			gaps = append(gaps, r.at.Sub(last))
			last = r.at
		}
		want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute}
		if fmt.Sprint(gaps) != fmt.Sprint(want) {
			t.Errorf("probes after %v, want %v", gaps, want)
		}
		if d := w.delivery(ids[24]); d.Tries != 0 || d.Attempt != 0 || d.Status != models.Pending {
			t.Errorf("one that waited: %+v", d)
		}
		up.Store(true)
		w.wait(10 * time.Minute)
		for _, id := range ids {
			if d := w.delivery(id); d.Status != models.Delivered {
				t.Errorf("%s is %s, due %v", id, d.Status, d.DueAt)
			}
		}
		if webhook := w.now(); webhook.CircuitOpen() || webhook.Failures != 0 {
			t.Errorf("%+v", webhook)
		}
	})
}

// A redelivery is the next probe, and is sent at once.
func TestRedeliveryIsTheNextProbe(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.start()
		var last models.Delivery
		for range 8 {
			last = w.report()
		}
		w.wait(3 * time.Minute)
		before := len(w.inbox.all())
		if err := w.store.Redeliver(t.Context(), storetest.Shell, w.stack, last.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := w.inbox.all()
		if len(got) != before+1 || got[before].id != last.ID {
			t.Errorf("%d requests after the redelivery, want one more than %d", len(got), before)
		}
	})
}

// What waits behind the circuit goes with the probe that closes it, not when the loop happens to turn.
func TestClosingTheCircuitWakesTheLoop(t *testing.T) {
	var up atomic.Bool
	inWorld(t, func(received) string { return status(map[bool]int{false: 503, true: 200}[up.Load()]) }, func(t *testing.T, w *world) {
		w.start()
		for range 5 {
			w.report()
		}
		synctest.Wait()
		var ids []string
		for range 5 {
			ids = append(ids, w.report().ID)
		}
		probe := w.now().OpenUntil
		up.Store(true)
		w.wait(time.Until(probe))
		for _, id := range ids {
			w.expect(id, models.Delivered, "", 1)
		}
	})
}

// A test is sent at once although others wait behind the open circuit, and delays no probe.
func TestATestBehindTheCircuit(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.start()
		for range 10 {
			w.report()
		}
		w.wait(5 * time.Minute)
		probe := w.now().OpenUntil
		test, err := w.store.SendTest(t.Context(), storetest.Shell, w.stack, w.webhook.ID)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.expect(test.ID, models.Failed, models.Reason5xx, 1)
		before := len(w.inbox.all())
		w.wait(time.Until(probe))
		if got := w.inbox.all(); len(got) != before+1 || !got[before].at.Equal(probe) {
			t.Errorf("%d requests when the probe was due, want 1", len(got)-before)
		}
	})
}

// Saving a new endpoint or secret, or enabling again, closes the circuit.
func TestEditClosesTheCircuit(t *testing.T) {
	inWorld(t, func(r received) string { return status(map[bool]int{true: 500, false: 200}[r.host == "example.com"]) }, func(t *testing.T, w *world) {
		w.start()
		var ids []string
		for range 9 {
			ids = append(ids, w.report().ID)
		}
		w.wait(time.Hour)
		w.edit(models.WebhookForm{Endpoint: "http://example.org/new", Enabled: true})
		synctest.Wait()
		for _, id := range ids {
			if d := w.delivery(id); d.Status != models.Delivered {
				t.Errorf("%s is %s", id, d.Status)
			}
		}
	})
}

// What was in flight to an endpoint before somebody changed it says nothing of the new one.
func TestResultsFromBeforeAnEdit(t *testing.T) {
	for _, code := range []int{500, 410} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			inWorld(t, func(r received) string {
				if r.host != "example.com" {
					return status(200)
				}
				time.Sleep(5 * time.Second) // the bubble's time
				return status(code)
			}, func(t *testing.T, w *world) {
				w.start()
				for range 8 {
					w.report()
				}
				w.wait(time.Second)
				w.edit(models.WebhookForm{Endpoint: "http://example.org/new", Enabled: true})
				w.wait(5 * time.Second)
				if webhook := w.now(); !webhook.Enabled || webhook.CircuitOpen() || webhook.Failures != 0 || !webhook.FailingSince.IsZero() {
					t.Fatalf("%+v", webhook)
				}
				d := w.report()
				synctest.Wait()
				w.expect(d.ID, models.Delivered, "", 1)
			})
		})
	}
}

// A probe that the end of the process cuts short, or keeps from starting, is the next process's.
func TestAProbeCutShort(t *testing.T) {
	var slow atomic.Bool
	inWorld(t, func(received) string {
		if slow.Load() {
			time.Sleep(50 * time.Second) // the bubble's time
		}
		return status(500)
	}, func(t *testing.T, w *world) {
		w.config.Timeout, w.config.Lease = time.Minute, 2*time.Minute
		_, stop := w.start()
		for range 6 {
			w.report()
		}
		w.wait(10 * time.Second)
		slow.Store(true)
		w.wait(21 * time.Second)
		stop()
		if webhook := w.now(); webhook.Probes != 0 || webhook.OpenUntil.After(time.Now()) {
			t.Errorf("%d probes failed, the next is at %v; it is %v", webhook.Probes, webhook.OpenUntil, time.Now().UTC())
		}
		before := len(w.inbox.all())
		w.start()
		if got := len(w.inbox.all()); got != before+1 {
			t.Errorf("%d probes by the next process, want 1", got-before)
		}
	})
}

// A crash during a probe costs the time of its lease: then the next one is made.
func TestLostProbe(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		_, stop := w.start()
		for range 6 {
			w.report()
		}
		synctest.Wait()
		stop()
		w.wait(30 * time.Second)
		if jobs := storetest.Claim(t, w.store, "a process that crashes"); len(jobs) != 1 || jobs[0].Probe.IsZero() {
			t.Fatalf("claimed %+v, want one probe", jobs)
		}
		if jobs := storetest.Claim(t, w.store, "another process"); len(jobs) != 0 {
			t.Errorf("a second probe at the same time: %+v", jobs)
		}
		before := len(w.inbox.all())
		w.start()
		w.wait(59 * time.Second)
		if got := len(w.inbox.all()); got != before {
			t.Errorf("%d requests before the probe's lease ended", got-before)
		}
		w.wait(time.Second)
		if got := len(w.inbox.all()); got != before+1 {
			t.Errorf("%d requests after it, want 1", got-before)
		}
	})
}
