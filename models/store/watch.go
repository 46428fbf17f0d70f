package store

import (
	"sync"
	"sync/atomic"
)

// Changes is what became different, for pages that show it as it happens: not how, but where to read again.
type Changes struct {
	// Webhooks are those whose deliveries changed, or that changed themselves, with the keys of their stacks. A new run of a
	// stack that has no webhook is there by its own id.
	Webhooks map[string]int64
	// Everything says that more changed than is told one by one, or that it is not known what did.
	Everything bool
	// Access says that somebody's session ended, or that somebody reads other stacks now.
	Access bool
}

// changesMost bounds what waits to be read of a Watch. Whoever reads again after so many has as much to do for all.
const changesMost = 1000

func (c *Changes) add(webhook string, stack int64) {
	if c.Everything {
		return
	}
	if _, known := c.Webhooks[webhook]; known {
		return
	}
	if c.Webhooks == nil {
		c.Webhooks = map[string]int64{}
	}
	if len(c.Webhooks) == changesMost {
		c.Webhooks, c.Everything = nil, true
		return
	}
	c.Webhooks[webhook] = stack
}

func (c *Changes) merge(other Changes) {
	for webhook, stack := range other.Webhooks {
		c.add(webhook, stack)
	}
	if other.Everything {
		c.Webhooks, c.Everything = nil, true
	}
	c.Access = c.Access || other.Access
}

func (c *Changes) any() bool { return c.Everything || c.Access || len(c.Webhooks) > 0 }

// Watch gathers what changes from its beginning on, in this process and, on PostgreSQL, in the others.
type Watch struct {
	of   *watchers
	own  bool // only what this process changes
	more chan struct{}

	mu      sync.Mutex
	changes Changes
}

// Watch begins to gather changes.
func (s *Store) Watch() *Watch { return s.watchers.begin(false) }

// More holds a value while there is something to take.
func (w *Watch) More() <-chan struct{} { return w.more }

// Take returns what changed since the last time.
func (w *Watch) Take() Changes {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.changes
	w.changes = Changes{}
	return taken
}

// Close ends it.
func (w *Watch) Close() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	delete(w.of.all, w)
	w.of.count()
}

func (w *Watch) note(note func(*Changes)) {
	w.mu.Lock()
	note(&w.changes)
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default: // it holds one already
	}
}

// watchers are the watches of a store. Mostly there is none, and a commit finds that out with one look.
type watchers struct {
	any   atomic.Bool
	pages atomic.Bool // one of them is not the relay's
	mu    sync.Mutex
	all   map[*Watch]bool
}

func (ws *watchers) begin(own bool) *Watch {
	w := &Watch{of: ws, own: own, more: make(chan struct{}, 1)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.all == nil {
		ws.all = map[*Watch]bool{}
	}
	ws.all[w] = true
	ws.count()
	return w
}

func (ws *watchers) count() {
	pages := false
	for w := range ws.all {
		pages = pages || !w.own
	}
	ws.any.Store(len(ws.all) > 0)
	ws.pages.Store(pages)
}

// note lets each watch note what this process changed, or another one.
func (ws *watchers) note(elsewhere bool, note func(*Changes)) {
	if !ws.any.Load() {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		if !elsewhere || !w.own {
			w.note(note)
		}
	}
}

// noteWebhook tells of one webhook, or of deliveries to it.
func (s *Store) noteWebhook(webhook string, stack int64) {
	s.watchers.note(false, func(c *Changes) { c.add(webhook, stack) })
}

// noteCounts tells of what a transaction outside of groups ended or found lost.
func (s *Store) noteCounts(done *counts) {
	s.watchers.note(false, func(c *Changes) {
		for t := range done.tallies {
			c.add(t.webhook, t.stack)
		}
		for _, d := range done.lost {
			c.add(d.WebhookID, d.StackKey)
		}
	})
}

// noteJobs tells of attempts that were numbered.
func (s *Store) noteJobs(jobs []Job) {
	s.watchers.note(false, func(c *Changes) {
		for _, j := range jobs {
			c.add(j.Delivery.WebhookID, j.Delivery.StackKey)
		}
	})
}

// note tells of what a group did.
func (g *group) note() {
	g.store.watchers.note(false, func(c *Changes) {
		for _, d := range g.deliveries {
			c.add(d.WebhookID, d.StackKey)
		}
		for _, r := range g.started {
			if len(g.webhooks[r.StackKey]) == 0 {
				c.add(r.ID, r.StackKey)
			}
		}
		for _, r := range g.ended {
			c.add(r.WebhookID, r.StackKey)
		}
	})
}

// AccessVersion grows with each commit of this process that ended a session or changed what somebody may read, before
// whoever asked for it is answered; and when another process tells of one.
func (s *Store) AccessVersion() int64 { return s.access.Load() }

// accessChanged tells of such a commit.
func (s *Store) accessChanged(err error) error {
	if err == nil {
		s.access.Add(1)
		s.watchers.note(false, func(c *Changes) { c.Access = true })
	}
	return err
}

// stacksChanged is called with each change of a stack: its name is in logs of many, its id in addresses, and with it all
// that may be read of it comes and goes.
func (s *Store) stacksChanged(err error) error {
	if err == nil {
		s.watchers.note(false, func(c *Changes) { c.merge(Changes{Everything: true}) })
	}
	return s.accessChanged(err)
}

// noteElsewhere tells of what another process changed.
func (s *Store) noteElsewhere(changes Changes) {
	if changes.Access {
		s.access.Add(1)
	}
	s.watchers.note(true, func(c *Changes) { c.merge(changes) })
}
