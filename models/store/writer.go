package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

const (
	// groupMost bounds a group: what is in it waits for all of it, and a transaction of a few hundred rows takes
	// milliseconds.
	groupMost = 256
	// queueMost is how many callers may wait for a group.
	queueMost = 4096
	// commitWithin is how long a caller waits for its commit before it is told that the database is unavailable.
	commitWithin = 5 * time.Second
	// raceTries is how often a member is tried that met another transaction: the first time is bad luck already.
	raceTries = 3
)

// writer commits what many callers want in groups. There is no timer: what queued while the last group was made durable
// is the next one, so that a lone caller waits for nobody and a thousand share one fsync.
//
// On PostgreSQL results of attempts have groups of their own: each kind is written while the other waits for the disk, or
// for the database's answer, and neither touches the other's rows. Two that commit whatever comes would write groups
// half as large, at a higher price for each row.
type writer struct {
	store   *Store
	queue   chan *member
	results chan *member // on SQLite the same as queue: there one transaction writes at a time
	quit    chan struct{}
	end     sync.Once
	done    sync.WaitGroup
}

// wish is what a caller wants committed: exactly one of these.
type wish struct {
	start  *startWish
	state  *stateWish
	result *resultWish
	do     func(tx *gorm.DB) error // whatever else shares the group's commit
}

// member is a wish in a group.
type member struct {
	wish
	mu    sync.Mutex
	taken bool // a group has it; before that its caller may give up
	given bool // up
	ended chan error
}

// newWriter starts a writer on one connection, or on two, of which the second is for results.
func newWriter(s *Store, conns ...*conn) *writer {
	w := &writer{store: s, queue: make(chan *member, queueMost), quit: make(chan struct{})}
	w.results = w.queue
	if len(conns) > 1 {
		w.results = make(chan *member, queueMost)
	}
	for i, queue := range []chan *member{w.queue, w.results}[:len(conns)] {
		w.done.Go(func() {
			defer conns[i].close()
			w.loop(conns[i], queue)
		})
	}
	return w
}

// close ends the writer. What still waits is committed first.
func (w *writer) close() {
	w.end.Do(func() { close(w.quit) })
	w.done.Wait()
}

// commit makes one caller's change durable, see writer.
func (s *Store) commit(ctx context.Context, w wish) error {
	for range raceTries {
		m := &member{wish: w, ended: make(chan error, 1)}
		if err := s.writer.commit(ctx, m); !errors.Is(err, errRaced) && !collided(err) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", models.ErrUnavailable, errRaced)
}

// commit waits until a group with m is durable. models.ErrUnavailable says that m was not committed in time: whether it
// will be is unknown, unless it never left the queue. What the wish holds must not be looked at then: a group may still
// write it.
func (w *writer) commit(ctx context.Context, m *member) error {
	late := time.NewTimer(commitWithin)
	defer late.Stop()
	queue := w.queue
	if m.result != nil {
		queue = w.results
	}
	select {
	case queue <- m:
	case <-late.C:
		return fmt.Errorf("%w: too many wait for it", models.ErrUnavailable)
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return fmt.Errorf("%w: it is being closed", models.ErrUnavailable)
	}
	select {
	case err := <-m.ended:
		return err
	case <-late.C:
		late.Reset(0) // a report that is being committed waits no longer
	case <-ctx.Done():
	}
	if m.giveUp() {
		return errors.Join(ctx.Err(), fmt.Errorf("%w: no commit within %v", models.ErrUnavailable, commitWithin))
	}
	// It is being committed, which the database's own time-outs bound. Who made a report repeats it, and is given the first
	// answer; who claims must know, or what was leased waits until its lease ends.
	if m.start == nil && m.state == nil {
		late.Reset(commitWithin)
	}
	select {
	case err := <-m.ended:
		return err
	case <-late.C:
		return fmt.Errorf("%w: a commit takes more than %v", models.ErrUnavailable, commitWithin)
	}
}

// giveUp takes the member out of the queue, unless a group has it.
func (m *member) giveUp() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.given = !m.taken
	return m.given
}

func (m *member) take() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken = !m.given
	return m.taken
}

func (w *writer) loop(c *conn, queue chan *member) {
	for {
		select {
		case m := <-queue:
			w.commitAll(c, gather(m, queue))
			continue
		case <-w.quit:
		}
		select { // what queued before the end
		case m := <-queue:
			w.commitAll(c, gather(m, queue))
		default:
			return
		}
	}
}

// gather returns the members that wait, the given one first.
func gather(m *member, queue chan *member) []*member {
	runtime.Gosched()
	var members []*member
	for {
		if m.take() {
			members = append(members, m)
		}
		if len(members) == groupMost {
			return members
		}
		select {
		case m = <-queue:
		default:
			return members
		}
	}
}

// commitAll commits the members as one group. If another transaction was in the way, or the connection was lost before the
// end, it is tried once more; if it fails through one of them, each is tried alone.
func (w *writer) commitAll(c *conn, members []*member) {
	if len(members) == 0 {
		return
	}
	began := time.Now()
	g, err := w.store.commitGroup(c, members)
	if errors.Is(err, errRaced) || errors.Is(err, errLost) || collided(err) {
		g, err = w.store.commitGroup(c, members)
	}
	switch {
	case err == nil:
		w.store.metrics.committed(len(members), time.Since(began))
		g.finish()
	case len(members) == 1 || errors.Is(err, models.ErrUnavailable):
		for _, m := range members {
			m.ended <- err
		}
	default:
		for _, m := range members {
			w.commitAll(c, []*member{m})
		}
	}
}
