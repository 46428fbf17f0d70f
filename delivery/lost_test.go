package delivery

import (
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

// expectLine fails the test unless one line of the log has all these parts.
func (w *world) expectLine(parts ...string) {
	w.t.Helper()
	for line := range strings.Lines(w.logs.String()) {
		missing := 0
		for _, p := range parts {
			if !strings.Contains(line, p) {
				missing++
			}
		}
		if missing == 0 {
			return
		}
	}
	w.t.Errorf("no line of the log has all of %q:\n%s", parts, w.logs)
}

// What a crash left is in the log like every other attempt, with the delivery's id.
func TestInterruptedAttemptsAreLogged(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		d := w.report()
		storetest.Claim(t, w.store, "the process before")
		w.start()
		w.expect(d.ID, models.Delivered, "", 2)
		w.expectLine("level=INFO", "attempt interrupted", "delivery="+d.ID, "webhook="+w.webhook.ID, "attempt=1", "reason=interrupted")
	})
}

// A delivery that expires failed like any other.
func TestExpiredDeliveriesAreLogged(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		d := w.report()
		w.enable(false)
		e, _ := w.start()
		w.wait(e.config.Expire + time.Hour)
		w.expect(d.ID, models.Failed, models.ReasonExpired, 0)
		w.expectLine("level=WARN", "delivery failed", "delivery="+d.ID, "reason=expired")
	})
}
