package delivery

import (
	"database/sql"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs/line"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// replicas is a site on PostgreSQL, on which further stores can be opened.
type replicas struct {
	*site
	mailbox mailbox
	options store.Options
	witness *sql.DB
}

// newReplicas is a site on a database of the tests' server, with one webhook.
func newReplicas(t *testing.T) *replicas {
	t.Helper()
	return replicasOn(t, storetest.NewPostgres(t))
}

func replicasOn(t *testing.T, database string) *replicas {
	t.Helper()
	o := store.Options{Database: database, KeyFile: filepath.Join(t.TempDir(), "stackhook.key")}
	witness, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { witness.Close() })
	r := &replicas{site: newSite(t, storetest.OnPostgres(t, o)), options: o, witness: witness}
	r.config.Poll, r.config.Drain = 20*time.Millisecond, 20*time.Millisecond
	storetest.Webhook(t, r.store, r.stack, receiver(t, r.mailbox.ServeHTTP).URL, secret)
	return r
}

// open opens another store; serve is what store.Options says.
func (r *replicas) open(serve bool) *store.Store {
	r.t.Helper()
	o := r.options
	o.Serve = serve
	return storetest.OnPostgres(r.t, o)
}

// far opens another store, that reaches the database over a line.
func (r *replicas) far() (*store.Store, *line.Line) {
	r.t.Helper()
	l := line.New(r.t, r.options.Database)
	o := r.options
	o.Database = l.URL()
	return storetest.OnPostgres(r.t, o), l
}

// endLeases ends those that were taken before a time, as if they had lasted long enough.
func (r *replicas) endLeases(before time.Time) {
	r.t.Helper()
	_, err := r.witness.Exec(`UPDATE deliveries SET due_at = 1 WHERE status = 'pending' AND lease_owner <> '' AND claimed_at < $1`, before.UnixMicro())
	if err != nil {
		r.t.Error(err)
	}
}

// pending counts what is not delivered yet.
func (r *replicas) pending() (n int) {
	if err := r.witness.QueryRow(`SELECT COUNT(*) FROM deliveries WHERE status = 'pending'`).Scan(&n); err != nil {
		r.t.Error(err)
	}
	return n
}

// expect checks a delivery and the reasons of its attempts, oldest first.
func (r *replicas) expect(id string, reasons ...models.Reason) {
	r.t.Helper()
	d, attempts := r.attempts(id)
	good := d.Status == models.Delivered && len(attempts) == len(reasons)
	for i := 0; good && i < len(reasons); i++ {
		good = attempts[i].Reason == reasons[i]
	}
	if bodies := r.mailbox.of(id); !good || len(bodies) != len(reasons) || !allAre(bodies, r.payload(d)) {
		r.t.Errorf("%s after %d attempts %+v, and %d requests; want attempts %q", d.Status, len(attempts), attempts, len(bodies), reasons)
	}
}

// While the database is away the engine says so, and keeps the results of what it was sending. It goes on by itself.
func TestAwayDatabase(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	answer := make(chan struct{})
	r.mailbox.answer = func(http.ResponseWriter, *http.Request) { <-answer }
	far, l := r.far()
	e, _ := r.start(far)
	rec := storetest.Run(t, far, r.stack)
	await(t, "the request arrives", func() bool { return r.mailbox.count() == 1 })
	await(t, "the engine is well", func() bool { return e.Healthy() == nil })
	l.Cut()
	close(answer)
	await(t, "the engine says that it has no database", func() bool { return errors.Is(e.Healthy(), models.ErrUnavailable) })
	if _, err := far.StartRun(t.Context(), r.stack, models.RunReport{}); !errors.Is(err, models.ErrUnavailable) {
		t.Errorf("a report without a database: %v", err)
	}
	l.Lay()
	await(t, "the result is recorded", func() bool { return r.pending() == 0 })
	await(t, "the engine is well again", func() bool { return e.Healthy() == nil })
	r.expect(rec.Deliveries[0], "")
	next := storetest.Run(t, r.store, r.stack)
	await(t, "the next one is delivered", func() bool { return r.pending() == 0 })
	r.expect(next.Deliveries[0], "")
}

// A replica that does not listen, as for a second after its connection was lost, finds by itself what others commit.
func TestPollWithoutListening(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	r.start(r.open(false))
	rec := storetest.Run(t, r.store, r.stack)
	await(t, "it is delivered", func() bool { return r.pending() == 0 })
	r.expect(rec.Deliveries[0], "")
}

// Two engines share what nobody was handed, and nothing is sent twice.
func TestReplicasShare(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	both := make(chan struct{})
	open := sync.OnceFunc(func() { close(both) })
	r.mailbox.answer = func(http.ResponseWriter, *http.Request) {
		if r.mailbox.count() == 2*Defaults().MaxPerWebhook { // more than one engine may send at once
			open()
		}
		<-both
	}
	t.Cleanup(open)
	r.start(r.open(true))
	r.start(r.open(true))
	const runs = 2 * maxWaiting // one engine takes about half of them
	ids := make(chan string, runs)
	for range runs {
		go func() {
			rec, err := r.store.StartRun(t.Context(), r.stack, models.RunReport{})
			if err != nil {
				t.Error(err)
				ids <- ""
				return
			}
			ids <- rec.Deliveries[0]
		}()
	}
	var all []string
	for range runs {
		all = append(all, <-ids)
	}
	await(t, "all are delivered", func() bool { return r.pending() == 0 })
	for _, id := range all {
		r.expect(id, "")
	}
}

// What a replica was sending when it was lost, another one sends when the leases end, and not before.
func TestReplicaIsLost(t *testing.T) {
	t.Parallel()
	r := newReplicas(t)
	const held = 3
	over := make(chan struct{})
	r.mailbox.answer = func(_ http.ResponseWriter, q *http.Request) {
		if len(r.mailbox.of(q.Header.Get("webhook-id"))) == 1 && r.mailbox.count() <= held {
			<-over
		}
	}
	t.Cleanup(func() { close(over) })
	far, l := r.far()
	r.start(far)
	var lost []string
	for range held {
		lost = append(lost, storetest.Run(t, far, r.stack).Deliveries[0])
	}
	await(t, "the requests arrive", func() bool { return r.mailbox.count() == held })
	l.Cut()

	r.start(r.open(true))
	other := storetest.Run(t, r.store, r.stack).Deliveries[0]
	await(t, "the other replica delivers", func() bool { return r.pending() == held })
	r.expect(other, "")
	if n := r.mailbox.count(); n != held+1 {
		t.Errorf("%d requests while the leases last, want %d", n, held+1)
	}
	r.endLeases(time.Now())
	await(t, "it takes the rest", func() bool { return r.pending() == 0 })
	for _, id := range lost {
		r.expect(id, models.ReasonInterrupted, "")
	}
}
