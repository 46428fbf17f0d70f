package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// Whatever receivers, people and crashes do, and in whatever order, the engine keeps its promises: those of
// machine_rules_test.go after each step, and in the end that everything accepted has ended.
func TestEngineKeepsItsPromises(t *testing.T) {
	storetest.Story(t, 10, 60, storetest.Files(t), func(t *rapid.T, o store.Options) {
		x := &machine{
			options: o, receivers: newReceivers(), seen: map[string]seen{}, redelivered: map[string]int{}, mended: map[string][]time.Time{},
			// Few at once, so that the limits are met.
			config: Config{Poll: 10 * time.Minute, MaxPerWebhook: 2, MaxInFlight: 3, Logger: slog.New(slog.DiscardHandler)},
		}
		t.Cleanup(func() {
			x.stop()
			x.store.Close()
			x.serving.Wait()
		})
		x.open(t)
		stack, err := x.store.CreateStack(t.Context(), storetest.Shell, models.Stack{ID: "a", Name: "a", Labels: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		x.stack, x.receivers.stack = stack, stack
		x.CreateWebhook(t)
		x.Start(t)
		does := rapid.StateMachineActions(x)
		for _, often := range []string{"Report", "ChangeState", "ChangeMood", "Pass", "Start"} {
			does[often+" too"] = does[often]
		}
		t.Repeat(does)
		x.recover(t)
		x.Stop(t)
		x.Check(t)
	})
}

// machine is a server with its receivers, and whoever uses them. Each method with a capital letter is something that
// they do.
type machine struct {
	options   store.Options
	store     *store.Store
	stack     models.Stack
	config    Config
	engine    *Engine // nil while it is stopped
	since     time.Time
	end       func()
	receivers *receivers
	serving   sync.WaitGroup

	hooks, runs []string // ids
	hosts       int
	redelivered map[string]int         // how often, by delivery
	mended      map[string][]time.Time // when an edit made everything of the webhook due
	seen        map[string]seen        // by delivery
}

// seen is a delivery with its attempts, oldest first.
type seen struct {
	models.Delivery
	attempts []models.Attempt
}

func (x *machine) open(t *rapid.T) {
	s, err := store.Open(context.Background(), x.options)
	if err != nil {
		t.Fatal(err)
	}
	x.store = s
	x.receivers.reads(s)
}

// Start starts the engine.
func (x *machine) Start(t *rapid.T) {
	if x.engine != nil {
		t.Skip("it runs")
	}
	e, err := New(x.store, x.config)
	if err != nil {
		t.Fatal(err)
	}
	e.sender.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		x.receivers.connected(theirs)
		x.serving.Go(func() {
			defer theirs.Close()
			(&inbox{answer: x.receivers.answer}).serve(theirs)
		})
		return ours, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	x.engine, x.since = e, time.Now()
	x.end = func() {
		cancel()
		if err := <-ended; err != nil {
			x.receivers.complain("run: %v", err)
		}
		if sending, held := e.Held(); sending != 0 || held != 0 {
			x.receivers.complain("%d in flight and %d held after the end", sending, held)
		}
	}
	synctest.Wait()
}

func (x *machine) stop() {
	if x.engine != nil {
		x.end()
		x.engine = nil
	}
}

// Stop ends the engine in good order: nothing is left leased.
func (x *machine) Stop(t *rapid.T) {
	if x.engine == nil {
		t.Skip("it is stopped")
	}
	x.stop()
	synctest.Wait()
	for _, d := range x.deliveries(t) {
		if d.Status == models.Pending && d.LeaseOwner != "" {
			t.Fatalf("after the end %s is leased: %+v", d.ID, d)
		}
	}
}

// Crash takes the database from the engine and cuts its connections, as if the process had died: what comes after changes
// nothing any more. Another one takes over.
func (x *machine) Crash(t *rapid.T) {
	if x.engine == nil {
		t.Skip("it is stopped")
	}
	x.receivers.cut()
	if err := x.store.Close(); err != nil {
		t.Fatal(err)
	}
	x.stop()
	x.open(t)
	x.Start(t)
}

// Pass lets time pass, and everything that falls into it happen.
func (x *machine) Pass(t *rapid.T) {
	x.wait(rapid.SampledFrom([]time.Duration{
		time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 10 * time.Hour,
	}).Draw(t, "time"))
}

func (x *machine) wait(d time.Duration) {
	time.Sleep(d) // the bubble's time: it takes none of ours
	synctest.Wait()
}

// deliveries returns all of them, with their attempts.
func (x *machine) deliveries(t *rapid.T) map[string]seen {
	everyone := models.Viewer{User: &models.User{Role: models.Administrator}}
	log, err := x.store.Deliveries(t.Context(), everyone, store.DeliveryFilter{Stack: &x.stack}, store.Page{Limit: store.MaxPageSize})
	if err != nil || log.Older != "" {
		t.Fatal(err, log.Older)
	}
	for _, row := range log.Rows {
		if x.seen[row.ID].Delivery == row.Delivery {
			continue
		}
		attempts, err := x.store.Attempts(t.Context(), row.Delivery)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := 0, len(attempts)-1; i < j; i, j = i+1, j-1 {
			attempts[i], attempts[j] = attempts[j], attempts[i]
		}
		x.seen[row.ID] = seen{row.Delivery, attempts}
	}
	return x.seen
}

// recover makes all well, and checks that everything that was accepted has ended then.
func (x *machine) recover(t *rapid.T) {
	x.receivers.recover()
	for _, id := range x.hooks {
		if w := x.webhook(t, id); !w.Deleted() && !w.Enabled {
			x.edit(t, w, models.WebhookForm{Endpoint: w.Endpoint, Enabled: true})
		}
	}
	if x.engine == nil {
		x.Start(t)
	}
	x.wait(27 * time.Hour) // the longest delay, and its tenth
	x.Check(t)
	for id, d := range x.deliveries(t) {
		switch {
		case d.Status == models.Pending, d.Status == models.Failed && d.Reason == "":
			t.Fatalf("%s has not ended: %+v", id, d)
		case d.Status == models.Delivered && x.receivers.accepted(id) == 0:
			t.Fatalf("%s was delivered to nobody: %+v", id, d)
		}
	}
	for _, w := range x.hooks {
		if hook := x.webhook(t, w); !hook.Deleted() && hook.CircuitOpen() {
			t.Fatal(fmt.Sprint("the circuit is still open: ", hook))
		}
	}
}
