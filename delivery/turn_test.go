package delivery

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// What happens while a claim is being made is not lost for the claim's having begun before: the loop turns again in time.
func TestPauseAfterATurn(t *testing.T) {
	t.Parallel()
	end := func(e *Engine) { e.finish(store.Job{Delivery: models.Delivery{ID: "a0", WebhookID: "a"}}) }
	putOff := func(d time.Duration) func(*Engine) {
		return func(e *Engine) { e.expect(time.Now().Add(d)) }
	}
	for _, c := range []struct {
		name   string
		before []func(*Engine) // the turn
		during []func(*Engine)
		left   bool
		err    error
		pause  time.Duration
	}{
		{"nothing", nil, nil, true, nil, time.Hour},
		{"a job ended and nothing was left", nil, []func(*Engine){end}, false, nil, time.Hour},
		{"a job ended and something was left", nil, []func(*Engine){end}, true, nil, 0},
		{"a job ended before", []func(*Engine){end}, nil, true, nil, time.Hour},
		{"something was put off", nil, []func(*Engine){putOff(5 * time.Second), putOff(3 * time.Second), putOff(4 * time.Second)}, false, nil, 3 * time.Second},
		{"something was put off for longer than the pause", nil, []func(*Engine){putOff(2 * time.Hour)}, false, nil, time.Hour},
		{"something was put off before", []func(*Engine){putOff(5 * time.Second)}, nil, false, nil, time.Hour},
		{"the turn failed", nil, []func(*Engine){end, putOff(time.Second)}, true, errors.New("no"), time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &Engine{places: newPlaces(Defaults()), config: Defaults(), wake: make(chan struct{}, 1)}
			e.config.Logger = slog.New(slog.DiscardHandler)
			for _, f := range c.before {
				f(e)
			}
			e.beginTurn()
			for _, f := range c.during {
				f(e)
			}
			e.left = c.left // as the claim found it, before
			if got := e.noteTurn(time.Hour, c.err); got != c.pause || !e.next.Equal(time.Now().Add(c.pause)) {
				t.Errorf("%s: pauses %v, want %v", c.name, got, c.pause)
			}
			e.beginTurn()
			if got := e.noteTurn(time.Hour, nil); got != time.Hour {
				t.Errorf("%s: after another turn, during which nothing happened, pauses %v", c.name, got)
			}
		})
	}
}
