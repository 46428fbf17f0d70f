package store_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs/line"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// patience bounds the waiting for another process, which takes milliseconds, or the second after which a lost connection
// is replaced.
const patience = 30 * time.Second

// nudged waits for what a store calls after commits.
func nudged(t *testing.T, nudges <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-nudges:
	case <-time.After(patience):
		t.Fatalf("no nudge %s", why)
	}
}

// listening returns a function that waits until so many replicas listen.
func listening(t *testing.T, database string) func(want int) {
	t.Helper()
	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return func(want int) {
		t.Helper()
		over, look := time.After(patience), time.NewTicker(5*time.Millisecond)
		defer look.Stop()
		for n := -1; n != want; {
			select {
			case <-over:
				t.Fatalf("%d replicas listen, want %d", n, want)
			case <-look.C:
			}
			err := db.QueryRow(`SELECT COUNT(*) FROM pg_stat_activity
				WHERE datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle'`).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Replicas hear of each other's commits, also again after the connection on which they listen was lost; what was committed
// meanwhile is looked for then.
func TestReplicasWakeEachOther(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, true)
	stack := storetest.Stack(t, r.near, "a")
	storetest.Webhook(t, r.near, stack, "https://example.com/", "")
	listen := listening(t, r.database)
	hear := func() <-chan struct{} {
		nudges := make(chan struct{}, 100)
		r.far.OnCommit(func() { nudges <- struct{}{} })
		return nudges
	}
	listen(1)
	nudges := hear()
	for range 3 { // one of them may be that it listens
		storetest.Run(t, r.near, stack)
		nudged(t, nudges, "at the beginning")
	}
	r.line.Cut()
	listen(0)
	nudges = hear()
	storetest.Run(t, r.near, stack) // nobody hears of it
	r.line.Lay()
	nudged(t, nudges, "when it listens again")
	storetest.Run(t, r.near, stack)
	nudged(t, nudges, "after it listened again")
}

// One process at a time leads. When its connection is lost, another one can.
func TestOneLeader(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, false)
	s, l, other := r.far, r.line, r.near
	leads := func(s *store.Store, want bool) {
		t.Helper()
		if lead, err := s.Lead(t.Context()); err != nil || lead != want {
			t.Errorf("leads: %v, want %v, %v", lead, want, err)
		}
	}
	for range 2 {
		leads(s, true)
		leads(other, false)
	}
	l.Cut()
	if lead, err := s.Lead(t.Context()); lead || !errors.Is(err, models.ErrUnavailable) {
		t.Errorf("leads without a database: %v, %v", lead, err)
	}
	for over := time.Now().Add(patience); ; { // PostgreSQL ends the session when it finds that its connection is gone
		if lead, err := other.Lead(t.Context()); err != nil || time.Now().After(over) {
			t.Fatal(lead, err)
		} else if lead {
			break
		}
	}
	l.Lay()
	leads(s, false)
	leads(other, true)
}

// What takes long on the way is no difference of the clocks, and otherwise changes nothing but the time it takes.
func TestLatencyToTheDatabase(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, false)
	s, direct := r.far, r.near
	stack := storetest.Stack(t, direct, "a")
	storetest.Webhook(t, direct, stack, "https://example.com/", "")
	const latency = 20 * time.Millisecond
	r.line.Lay(line.Latency(latency))
	for second(s.ClockSkew(t.Context())) != nil { // until the connection that was cut is known to be; and it is prepared
	}
	began := time.Now()
	skew, err := s.ClockSkew(t.Context())
	if took := time.Since(began); err != nil || took < latency || skew.Abs() > took/2 {
		t.Errorf("the clocks differ by %v, which took %v, %v", skew, took, err)
	}
	ends := make(chan error)
	const reports = 50
	for range reports {
		go func() { ends <- second(s.StartRun(t.Context(), stack, models.RunReport{})) }()
	}
	for range reports {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
	if jobs := storetest.Claim(t, s, "me"); len(jobs) != reports {
		t.Errorf("claimed %d", len(jobs))
	}
}
