package delivery

import (
	"strings"
	"testing"
	"time"
)

func TestHealthy(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		w.config.Poll = 0 // its default, 1 s
		e := w.engine()
		if e.Healthy() == nil {
			t.Error("healthy before it runs")
		}
		e, stop := w.start()
		w.wait(time.Hour)
		if err := e.Healthy(); err != nil {
			t.Error(err)
		}
		stop()
		if e.Healthy() == nil {
			t.Error("healthy after it ended")
		}
		e.noteTurn(0, nil) // a loop that turned once and then hangs
		w.wait(e.config.Poll + stallAfter)
		if err := e.Healthy(); err != nil {
			t.Errorf("a turn may take so long: %v", err)
		}
		w.wait(time.Second)
		if e.Healthy() == nil {
			t.Error("healthy while the loop hangs")
		}
	})
}

func TestClosedDatabase(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		e := w.engine()
		w.store.Close()
		if err := e.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "take over") {
			t.Errorf("run: %v", err)
		}
		if _, err := e.turn(t.Context()); err == nil {
			t.Error("a turn without a database ends well")
		}
	})
}

func TestNewRefusesSettings(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		if _, err := New(w.store, Config{Lease: time.Second}); err == nil || !strings.Contains(err.Error(), "STACKHOOK_LEASE") {
			t.Errorf("a lease of 1 s: %v", err)
		}
	})
}
