package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// stallAfter is how long a turn of the loop may take before the engine counts as stuck: three times the 5 s for
// which SQLite waits for a lock.
const stallAfter = 15 * time.Second

// Engine sends deliveries. One Run at a time.
type Engine struct {
	store   *store.Store
	config  Config
	sender  *sender
	owner   string        // of this engine's leases
	wake    chan struct{} // holds one nudge
	expire  time.Time     // when to look for expired deliveries next; the loop's own
	compare time.Time     // when to compare the clocks next; the loop's own
	places  *places
	// The store's, so that tests can have an outage and clocks that differ.
	target func(ctx context.Context, webhookID string, ago time.Duration) (store.Target, error)
	skew   func(context.Context) (time.Duration, error)

	mu      sync.Mutex
	left    bool      // something due was not claimed: a result may make room for it
	ended   bool      // a job has, since this turn of the loop began: its claim may not have seen that
	soonest time.Time // when the first of what results put off since then is due; zero if they put off nothing
	next    time.Time // when the loop turns next
	turned  time.Time // when the loop last turned, zero while it does not run
	trouble error     // of that turn
}

// New returns an engine on the store, which it asks to be nudged after commits. Errors say which settings do not fit.
func New(s *store.Store, c Config) (*Engine, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	e := &Engine{
		store: s, config: c, sender: newSender(c), owner: models.NewID(time.Now()), wake: make(chan struct{}, 1), places: newPlaces(c),
		target: s.Target, skew: s.ClockSkew,
	}
	s.OnCommit(e.Wake)
	s.OnLost(e.logLost)
	return e, nil
}

// Wake makes the loop look for due deliveries now. It never blocks.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default: // a nudge is waiting already, and will see this one's cause too
	}
}

// Run sends what is due until the context ends. Then it takes no more, lets requests in flight finish for Config.Drain,
// cuts off the rest and hands back what was not begun.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.store.TakeOver(ctx, e.maxTries()); err != nil {
		return fmt.Errorf("take over what the last process was sending: %w", err)
	}
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	e.places.open(func(job store.Job) { go e.work(ctx, requests, job) })
	e.store.HandTo(e.places, e.owner, e.config.Lease)
	e.loop(ctx)
	e.store.HandTo(nil, "", 0)
	e.places.close()
	drained := time.AfterFunc(e.config.Drain, cut)
	defer drained.Stop()
	e.places.wait()
	e.sender.close()
	return nil
}

func (e *Engine) maxTries() int { return len(e.config.RetryDelays) + 1 }

// Held returns how many requests are in flight, and how many deliveries this process has in memory in all.
func (e *Engine) Held() (inFlight, held int) {
	e.places.mu.Lock()
	defer e.places.mu.Unlock()
	return e.places.sending, e.places.held
}

// Healthy returns nil while the loop turns and the database serves it.
func (e *Engine) Healthy() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch stalled := time.Since(e.turned); {
	case e.turned.IsZero():
		return errors.New("deliveries are not being sent: the loop does not run")
	case e.trouble != nil:
		return e.trouble
	case stalled > e.config.Poll+stallAfter:
		return fmt.Errorf("deliveries are not being sent: the loop has not turned for %v", stalled.Round(time.Second))
	}
	return nil
}
