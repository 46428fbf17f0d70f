package delivery

import (
	"context"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

// What is in flight is finished and recorded; nothing new is begun.
func TestShutdownFinishes(t *testing.T) {
	inWorld(t, after(4*time.Second, 200), func(t *testing.T, w *world) {
		_, stop := w.start()
		d := w.report()
		next := storetest.State(t, w.store, w.stack, d.RunID, models.Planning).Deliveries[0]
		w.wait(time.Second)
		begun := time.Now()
		stop()
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("the shutdown took %v, want the 3 s that the request still needed", took)
		}
		w.expect(d.ID, models.Delivered, "", 1)
		w.expect(next, models.Pending, "", 0)
		w.start()
		w.wait(5 * time.Second)
		w.expect(next, models.Delivered, "", 1)
	})
}

// A request that takes longer than the drain is cut: it may have been received, and the next process repeats it at once.
func TestShutdownCuts(t *testing.T) {
	inWorld(t, func(r received) string {
		if r.count == 1 {
			time.Sleep(50 * time.Second) // the bubble's time
		}
		return status(200)
	}, func(t *testing.T, w *world) {
		w.config.Timeout = time.Minute
		_, stop := w.start()
		d := w.report()
		w.wait(time.Second)
		begun := time.Now()
		stop()
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("the shutdown took %v, want 10 s", took)
		}
		w.expect(d.ID, models.Pending, models.ReasonInterrupted, 1)
		w.start()
		w.expect(d.ID, models.Delivered, "", 2)
	})
}

// A request that had not begun when it was cut is no attempt: its number is handed back.
func TestShutdownHandsBackWhatIsNotConnected(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		w.config.Timeout, w.config.ConnectTimeout = time.Minute, time.Minute
		e := w.engine()
		e.sender.transport.DialContext = hangingDial
		ctx, cancel := context.WithCancel(t.Context())
		d := w.report()
		time.AfterFunc(time.Second, cancel)
		if err := e.Run(ctx); err != nil {
			t.Fatal(err)
		}
		w.expect(d.ID, models.Pending, "", 0)
		w.start()
		w.expect(d.ID, models.Delivered, "", 1)
	})
}
