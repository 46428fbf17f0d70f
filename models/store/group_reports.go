package store

import (
	"cmp"
	"errors"
	"slices"

	"stackhook/models"
)

// startWish is a report that starts a run.
type startWish struct {
	stack  int64
	report models.RunReport
	run    *models.Run
	rec    Recorded
}

// stateWish is a report that a run changed state.
type stateWish struct {
	name   runName
	report models.StateReport
	rec    Recorded
}

// groupRun is a run as the group leaves it.
type groupRun struct {
	models.Run
	by      *member // who started it in this group, nil for one that was there
	changed bool    // its last event is not stored yet
}

// newRuns makes the runs that are not there yet.
func (g *group) newRuns() {
	for _, m := range g.members {
		if m.start == nil {
			continue
		}
		run := m.start.report.Run(g.now)
		run.StackKey, m.start.run = m.start.stack, &run
		name := runName{run.StackKey, run.ID}
		if _, exists := g.stacks[run.StackKey]; exists && g.runs[name] == nil {
			run.Key, g.keys = g.keys[0], g.keys[1:]
			g.runs[name] = &groupRun{Run: run, by: m}
		}
	}
}

// judge decides what becomes of each report, in the order in which they came.
func (g *group) judge() error {
	for _, m := range g.members {
		var err error
		switch {
		case m.start != nil:
			m.start.rec, err = g.judgeStart(m)
		case m.state != nil:
			m.state.rec, err = g.judgeState(m)
		}
		switch {
		case errors.Is(err, errPutOff):
			g.putOff = append(g.putOff, m)
		case err != nil && !ownError(err):
			return err
		default:
			g.ends[m] = err
		}
	}
	return nil
}

// errPutOff says that a member asks about something that this group has yet to write.
var errPutOff = errors.New("judged after this group")

// ownError reports whether an error is the member's own, and not the database's.
func ownError(err error) bool {
	var conflict *models.Conflict
	var invalid models.Invalid
	return errors.As(err, &conflict) || errors.As(err, &invalid) || errors.Is(err, models.ErrNotFound)
}

func (g *group) judgeStart(m *member) (Recorded, error) {
	run := m.start.run
	if _, exists := g.stacks[run.StackKey]; !exists {
		return Recorded{}, models.ErrNotFound
	}
	r := g.runs[runName{run.StackKey, run.ID}]
	switch {
	case r.by == m:
		return g.addEvent(r, nil)
	case r.by != nil || r.changed:
		return Recorded{}, errPutOff
	}
	return repeatedRun(g.tx, m.start.report, r.Run)
}

func (g *group) judgeState(m *member) (Recorded, error) {
	r, report := g.runs[m.state.name], m.state.report
	if r == nil {
		return Recorded{}, models.ErrNotFound
	}
	if _, exists := g.stacks[r.StackKey]; !exists {
		return Recorded{}, models.ErrNotFound
	}
	var recorded *models.Event
	if v := report.StateVersion; v != nil && *v <= r.StateVersion {
		if r.by != nil || r.changed {
			return Recorded{}, errPutOff
		}
		event, err := eventAt(g.tx, r.Run, *v)
		switch {
		case err == nil:
			recorded = &event
		case !errors.Is(err, models.ErrNotFound):
			return Recorded{}, err
		}
	}
	version, repeat, err := report.Judge(r.Run, recorded)
	if err != nil {
		return Recorded{}, err
	}
	if repeat {
		return repeated(g.tx, r.Run, *recorded)
	}
	r.Run = advance(r.Run, report, version)
	return g.addEvent(r, report.Delta)
}

// addEvent makes the state that the run is in now: the event with its frozen payload, and one delivery for each webhook
// of the stack.
func (g *group) addEvent(r *groupRun, delta *models.Delta) (Recorded, error) {
	payload, err := models.EncodePayload(g.store.account, g.stacks[r.StackKey], r.Run)
	if err != nil {
		return Recorded{}, err
	}
	event := models.Event{
		ID: models.NewID(g.now), StackKey: r.StackKey, RunKey: r.Key, RunID: r.ID, State: r.State,
		StateVersion: r.StateVersion, At: r.StateAt, Delta: delta, Payload: payload, CreatedAt: g.now,
	}
	webhooks := g.webhooks[r.StackKey]
	deliveries := newDeliveries(event, webhooks, g.now)
	for i := range deliveries {
		if deliveries[i].Status == models.Pending {
			g.handOver(&deliveries[i], webhooks[i], payload)
		}
		g.counts.delivery(deliveries[i], 0)
	}
	r.changed = true
	g.events = append(g.events, event)
	event.Payload = nil
	g.deliveries = append(g.deliveries, deliveries...)
	return Recorded{Run: r.Run, Event: event, Deliveries: spoken(deliveries)}, nil
}

// handOver leases the delivery to this process's engine if it may be sent at once and has a place there. Otherwise a
// claim takes it: when its turn comes, its circuit closes, or a place is free.
func (g *group) handOver(d *models.Delivery, w models.Webhook, payload []byte) {
	first := runWebhook{d.RunKey, d.WebhookID}
	waits := g.firsts[first]
	g.firsts[first] = true
	if w.CircuitOpen() {
		g.nudge = true // it may be the next probe; other replicas need not hurry for that
		return
	}
	if waits || g.hand.taker == nil || !g.hand.taker.Reserve(w.ID) {
		g.nudge, g.tell = true, true
		return
	}
	g.reserved[w.ID]++
	d.Attempt, d.LeaseOwner, d.ClaimedAt, d.DueAt = 1, g.hand.owner, g.now, g.now.Add(g.hand.lease)
	g.handed = append(g.handed, Job{Delivery: *d, Payload: payload})
}

// insertReports writes what judge decided.
func (g *group) insertReports() {
	var changed []models.Run
	for _, r := range g.runs {
		switch {
		case r.by != nil:
			g.started = append(g.started, r.Run)
		case r.changed:
			changed = append(changed, r.Run)
		}
	}
	// In one order for all: two transactions that wait for each other's rows would never end.
	slices.SortFunc(g.started, func(a, b models.Run) int {
		return cmp.Or(cmp.Compare(a.StackKey, b.StackKey), cmp.Compare(a.ID, b.ID))
	})
	runRows.insert(&g.trip, g.started)
	changeRuns(&g.trip, changed)
	eventRows.insert(&g.trip, g.events)
	deliveryRows.insert(&g.trip, g.deliveries)
}

func unique[K cmp.Ordered](keys []K) []K {
	slices.Sort(keys)
	return slices.Compact(keys)
}
