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
		if jobs := storetest.Claim(t, w.store, "a process that crashes"); len(jobs) != 1 || !jobs[0].Probe {
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

// A webhook that fails for three days, with a run every hour, is disabled; what is pending waits.
func TestDisabling(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.start()
		for hour := range 73 {
			storetest.Run(t, w.store, w.stack)
			w.wait(time.Hour)
			if hours := hour + 1; hours != 72 && w.now().Enabled != (hours < 72) {
				t.Fatalf("after %d hours enabled is %v", hours, w.now().Enabled)
			}
		}
		webhook := w.now()
		if webhook.DisabledWhy != models.DisabledByFailing || webhook.DisabledAt.IsZero() {
			t.Errorf("%+v", webhook)
		}
		requests := len(w.inbox.all())
		rec := storetest.Run(t, w.store, w.stack)
		w.wait(24 * time.Hour)
		if got := len(w.inbox.all()); got != requests || len(rec.Deliveries) != 0 {
			t.Errorf("%d requests to a disabled webhook, deliveries %v", got-requests, rec.Deliveries)
		}
		actor, err := w.store.DisabledBy(t.Context(), webhook)
		if err != nil || actor.Kind != models.ActorSystem {
			t.Errorf("disabled by %+v, %v", actor, err)
		}
	})
}

// A lone delivery that fails all its tries disables nothing, however long ago that was.
func TestALoneFailureDisablesNothing(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		w.wait(10 * 24 * time.Hour)
		w.expect(d.ID, models.Failed, models.Reason5xx, 11)
		if !w.now().Enabled {
			t.Error("disabled")
		}
		w.report() // the twelfth failure, after a quiet week: its receiver gets half a day
		w.wait(time.Hour)
		if !w.now().Enabled {
			t.Error("disabled by a failure after a quiet week")
		}
		w.wait(24 * time.Hour)
		if w.now().Enabled {
			t.Error("not disabled although it failed for another half day")
		}
	})
}

// While most webhooks fail, the fault is probably here, and none is disabled; once the others are well again, this one is.
func TestOurFaultDisablesNothing(t *testing.T) {
	var up atomic.Bool
	answer := func(r received) string {
		return status(map[bool]int{false: 500, true: 200}[r.host != "example.com" && up.Load()])
	}
	inWorld(t, answer, func(t *testing.T, w *world) {
		for i := range 2 {
			storetest.Webhook(t, w.store, w.stack, fmt.Sprintf("http://example.org/%d", i), "")
		}
		w.config.DisableAfter = 13 * time.Hour
		w.start()
		w.hourly(14)
		if !w.now().Enabled {
			t.Error("disabled although every webhook fails")
		}
		up.Store(true)
		w.hourly(1)
		if now := w.now(); now.Enabled || now.DisabledWhy != models.DisabledByFailing {
			t.Errorf("not disabled although it alone fails: %+v", now)
		}
	})
}
