package store_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs/line"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// replicas are two stores on one database on PostgreSQL.
type replicas struct {
	far, near *store.Store // over the line, and without it
	line      *line.Line
	database  string // its URL
}

// newReplicas opens them; serve is what store.Options says of the far one.
func newReplicas(t *testing.T, serve bool) replicas {
	t.Helper()
	o := store.Options{Database: storetest.NewPostgres(t), KeyFile: filepath.Join(t.TempDir(), "stackhook.key")}
	r := replicas{database: o.Database, near: storetest.OnPostgres(t, o), line: line.New(t, o.Database)}
	o.Database, o.Serve = r.line.URL(), serve
	r.far = storetest.OnPostgres(t, o)
	return r
}

// reported reports a run with an id, which may have been reported before.
func reported(t *testing.T, s *store.Store, stack models.Stack, id string) (store.Recorded, error) {
	rec, err := s.StartRun(t.Context(), stack, models.RunReport{ID: &id})
	if err != nil && !errors.Is(err, models.ErrUnavailable) {
		t.Errorf("the report ended with %v, which does not say that it may be repeated", err)
	}
	return rec, err
}

// Wherever in its transaction the connection of a report is cut, the report says that it may be repeated, and repeated it
// is stored, once.
func TestReportsThatAreCutAnywhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault        func(int64) line.Fault
		coarse, fine int64 // steps, from nothing on and then back from what is enough
	}{
		"on the way there": {func(n int64) line.Fault { return line.Limit(n).Up() }, 397, 31},
		"on the way back":  {line.Limit, 113, 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplicas(t, false)
			s, l, direct := r.far, r.line, r.near
			stack := storetest.Stack(t, direct, "a")
			storetest.Webhook(t, direct, stack, "https://example.com/", "")
			var taker countingTaker
			s.HandTo(&taker, "me", time.Minute)
			var ids []string
			cuts, lost := 0, 0
			// cut lets so many bytes of a new connection through. It returns whether that was enough.
			cut := func(bytes int64) bool {
				l.Lay(c.fault(bytes))
				id := models.NewID(time.Now())
				ids = append(ids, id)
				_, err := reported(t, s, stack, id)
				if err == nil {
					return true
				}
				cuts++
				l.Lay()
				rec, err := reported(t, s, stack, id)
				if err != nil {
					t.Fatalf("cut after %d bytes, and not stored when it was repeated: %v", bytes, err)
				}
				if rec.Repeated {
					lost++
				}
				return false
			}
			enough := int64(0)
			for ; !cut(enough); enough += c.coarse {
			}
			for n := enough; n > enough-c.coarse; n -= c.fine { // the end closer: there it is stored or not, and the answer is lost
				cut(n)
			}
			if cuts < 10 || name == "on the way back" && lost == 0 {
				t.Errorf("%d cuts, %d of them after the commit", cuts, lost)
			}
			if taker.reserved != 0 || taker.returned == 0 {
				t.Errorf("%d places are not given back, %d were", taker.reserved, taker.returned)
			}
			checkStoredOnce(t, direct, stack, ids)
		})
	}
}

// countingTaker has a place for everything, and sends nothing.
type countingTaker struct{ reserved, returned int }

func (c *countingTaker) Reserve(string) bool {
	c.reserved++
	return true
}

func (c *countingTaker) Return(_ string, places int) {
	c.reserved -= places
	c.returned += places
}

func (c *countingTaker) Take(jobs []store.Job) { c.reserved -= len(jobs) }

// checkStoredOnce checks that each run has one event with one delivery.
func checkStoredOnce(t *testing.T, s *store.Store, stack models.Stack, ids []string) {
	t.Helper()
	for _, id := range ids {
		run, err := s.Run(t.Context(), stack, id)
		if err != nil {
			t.Fatalf("run %s: %v", id, err)
		}
		events, err := s.Events(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		deliveries, err := s.RunDeliveries(t.Context(), run)
		if err != nil || len(events) != 1 || len(deliveries) != 1 {
			t.Errorf("run %s has %d events and %d deliveries, %v", id, len(events), len(deliveries), err)
		}
	}
}

// calls are what needs the database; each is to say that it is unavailable.
func calls(t *testing.T, s *store.Store, stack models.Stack, job store.Job) map[string]func() error {
	ctx := t.Context()
	return map[string]func() error{
		"a run": func() error { return second(s.StartRun(ctx, stack, models.RunReport{})) },
		"a webhook": func() error {
			return second(s.CreateWebhook(ctx, storetest.Shell, stack, models.WebhookForm{Endpoint: "https://example.org/"}))
		},
		"a claim": func() error {
			return second(s.Claim(ctx, store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: 1, MostPerWebhook: 1, MaxTries: 11}))
		},
		"a result": func() error {
			return second(s.RecordAttempt(ctx, "me", bulky(job), store.Outcome{Status: models.Delivered}))
		},
		"a lease":      func() error { return second(s.Renew(ctx, job.Delivery.ID, "me", 1, time.Minute)) },
		"what expired": func() error { return second(s.Expire(ctx, time.Hour, 10)) },
		"the leader":   func() error { return second(s.Lead(ctx)) },
		"the clock":    func() error { return second(s.ClockSkew(ctx)) },
		"a target":     func() error { return second(s.Target(ctx, job.Delivery.WebhookID, 0)) },
		"a page":       func() error { return second(s.Run(ctx, stack, "none")) },
		"ready":        func() error { return s.Ready(ctx) },
	}
}

// While PostgreSQL is away each call says so at once, and it goes on by itself when that is back.
func TestAwayDatabase(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, false)
	s, l, direct := r.far, r.line, r.near
	stack := storetest.Stack(t, s, "a")
	storetest.Webhook(t, s, stack, "https://example.com/", "")
	storetest.Run(t, s, stack)
	job := storetest.Claim(t, s, "me")[0]
	if lead, err := s.Lead(t.Context()); err != nil || !lead {
		t.Fatal(lead, err)
	}
	l.Cut()
	for name, call := range calls(t, s, stack, job) {
		began := time.Now()
		if err := call(); !errors.Is(err, models.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > store.CommitWithin {
			t.Errorf("%s took %v", name, took)
		}
	}
	if d := delivery(t, direct, stack, job.Delivery.ID); d.Status != models.Pending {
		t.Errorf("%+v", d)
	}
	l.Lay()
	for name, call := range calls(t, s, stack, job) {
		if err := call(); err != nil && !errors.Is(err, models.ErrNotFound) {
			t.Errorf("%s, when it was back: %v", name, err)
		}
	}
	if d := delivery(t, direct, stack, job.Delivery.ID); d.Status != models.Delivered {
		t.Errorf("%+v", d)
	}
}

// A database that is reached and does not answer holds nobody for longer than one that answers late.
func TestSilentDatabase(t *testing.T) {
	t.Parallel()
	r := newReplicas(t, false)
	s, l, direct := r.far, r.line, r.near
	stack := storetest.Stack(t, s, "a")
	storetest.Webhook(t, s, stack, "https://example.com/", "")
	storetest.Run(t, s, stack)
	job := storetest.Claim(t, s, "me")[0]
	if lead, err := s.Lead(t.Context()); err != nil || !lead {
		t.Fatal(lead, err)
	}
	l.Worsen(line.Swallow())
	ended := make(chan string)
	all := calls(t, s, stack, job)
	for name, call := range all {
		go func() {
			if err := call(); !errors.Is(err, models.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
			ended <- name
		}()
	}
	over := time.After(3 * store.CommitWithin)
	for len(all) > 0 {
		select {
		case name := <-ended:
			delete(all, name)
		case <-over:
			for name := range all {
				t.Errorf("%s waits for ever", name)
			}
			l.Lay()
			for range all {
				<-ended
			}
			return
		}
	}
	l.Lay()
	if _, err := s.RecordAttempt(t.Context(), "me", bulky(job), store.Outcome{Status: models.Delivered}); err != nil {
		t.Error(err)
	}
	if d := delivery(t, direct, stack, job.Delivery.ID); d.Status != models.Delivered {
		t.Errorf("%+v", d)
	}
}
