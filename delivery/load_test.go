package delivery

import (
	"errors"
	"sync"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/needs/line"
	"stackhook/models/store"
)

const (
	loadPipelines = 4
	loadRuns      = 8 // of each
	loadEvents    = loadPipelines * loadRuns * 3
)

// load is what pipelines report, each report until it is stored.
type load struct {
	*replicas
	on    *store.Store
	every int    // so many answers
	fail  func() // is called, meanwhile

	mu       sync.Mutex
	answers  int
	refused  int
	accepted map[string]models.Event // by delivery
}

// report reports all runs and returns when the last report was stored.
func (l *load) report() {
	l.accepted = map[string]models.Event{}
	var pipelines sync.WaitGroup
	for range loadPipelines {
		pipelines.Go(func() {
			for range loadRuns {
				l.run(models.NewID(time.Now()))
			}
		})
	}
	pipelines.Wait()
}

// run reports one run from its first state to its last.
func (l *load) run(id string) {
	l.insist(func() (store.Recorded, error) {
		return l.on.StartRun(l.t.Context(), l.stack, models.RunReport{ID: &id})
	})
	for i, state := range []models.State{models.Planning, models.Finished} {
		version := int64(i + 1)
		l.insist(func() (store.Recorded, error) {
			return l.on.RecordState(l.t.Context(), l.stack, id, models.StateReport{State: state, StateVersion: &version})
		})
	}
}

// insist repeats a report until it is stored.
func (l *load) insist(report func() (store.Recorded, error)) {
	for over := time.Now().Add(patience); time.Now().Before(over); {
		rec, err := report()
		l.note(rec, err)
		if err == nil {
			return
		}
	}
	l.t.Error("a report was refused for too long")
}

func (l *load) note(rec store.Recorded, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil && len(rec.Deliveries) == 1:
		l.accepted[rec.Deliveries[0]] = rec.Event
	case errors.Is(err, models.ErrUnavailable):
		l.refused++
	default:
		l.t.Errorf("a report ended with %d deliveries and %v", len(rec.Deliveries), err)
	}
	if l.answers++; l.answers%l.every == 0 {
		l.fail()
	}
}

// check waits until everything was delivered, and compares what was accepted with what is stored and what arrived. The
// engine is replaced by another one, so that no lease is anybody's when all are ended: those of commits whose answers were
// lost would last a minute.
func (l *load) check(e *Engine, stop func()) {
	l.t.Helper()
	await(l.t, "the engine is well again", func() bool { return e.Healthy() == nil })
	stop()
	l.endLeases(time.Now())
	l.start(l.on)
	await(l.t, "everything is delivered", func() bool { return l.pending() == 0 })
	var stored int
	if err := l.witness.QueryRow(`SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'`).Scan(&stored); err != nil {
		l.t.Fatal(err)
	}
	if stored != loadEvents || len(l.accepted) != loadEvents || len(l.mailbox.ids()) != loadEvents {
		l.t.Errorf("of %d events %d were accepted, %d delivered, %d arrived", loadEvents, len(l.accepted), stored, len(l.mailbox.ids()))
	}
	for id, event := range l.accepted {
		d, attempts := l.attempts(id)
		cut := 0
		for _, a := range attempts {
			if a.Reason == models.ReasonInterrupted {
				cut++
			}
		}
		bodies := l.mailbox.of(id)
		if d.EventID != event.ID || len(bodies) == 0 || len(bodies) > cut+1 || !allAre(bodies, l.payload(d)) {
			l.t.Errorf("%d requests by %d attempts, %d of them interrupted: %+v", len(bodies), len(attempts), cut, d)
		}
	}
}

// Connections to the database are cut again and again, wherever they are.
func TestLoadOverABadLine(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	far, way := r.far()
	r.config.Drain = patience
	e, stop := r.start(far)
	l := load{replicas: r, on: far, every: 5}
	l.fail = func() {
		n := int64(l.answers)
		switch l.answers / l.every % 4 {
		case 0:
			way.Lay()
		case 1:
			way.Lay(line.Limit(2000 + n*617%10_000).Up())
		case 2:
			way.Lay(line.Limit(500 + n*617%5_000))
		case 3:
			way.Lay(line.Reset())
		}
	}
	l.report()
	way.Lay()
	if l.refused == 0 {
		t.Error("no report was refused: the line was not bad enough")
	}
	l.check(e, stop)
}

// The database's server loses its power, twice.
func TestLoadWithPowerCuts(t *testing.T) {
	t.Parallel()
	needs.Postgres(t, "tests on PostgreSQL") // skips where there is none
	cluster, err := needs.StartPostgres(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	name, err := cluster.NewDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	r := replicasOn(t, cluster.URL(name))
	r.config.Drain = patience
	on := r.open(true)
	e, stop := r.start(on)
	l := load{replicas: r, on: on, every: loadEvents / 3}
	cuts := 2
	l.fail = func() {
		if cuts--; cuts < 0 {
			return
		}
		cluster.Stop()
		await(t, "the engine misses it", func() bool { return e.Healthy() != nil })
		if err := cluster.Start(); err != nil {
			t.Error(err)
		}
	}
	l.report()
	l.check(e, stop)
}
