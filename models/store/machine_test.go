package store_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// Whatever is done to a store, in whatever order and at the same time, it holds what the model holds.
func TestStoreAgainstItsModel(t *testing.T) {
	storetest.Story(t, 10, 100, storetest.Files(t), againstModel)
}

// The bubble's time stands still while PostgreSQL is asked, as it does for SQLite. A database there takes longer to make: of
// rapid's checks one in 32 is made.
func TestStoreOnPostgresAgainstItsModel(t *testing.T) {
	t.Parallel()
	needs.Postgres(t, "tests on PostgreSQL")
	key := filepath.Join(t.TempDir(), "stackhook.key")
	rapid.Check(t, func(rt *rapid.T) {
		for range 5 {
			if rapid.Bool().Draw(rt, "leave this one out") {
				return
			}
		}
		o := store.Options{Database: storetest.NewPostgres(t), KeyFile: key, Account: "spacelift-io", Create: true}
		rapid.SyncTest(rt, func(rt *rapid.T) { againstModel(rt, o) })
	})
}

func againstModel(t *rapid.T, o store.Options) {
	x := &machine{options: o, model: newModel(), taker: &places{}, ended: map[end]int{}, tried: map[models.Reason]int{}}
	x.open(t)
	t.Cleanup(func() { x.store.Close() })
	stack, err := x.store.CreateStack(t.Context(), storetest.Shell, models.Stack{ID: "a", Name: "a", Labels: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	x.stack = stack
	x.CreateWebhook(t)
	does := rapid.StateMachineActions(x)
	for _, often := range []string{"StartRun", "ReportState", "Together", "Claim", "RecordResult", "Work", "Pass", "SendTest", "Redeliver"} {
		does[often+" too"] = does[often]
	}
	t.Repeat(does)
}

// machine is a store, and whoever uses it. Each method with a capital letter is something that they do.
type machine struct {
	options store.Options
	store   *store.Store
	stack   models.Stack
	model   *model

	taker   *places
	jobs    []job                 // given to somebody who has not reported on them yet, and may be dead
	unused  []job                 // handed back
	results []recorded            // to be repeated
	ended   map[end]int           // what stores that were closed had counted
	tried   map[models.Reason]int // as well
}

// job is an attempt that an owner was given.
type job struct {
	owner, id, webhook string
	number             int
	began, probe       instant // probe: until when the circuit waits for it, if it is one
	test               bool
}

type recorded struct {
	job
	store.Outcome
}

func (x *machine) open(t *rapid.T) {
	x.options.Metrics = prometheus.NewRegistry()
	s, err := store.Open(context.Background(), x.options)
	if err != nil {
		t.Fatal(err)
	}
	x.store = s
}

// op is one change: what is asked of the store, and how the model judges what came of it.
type op struct {
	name  string
	do    func(context.Context)
	judge func(m, after *model) error
}

// together does all at once, which commits several of them as one group, and checks that some order of them explains
// their results and what the store holds then.
func (x *machine) together(t *rapid.T, ops ...op) {
	t.Helper()
	var wait sync.WaitGroup
	for _, o := range ops {
		wait.Go(func() { o.do(t.Context()) })
	}
	wait.Wait()
	after, err := readModel(x.store)
	if err != nil {
		t.Fatal(err)
	}
	after.places = x.taker.left()
	var why error
	for order := range orders(len(ops)) {
		m := x.model.clone()
		err := m.follow(order, ops, after)
		if err == nil {
			m.mayFollow(t, x.model)
			x.model = m
			x.gave(x.taker.taken())
			return
		}
		why = cmp.Or(why, err)
	}
	var names []string
	for _, o := range ops {
		names = append(names, o.name)
	}
	t.Fatalf("no order of %s explains what came of it, not even that one: %v", strings.Join(names, ", "), why)
}

// follow makes the changes in that order, and compares.
func (m *model) follow(order []int, ops []op, after *model) error {
	for _, i := range order {
		if err := ops[i].judge(m, after); err != nil {
			return fmt.Errorf("%s: %w", ops[i].name, err)
		}
	}
	return cmp.Or(
		differ("webhook", m.webhooks, after.webhooks), differ("run", m.runs, after.runs), differ("event", m.events, after.events),
		differ("delivery", m.deliveries, after.deliveries), differ("attempt", m.attempts, after.attempts),
		differ("", map[string]int{"places": m.places}, map[string]int{"places": after.places}),
	)
}

// differ names something in which the model and the store differ.
func differ[K, V comparable](what string, model, stored map[K]V) error {
	for key, want := range model {
		if got, there := stored[key]; !there || got != want {
			return fmt.Errorf("%s %v is\n%+v, there: %v; want\n%+v", what, key, got, there, want)
		}
	}
	for key, got := range stored {
		if _, there := model[key]; !there {
			return fmt.Errorf("%s %v is there: %+v", what, key, got)
		}
	}
	return nil
}

// orders returns all orders of n things.
func orders(n int) func(yield func([]int) bool) {
	var extend func(order []int, yield func([]int) bool) bool
	extend = func(order []int, yield func([]int) bool) bool {
		if len(order) == n {
			return yield(order)
		}
		used := map[int]bool{}
		for _, i := range order {
			used[i] = true
		}
		for i := range n {
			if !used[i] && !extend(append(order[:len(order):len(order)], i), yield) {
				return false
			}
		}
		return true
	}
	return func(yield func([]int) bool) { extend(nil, yield) }
}

// mayFollow checks what no change does, whatever it is.
func (m *model) mayFollow(t *rapid.T, before *model) {
	for id, d := range m.deliveries {
		was, there := before.deliveries[id]
		switch {
		case d.status == models.Pending && d.due == 0, d.status != models.Pending && (d.due != 0 || d.ended == 0):
			t.Fatalf("%s is neither pending nor ended: %+v", id, d)
		case !there:
		case d.webhook != was.webhook || d.event != was.event || d.run != was.run || d.version != was.version || d.test != was.test || d.created != was.created:
			t.Fatalf("%s became another one: %+v, was %+v", id, d, was)
		case was.firstEnded != 0 && d.firstEnded != was.firstEnded, was.delivered != 0 && d.delivered != was.delivered:
			t.Fatalf("%s: what was first changed: %+v, was %+v", id, d, was)
		case was.status != models.Pending && d.status != was.status && d.status != models.Delivered && d.redelivery != now():
			t.Fatalf("%s had ended: %+v, was %+v", id, d, was)
		}
	}
	for id, e := range m.events {
		if was, there := before.events[id]; there && e.payload != was.payload && (e.payload != "" || len(m.of(id)) > 0) {
			t.Fatalf("the payload of %s changed", id)
		}
	}
}

// Check checks what is true at every moment, beside that the store holds what the model holds, see together.
func (x *machine) Check(t *rapid.T) {
	for id, d := range x.model.deliveries {
		x.checkNumbers(t, id, d)
	}
	x.checkMetrics(t)
}

// checkNumbers checks that the attempts are numbered without gaps: what lacks is with somebody who may still report it, or
// was handed back when it was too late.
func (x *machine) checkNumbers(t *rapid.T, id string, d deliveryModel) {
	missing := map[int]bool{}
	for n := range d.attempt {
		if _, there := x.model.attempts[attemptKey{id, n + 1}]; !there {
			missing[n+1] = true
		}
	}
	for _, j := range slices.Concat(x.jobs, x.unused) {
		if j.id == id {
			delete(missing, j.number)
		}
	}
	if len(missing) > 0 {
		t.Fatalf("of %s nobody has the attempts %v: %+v", id, missing, d)
	}
	for key := range maps.Keys(x.model.attempts) {
		if key.delivery == id && key.number > d.attempt {
			t.Fatalf("an attempt %d of %s: %+v", key.number, id, d)
		}
	}
}
