package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

const (
	// databaseRetry is the wait before the database is asked again after it failed.
	databaseRetry = time.Second
	// stallAfter is how long a turn of the loop may take before the engine counts as stuck: three times the 5 s for
	// which SQLite waits for a lock.
	stallAfter = 15 * time.Second
	// expireEvery is how late a delivery may expire; expireBatch how many expire in one transaction, so that others get
	// their turn at the database in between.
	expireEvery = 5 * time.Minute
	expireBatch = 500
)

// Engine sends deliveries. One Run at a time.
type Engine struct {
	store  *store.Store
	config Config
	sender *sender
	owner  string        // of this engine's leases
	wake   chan struct{} // holds one nudge
	jobs   sync.WaitGroup
	expire time.Time // when to look for expired deliveries next; the loop's own

	mu         sync.Mutex
	inFlight   map[string]int // jobs by webhook
	busy       int            // their sum
	unrecorded int            // jobs whose result the database has not taken yet
	turned     time.Time      // when the loop last turned, zero while it does not run
	trouble    error          // of that turn
}

// New returns an engine on the store, which it asks to be nudged after commits. Errors say which settings do not fit.
func New(s *store.Store, c Config) (*Engine, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	e := &Engine{
		store: s, config: c, sender: newSender(c), owner: models.NewID(time.Now()), wake: make(chan struct{}, 1),
		inFlight: map[string]int{},
	}
	s.OnCommit(e.Wake)
	return e, nil
}

// Wake makes the loop look for due deliveries now. It never blocks.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default: // a nudge is waiting already, and will see this one's cause too
	}
}

// Run sends what is due until the context ends. Then it claims no more, lets requests in flight finish for Config.Drain,
// cuts off the rest and hands back what was not begun.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.store.TakeOver(ctx, len(e.config.RetryDelays)+1); err != nil {
		return fmt.Errorf("take over what the last process was sending: %w", err)
	}
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	e.loop(ctx, requests)
	drained := time.AfterFunc(e.config.Drain, cut)
	defer drained.Stop()
	e.jobs.Wait()
	e.sender.close()
	return nil
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

// loop turns until ctx ends. The jobs that it starts send under requests, which outlives ctx.
func (e *Engine) loop(ctx, requests context.Context) {
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.turned = time.Time{}
	}()
	for ctx.Err() == nil {
		pause, err := e.turn(ctx, requests)
		e.noteTurn(err)
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-time.After(pause):
		}
	}
}

// turn expires and claims once, and returns how long there is nothing to do unless somebody wakes the loop.
func (e *Engine) turn(ctx, requests context.Context) (time.Duration, error) {
	// A claim that is cut off could have been committed: leases that nobody knows of. So the end of ctx cuts none.
	db := context.WithoutCancel(ctx)
	if err := e.expireOld(db); err != nil {
		return databaseRetry, err
	}
	next, err := e.claim(db, ctx, requests)
	if err != nil {
		return databaseRetry, err
	}
	pause := min(e.config.Poll, time.Until(e.expire))
	if !next.IsZero() {
		pause = min(pause, time.Until(next))
	}
	return pause, nil
}

func (e *Engine) expireOld(db context.Context) error {
	if time.Now().Before(e.expire) {
		return nil
	}
	n, err := e.store.Expire(db, e.config.Expire, expireBatch)
	if err != nil {
		return fmt.Errorf("expire deliveries: %w", err)
	}
	if n < expireBatch {
		e.expire = time.Now().Add(expireEvery)
	}
	if n > 0 {
		e.config.Logger.Warn("deliveries expired", "count", n, "after", e.config.Expire)
	}
	return nil
}

// claim starts what is due, as far as the limits allow, and returns when the next delivery falls due.
func (e *Engine) claim(db, ctx, requests context.Context) (time.Time, error) {
	request, err := e.room()
	if err != nil || request.Most == 0 {
		return time.Time{}, err
	}
	jobs, next, err := e.store.Claim(db, request)
	if err != nil {
		return time.Time{}, fmt.Errorf("claim deliveries: %w", err)
	}
	for _, job := range jobs {
		e.take(job)
		e.jobs.Go(func() {
			defer e.finish(job)
			e.work(ctx, requests, job)
		})
	}
	return next, nil
}

// room says what may be claimed now. While results wait for the database nothing is: their leases cannot be renewed, and
// a claim might take their deliveries for interrupted ones and send them again.
func (e *Engine) room() (store.ClaimRequest, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.unrecorded > 0 {
		return store.ClaimRequest{}, fmt.Errorf("%d results wait to be recorded: %w", e.unrecorded, models.ErrUnavailable)
	}
	return store.ClaimRequest{
		Owner: e.owner, Lease: e.config.Lease, Most: e.config.MaxInFlight - e.busy, MostPerWebhook: e.config.MaxPerWebhook,
		InFlight: maps.Clone(e.inFlight), MaxTries: len(e.config.RetryDelays) + 1,
	}, nil
}

func (e *Engine) take(job store.Job) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy++
	e.inFlight[job.Delivery.WebhookID]++
}

// finish gives the job's place back and lets the loop fill it.
func (e *Engine) finish(job store.Job) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy--
	id := job.Delivery.WebhookID
	if e.inFlight[id]--; e.inFlight[id] == 0 {
		delete(e.inFlight, id)
	}
	e.Wake()
}

// noteTurn keeps how the turn went for Healthy, and logs when trouble begins and ends rather than every second.
func (e *Engine) noteTurn(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err != nil && e.trouble == nil:
		e.config.Logger.Error("deliveries wait", "error", err)
	case err == nil && e.trouble != nil:
		e.config.Logger.Info("deliveries go on")
	}
	e.turned, e.trouble = time.Now(), err
}
