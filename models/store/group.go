package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// errRaced says that another transaction did at the same time what a group was about to do. Tried again, the group sees
// what the other one did.
var errRaced = errors.New("another transaction was faster")

// group is a transaction for many callers. It reads what all of them need by one query each, decides about the members in
// the order in which they came, each seeing what the ones before it did, and writes the rows of all in few statements.
type group struct {
	store   *Store
	conn    *conn
	members []*member
	tx      *gorm.DB
	trip    trip
	now     time.Time
	hand    handover

	reported []int64 // stacks that reports name
	keys     []int64 // for runs that it starts
	runs     map[runName]*groupRun
	stacks   map[int64]models.Stack
	webhooks map[int64][]models.Webhook // of a stack: id, enabled and circuit
	firsts   map[runWebhook]bool        // whose first attempts have not all ended

	started    []models.Run
	events     []models.Event
	deliveries []models.Delivery

	ended    []ended          // the attempts whose deliveries are known
	health   []models.Webhook // whose rows it wrote
	counts   *counts
	ends     map[*member]error // what each caller is told
	putOff   []*member         // they need what this group is about to write
	handed   []Job
	reserved map[string]int // places by webhook
	nudge    bool           // something waits that was not handed over
	tell     bool           // it is due: other replicas may take it
	forget   bool           // a webhook changed
}

// runName is how callers name a run.
type runName struct {
	stack int64
	id    string
}

// runWebhook is whose first attempts go in order.
type runWebhook struct {
	run     int64
	webhook string
}

// commitGroup makes the members' changes durable, or none of them.
func (s *Store) commitGroup(c *conn, members []*member) (*group, error) {
	g := &group{
		store: s, conn: c, members: members, now: time.Now(), hand: s.hand(), runs: map[runName]*groupRun{}, stacks: map[int64]models.Stack{},
		webhooks: map[int64][]models.Webhook{}, firsts: map[runWebhook]bool{}, counts: newCounts(), ends: map[*member]error{}, reserved: map[string]int{},
	}
	ctx, cancel := s.groupContext()
	defer cancel()
	if err := c.transact(ctx, g.write); err != nil {
		g.giveBack()
		return nil, unavailable(err)
	}
	return g, nil
}

// groupContext bounds a transaction on PostgreSQL, whose connection may hang. SQLite's time-outs are its own, and a
// context that can end costs a goroutine for each of its statements.
func (s *Store) groupContext() (context.Context, context.CancelFunc) {
	if onPostgres(s.write) {
		return context.WithTimeout(context.Background(), commitWithin)
	}
	return context.Background(), func() {}
}

// write is the transaction. All that the group reads goes to the database at once, and all that it writes. Rows are locked in
// one order everywhere, lest two transactions wait for each other: stacks, runs, deliveries, webhooks.
func (g *group) write(tx *gorm.DB) error {
	g.tx, g.trip = tx, trip{tx: tx}
	results := g.results()
	g.readReports()
	g.lockRuns()
	current := g.endCurrent(results)
	g.readFirsts()
	g.readWebhooks()
	if err := g.trip.send(); err != nil {
		return err
	}
	g.newRuns()
	g.keepFirsts(current)
	if err := g.judge(); err != nil {
		return err
	}
	known, err := g.order(results, current)
	if err != nil {
		return err
	}
	g.ended = known
	g.insertReports()
	insertAttempts(&g.trip, current)
	if err := g.writeHealth(known); err != nil {
		return err
	}
	if g.tell {
		notify(&g.trip)
	}
	if g.mayRace() {
		if err := g.sendRows(); err != nil {
			return err
		}
	}
	if err := g.doOthers(); err != nil {
		return err
	}
	return g.trip.leave()
}

// sendRows sends what the group writes. A key that is there already is a run's, which another transaction has started meanwhile.
func (g *group) sendRows() error {
	err := g.trip.send()
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return errors.Join(errRaced, err)
	}
	return err
}

// mayRace reports whether another transaction may be in the way of what is written, or depend on it having been written.
// Otherwise it goes with the transaction's end.
func (g *group) mayRace() bool {
	return slices.ContainsFunc(g.members, func(m *member) bool {
		return m.do != nil || m.start != nil && m.start.report.ID != nil
	})
}

// doOthers runs what shares the group's commit and is neither a report nor a result.
func (g *group) doOthers() error {
	for _, m := range g.members {
		if m.do == nil {
			continue
		}
		if err := m.do(g.tx); err != nil {
			return err
		}
	}
	return nil
}

// finish tells everybody, once the group is durable.
func (g *group) finish() {
	g.store.count(g.counts)
	g.store.calm.note(g.health, g.now)
	if g.forget {
		g.store.targets.forget()
	}
	if len(g.handed) > 0 {
		g.hand.taker.Take(g.handed)
	}
	g.store.announce()
	g.note()
	if g.store.checkpointer != nil {
		g.store.checkpointer.committed(len(g.members))
	}
	if g.nudge {
		g.store.nudge()
	}
	late := map[*member]bool{}
	for _, m := range g.putOff {
		late[m] = true
	}
	for _, m := range g.members {
		if !late[m] {
			m.ended <- g.ends[m]
		}
	}
	g.store.writer.commitAll(g.conn, g.putOff)
}

// giveBack returns the places of a group that was not committed.
func (g *group) giveBack() {
	for webhook, places := range g.reserved {
		g.hand.taker.Return(webhook, places)
	}
}
