package delivery

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

// hourly starts a run every hour, for so many hours.
func (w *world) hourly(hours int) {
	w.t.Helper()
	for range hours {
		storetest.Run(w.t, w.store, w.stack)
		w.wait(time.Hour)
	}
}

// One success in between, and the time to disabling counts anew.
func TestASuccessCountsAnew(t *testing.T) {
	var up atomic.Bool
	inWorld(t, func(received) string { return status(map[bool]int{false: 500, true: 200}[up.Load()]) }, func(t *testing.T, w *world) {
		w.config.DisableAfter = 13 * time.Hour
		w.start()
		w.hourly(12)
		up.Store(true)
		w.wait(10 * time.Minute) // the next probe, at the latest
		if now := w.now(); now.Failures != 0 || !now.FailingSince.IsZero() {
			t.Errorf("after a success: %+v", now)
		}
		up.Store(false)
		w.hourly(12)
		if !w.now().Enabled {
			t.Error("disabled 12 hours after a success")
		}
		w.hourly(2)
		if w.now().Enabled {
			t.Error("not disabled 14 hours after it")
		}
	})
}

// What says nothing about the receiver neither opens the circuit nor disables.
func TestWhatDoesNotCountForDisabling(t *testing.T) {
	for _, c := range []struct {
		name   string
		dial   error
		reason models.Reason
		counts bool
	}{
		{"a blocked address", newGuard(nil).check(netip.MustParseAddr("10.0.0.1")), models.ReasonBlocked, false},
		{"no open files left", &net.OpError{Op: "dial", Err: syscall.EMFILE}, models.ReasonInternal, false},
		{"nobody listens", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, models.ReasonRefused, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, always(200), func(t *testing.T, w *world) {
				w.config.DisableAfter = 13 * time.Hour
				e, _ := w.start()
				e.sender.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, c.dial }
				first := w.report()
				w.hourly(15)
				if a := w.attempts(first)[0]; a.Reason != c.reason {
					t.Errorf("attempts end with %s, want %s", a.Reason, c.reason)
				}
				if now := w.now(); now.Enabled == c.counts || (now.Failures > 0) != c.counts || now.CircuitOpen() != c.counts {
					t.Errorf("%+v", now)
				}
			})
		})
	}
}

func TestTestsDoNotCountForDisabling(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.config.DisableAfter = 13 * time.Hour
		w.start()
		for range 20 {
			if _, err := w.store.SendTest(t.Context(), storetest.Shell, w.stack, w.webhook.ID); err != nil {
				t.Fatal(err)
			}
			w.wait(time.Hour)
		}
		if now := w.now(); !now.Enabled || now.Failures != 0 || now.CircuitOpen() || len(w.inbox.all()) != 20 {
			t.Errorf("after %d failed tests: %+v", len(w.inbox.all()), now)
		}
	})
}

// Attempts that shutdowns cut say nothing about the receiver.
func TestInterruptionsDoNotCountForDisabling(t *testing.T) {
	inWorld(t, after(9*time.Second, 200), func(t *testing.T, w *world) {
		w.config.DisableAfter, w.config.Drain = 13*time.Hour, time.Second
		for range 15 {
			_, stop := w.start()
			w.report()
			w.wait(time.Second)
			stop()
			w.wait(time.Hour)
		}
		if now := w.now(); !now.Enabled || now.Failures != 0 || now.CircuitOpen() {
			t.Errorf("after %d requests that were cut: %+v", len(w.inbox.all()), now)
		}
	})
}
