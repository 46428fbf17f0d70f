package delivery

import (
	"fmt"
	"strings"
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
		w.expectDisabledLine("webhook disabled: nothing arrives")
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

// expectDisabledLine fails the test unless the log has one line of a disabled webhook, a warning with that message.
func (w *world) expectDisabledLine(message string) {
	w.t.Helper()
	var lines []string
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, "disabled") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], message) || !strings.Contains(lines[0], w.webhook.ID) {
		w.t.Errorf("the log says %q of disabling, want one warning %q", lines, message)
	}
}

// The log tells of a webhook that was disabled, not of each 410 that could have done it.
func TestDisablingIsLoggedOnce(t *testing.T) {
	inWorld(t, after(5*time.Second, 410), func(t *testing.T, w *world) {
		w.start()
		for range 3 {
			w.report()
		}
		w.wait(5 * time.Second)
		w.expectDisabledLine("webhook disabled by its receiver")
	})
}

// A webhook that is deleted is disabled by nothing any more.
func TestGoneAfterADeletion(t *testing.T) {
	inWorld(t, after(5*time.Second, 410), func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		w.wait(time.Second)
		if err := w.store.DeleteWebhook(t.Context(), storetest.Shell, w.stack, w.webhook.ID); err != nil {
			t.Fatal(err)
		}
		w.wait(5 * time.Second)
		w.expect(d.ID, models.Failed, models.ReasonWebhookDeleted, 1)
		if webhook := w.now(); webhook.DisabledWhy != "" || strings.Contains(w.logs.String(), "disabled") {
			t.Errorf("disabled by %q; the log says\n%s", webhook.DisabledWhy, w.logs)
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

// However long deliveries may be pending, an old one that is still tried counts.
func TestOldDeliveriesDisable(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.config.Expire = 1_000_000 * time.Hour
		for range 3 {
			w.report()
		}
		w.enable(false)
		w.wait(60 * 24 * time.Hour)
		w.enable(true)
		w.start()
		w.wait(71 * time.Hour) // the schedule of the three is over
		if !w.now().Enabled {
			t.Fatal("disabled too early")
		}
		w.report()
		w.wait(4 * time.Hour) // its last failure within that is after three days, and less than half a day from its first
		if w.now().Enabled {
			t.Error("not disabled although it failed for three days")
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
