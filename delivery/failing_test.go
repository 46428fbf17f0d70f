package delivery

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

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
