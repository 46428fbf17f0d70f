package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/cmd/stackhook/report"
	"stackhook/models"
)

// added runs one step of a pipeline, which reports one state, and returns what that has added.
func added(t *testing.T, a *api, o report.Options) time.Duration {
	t.Helper()
	r := open(t, a, o)
	r.Start(models.RunReport{})
	s, err := r.Close(t.Context())
	if err != nil {
		t.Error(err)
	}
	return s.Added
}

// The time that reporting adds is bounded, whatever the server does, and is no longer than it can be of use.
func TestAddedTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		reply    reply
		patience time.Duration
		first    time.Duration // of the first step
		second   time.Duration // of the next one: it is known then that the server is away
	}{
		{"healthy", reply{}, 0, 0, 0},
		{"hangs", reply{hang: true}, 0, 10 * time.Second, 10 * time.Second},
		{"hangs, in the middle", reply{hang: true}, report.Brief, 3 * time.Second, time.Second},
		{"is away", reply{disconnect: true}, 0, 7 * time.Second, 7 * time.Second}, // tries at once, after 1, 2 and 4 s
		{"is away, in the middle", reply{disconnect: true}, report.Brief, time.Second, 0},
		{"asks for 2 s", reply{status: 503, retry: "2"}, report.Brief, 2 * time.Second, 0},
		{"asks for an hour", reply{status: 503, retry: "3600"}, 0, 0, 0},
		{"asks for a date", reply{status: 429, retry: "Sat, 01 Jan 2000 00:00:09 GMT"}, 0, 9 * time.Second, 7 * time.Second}, // past by then
		{"refuses the token", reply{status: 401}, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, o := newAPI(), report.Options{Spool: t.TempDir(), Patience: c.patience}
				if c.reply != (reply{}) {
					a.change(always(c.reply))
				}
				if got := added(t, a, o); got.Round(time.Second) != c.first {
					t.Errorf("the first step took %v, want %v", got, c.first)
				}
				if got := added(t, a, o); got.Round(time.Second) != c.second {
					t.Errorf("the second step took %v, want %v", got, c.second)
				}
			})
		})
	}
}

// Reporting itself never waits for the server; only the end does.
func TestReportingDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.change(always(reply{hang: true}))
		r := open(t, a, report.Options{Spool: t.TempDir()})
		began := time.Now()
		run := r.Start(models.RunReport{})
		for range 20 {
			run.Report(models.Planning, nil)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Hour)
		if s := r.end(t, report.Counts{Waiting: 21}); s.Added > report.DefaultPatience {
			t.Errorf("added %v", s.Added)
		}
		if calls := a.calls; calls > 150 { // each takes 10 s here, and then 15 s are waited
			t.Errorf("%d calls in an hour", calls)
		}
	})
}

// A long run goes on reporting when the server is back, and says so.
func TestTheServerComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.change(always(reply{disconnect: true}))
		r := open(t, a, report.Options{Spool: t.TempDir()})
		run := r.Start(models.RunReport{})
		run.Report(models.Planning, nil)
		time.Sleep(time.Minute)
		a.change(nil)
		time.Sleep(20 * time.Second)
		if got, want := a.of(run.ID()), "QUEUED 0 PLANNING 1"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		r.end(t, report.Counts{Sent: 2})
		if got, want := r.words.String(), "stackhook: the server does not answer: unexpected EOF; reports are kept\nstackhook: the server takes reports again\n"; got != want {
			t.Errorf("it said %q, want %q", got, want)
		}
	})
}

// A run that is stuck, and a run of a process before, hold up no other.
func TestAStuckRunHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for _, stuck := range []reply{{status: 500}, {status: 404}, {hang: true}} {
		synctest.Test(t, func(t *testing.T) {
			a, spool := newAPI(), t.TempDir()
			a.change(always(reply{status: 503}))
			r := open(t, a, report.Options{Spool: spool})
			one, two, three := r.Start(models.RunReport{}), r.Start(models.RunReport{}), r.Start(models.RunReport{})
			r.end(t, report.Counts{Waiting: 3})
			a.change(func(c call) reply {
				if c.run == one.ID() {
					return stuck
				}
				return reply{}
			})
			next := open(t, a, report.Options{Spool: spool})
			own := next.Start(models.RunReport{})
			next.Resume(two.ID(), -1).Report(models.Planning, nil)
			time.Sleep(time.Second)
			if a.of(own.ID()) != "QUEUED 0" || a.of(two.ID()) != "QUEUED 0 PLANNING 1" {
				t.Errorf("%+v: own %q, resumed %q", stuck, a.of(own.ID()), a.of(two.ID()))
			}
			time.Sleep(time.Minute)
			if !stuck.hang && a.of(three.ID()) != "QUEUED 0" { // one that hangs may be the server
				t.Errorf("%+v: the third: %q", stuck, a.of(three.ID()))
			}
			next.Close(t.Context())
		})
	}
}

func TestReportsAreGivenUpAfterAWeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, spool := newAPI(), t.TempDir()
		a.change(always(reply{status: 503}))
		r := open(t, a, report.Options{Spool: spool, Patience: report.Brief})
		run := r.Start(models.RunReport{})
		r.end(t, report.Counts{Waiting: 1})
		time.Sleep(6 * 24 * time.Hour)
		next := open(t, a, report.Options{Spool: spool, Patience: report.Brief})
		next.Resume(run.ID(), -1).Report(models.Planning, nil)
		next.end(t, report.Counts{Waiting: 2})
		time.Sleep(25 * time.Hour)
		a.change(nil)
		last := open(t, a, report.Options{Spool: spool, Flush: true})
		if s := last.end(t, report.Counts{}); s.Earlier != (report.Counts{Refused: 2}) {
			t.Errorf("%+v", s)
		}
		if said := last.words.String(); !strings.Contains(said, "QUEUED of run "+run.ID()+" is given up: it has waited for 7 days\n") {
			t.Errorf("it said %q", said)
		}
	})
}

// What nobody needs any more goes; what waits stays.
func TestOldFoldersGo(t *testing.T) {
	t.Parallel()
	a, spool := newAPI(), t.TempDir()
	r := open(t, a, report.Options{Spool: spool})
	r.Start(models.RunReport{})
	r.end(t, report.Counts{Sent: 1})
	a.change(always(reply{status: 404}))
	r = open(t, a, report.Options{Spool: spool})
	waits := r.Start(models.RunReport{})
	r.end(t, report.Counts{Waiting: 1})
	long := time.Now().Add(-8 * 24 * time.Hour)
	for _, path := range files(t, spool, "runs/*") {
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	open(t, a, report.Options{Spool: spool}).end(t, report.Counts{})
	if left := files(t, spool, "runs/*"); len(left) != 1 || filepath.Base(left[0]) != waits.ID() {
		t.Errorf("left: %q", left)
	}
}
