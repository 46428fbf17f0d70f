package delivery

import (
	"context"
	"fmt"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

const (
	// databaseRetry is the wait before the database is asked again after it failed.
	databaseRetry = time.Second
	// expireEvery is how late a delivery may expire; expireBatch how many expire in one transaction, so that others get
	// their turn at the database in between.
	expireEvery = 5 * time.Minute
	expireBatch = 500
	// expireAgain is when that is tried again after it failed, or after another process was the one to do it.
	expireAgain = time.Minute
	// skewEvery is how often the clocks are compared; skewMost how far they may differ. A lease is read by other
	// processes' clocks, and its margins are of that size.
	skewEvery = time.Minute
	skewMost  = 20 * time.Second
)

// loop turns until ctx ends.
func (e *Engine) loop(ctx context.Context) {
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.turned = time.Time{}
	}()
	for ctx.Err() == nil {
		e.beginTurn()
		pause, err := e.turn(ctx)
		pause = e.noteTurn(pause, err)
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-time.After(pause):
		}
	}
}

// turn expires, hands back and claims once, and returns how long there is nothing to do unless somebody wakes the loop.
func (e *Engine) turn(ctx context.Context) (time.Duration, error) {
	// A claim that is cut off could have been committed: leases that nobody knows of. So the end of ctx cuts none.
	db := context.WithoutCancel(ctx)
	err := e.compareClocks(db)
	e.places.trust(err == nil)
	if err != nil {
		return databaseRetry, err
	}
	e.expireOld(db)
	e.handBack(ctx)
	next, err := e.claim(db)
	if err != nil {
		return databaseRetry, err
	}
	pause := min(e.config.Poll, time.Until(e.expire))
	if !next.IsZero() {
		pause = min(pause, time.Until(next))
	}
	return pause, nil
}

// handBack gives up what has waited for so long that its lease does not last. It is due, and claimed again when its
// webhook has a request to spare. Were it kept, another process would claim it, and take it for interrupted.
func (e *Engine) handBack(ctx context.Context) {
	for _, job := range e.places.overdue(time.Now().Add(e.config.Timeout + startMargin)) {
		go func() {
			defer e.finish(job)
			e.release(ctx, job)
		}()
	}
}

// compareClocks is an error while this machine's clock is so far from the database's that leases cannot be trusted.
func (e *Engine) compareClocks(db context.Context) error {
	if time.Now().Before(e.compare) {
		return nil
	}
	skew, err := e.skew(db)
	if err != nil {
		return fmt.Errorf("compare the clocks: %w", err)
	}
	if skew.Abs() > skewMost {
		return fmt.Errorf("the database's clock is %v ahead of this machine's: set the clocks, they may differ by %v", skew.Round(time.Millisecond), skewMost)
	}
	e.compare = time.Now().Add(skewEvery)
	return nil
}

// expireOld ends what is too old. One of the processes on a database does that. That it fails must not keep what is due
// from being sent: it is tried again later.
func (e *Engine) expireOld(db context.Context) {
	now := time.Now()
	if now.Before(e.expire) {
		return
	}
	e.expire = now.Add(expireAgain)
	n := 0
	lead, err := e.store.Lead(db)
	if lead {
		n, err = e.store.Expire(db, e.config.Expire, expireBatch)
	}
	switch {
	case err != nil:
		e.config.Logger.Error("what is too old cannot be expired", "error", err)
	case n == expireBatch:
		e.expire = now
	case lead:
		e.expire = now.Add(expireEvery)
	}
	if n > 0 {
		e.config.Logger.Warn("deliveries expired", "count", n, "after", e.config.Expire)
	}
}

// claimMost bounds one claim, so that it does not hold up the group that it is committed in.
const claimMost = 256

// claim starts what is due, as far as the limits allow, and returns when the next delivery falls due.
func (e *Engine) claim(db context.Context) (time.Time, error) {
	if n := e.places.stuckJobs(); n > 0 { // more of them would wait for the same
		return time.Time{}, fmt.Errorf("%d attempts wait for the database: %w", n, models.ErrUnavailable)
	}
	most, perWebhook, held := e.places.claim()
	request := store.ClaimRequest{
		Owner: e.owner, Lease: e.config.Lease, Most: min(most, claimMost), MostPerWebhook: perWebhook, Held: held, Works: e.places.works,
		MaxTries: e.maxTries(),
	}
	c, err := e.store.Claim(db, request)
	if err != nil {
		e.places.settle(nil)
		return time.Time{}, fmt.Errorf("claim deliveries: %w", err)
	}
	e.mu.Lock()
	e.left = c.Left
	e.mu.Unlock()
	e.places.settle(&c)
	if len(c.Jobs) == claimMost {
		return time.Now(), nil
	}
	return c.Next, nil
}

// finish gives the job's place back, and lets the loop fill it if there is anything to fill it with.
func (e *Engine) finish(job store.Job) {
	e.places.done(job.Delivery)
	e.mu.Lock()
	left := e.left
	e.ended = true
	e.mu.Unlock()
	if left || e.places.isBehind() {
		e.Wake()
	}
}

// expect wakes the loop if something falls due before it turns.
func (e *Engine) expect(due time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.soonest.IsZero() || due.Before(e.soonest) {
		e.soonest = due
	}
	if due.Before(e.next) {
		e.Wake()
	}
}

// beginTurn forgets what the turn before has dealt with.
func (e *Engine) beginTurn() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended, e.soonest = false, time.Time{}
}

// noteTurn keeps how the turn went for Healthy, and logs when trouble begins and ends rather than every second. It returns
// how long to pause, in view of what happened during the turn.
func (e *Engine) noteTurn(pause time.Duration, err error) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err != nil && e.trouble == nil:
		e.config.Logger.Error("deliveries wait", "error", err)
	case err == nil && e.trouble != nil:
		e.config.Logger.Info("deliveries go on")
	}
	e.turned, e.trouble = time.Now(), err
	if err == nil && e.left && e.ended {
		pause = 0
	}
	if err == nil && !e.soonest.IsZero() {
		pause = min(pause, time.Until(e.soonest))
	}
	e.next = e.turned.Add(pause)
	return pause
}
