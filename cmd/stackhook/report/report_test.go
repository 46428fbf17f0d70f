package report_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"stackhook/cmd/stackhook/report"
	"stackhook/models"
)

func TestReportsAreSentInOrder(t *testing.T) {
	t.Parallel()
	a, spool := newAPI(), t.TempDir()
	r := open(t, a, report.Options{Spool: spool})
	branch := "main"
	run := r.Start(models.RunReport{Branch: &branch})
	run.Report(models.Planning, nil)
	run.Report(models.Finished, &models.Delta{Resources: 1})
	if s := r.end(t, report.Counts{Sent: 3}); s.Added <= 0 || s.Added > report.DefaultPatience {
		t.Errorf("added %v", s.Added)
	}
	if got, want := a.of(run.ID()), "QUEUED 0 PLANNING 1 FINISHED 2"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if e := a.runs[run.ID()].events[2]; e.Delta == nil || e.Delta.Resources != 1 {
		t.Errorf("the delta is %v", e.Delta)
	}
	if words := r.words.String(); words != "" {
		t.Errorf("it said %q", words)
	}
	if left := files(t, spool, "runs/*/*.json"); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// What an answer means: the report waits and is sent by a later process, or it is given up, and those behind it are
// sent all the same. Nobody is kept waiting for longer than the patience.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const kept, given = true, false
	for _, c := range []struct {
		name  string
		reply reply
		kept  bool
		words string
	}{
		{"no answer", reply{disconnect: true}, kept, `the server does not answer: unexpected EOF; reports are kept`},
		{"no answer in time", reply{hang: true}, kept, `the server does not answer: it took too long; reports are kept`},
		{"an answer that was lost", reply{recordedFirst: true, disconnect: true}, kept, `does not answer`},
		{"500", reply{status: 500, body: `{"title":"Internal Server Error"}`}, kept, `the server answered 500: Internal Server Error; reports are kept`},
		{"502, a page", reply{status: 502, body: "<html>" + secret}, kept, `the server answered 502; reports are kept`},
		{"503", reply{status: 503, retry: "2", body: `{"detail":"Repeat."}`}, kept, `answered 503: Repeat.; reports`},
		{"429", reply{status: 429, retry: "3600"}, kept, `answered 429`},
		{"401", reply{status: 401, body: `{"detail":"` + secret + ` is wrong"}`}, kept, `answered 401: \(token\) is wrong \(check the token: STACKHOOK_TOKEN or --token\)`},
		{"403", reply{status: 403}, kept, `answered 403 \(the token needs the scope report\)`},
		{"404", reply{status: 404}, kept, `answered 404 \(check the URL, that the stack and the run exist, and that the token is for this stack\)`},
		{"405", reply{status: 405}, kept, `answered 405`},
		{"a redirect", reply{status: 301, leads: "https://elsewhere.test/"}, kept, `answered 301 \(it leads elsewhere: use the address`},
		{"a page for people", reply{status: 200, body: "<html>welcome"}, kept, `something that is not Stackhook's API answered 200: check the URL`},
		{"another API", reply{status: 200, body: `{"state":"OK","stateVersion":1}`}, kept, `not Stackhook's API answered 200`},
		{"hostile words", reply{status: 400, body: `{"detail":"\u001b[2J\r\nred"}`}, given, `answered 400: \[2J red\n`},
		{"400", reply{status: 400}, given, `PLANNING of run \w+ is given up: the server answered 400`},
		{"409", reply{status: 409, body: `{"detail":"expected is stateVersion 7"}`}, given, `given up: the server answered 409: expected is stateVersion 7`},
		{"413", reply{status: 413}, given, `given up`},
		{"422", reply{status: 422, body: `{"detail":"Wrong","errors":[{"location":"state","message":"must be one of"}]}`}, given, `given up: the server answered 422: Wrong; state must be one of\n`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, spool := newAPI(), t.TempDir()
				r := open(t, a, report.Options{Spool: spool})
				run := r.Start(models.RunReport{})
				synctest.Wait() // until it is sent
				a.change(func(one call) reply {
					if one.state == models.Planning {
						return c.reply
					}
					return reply{}
				})
				run.Report(models.Planning, nil)
				run.Report(models.Finished, nil)
				want, later := report.Counts{Sent: 1, Waiting: 2}, "QUEUED 0 PLANNING 1 FINISHED 2"
				if c.kept == given {
					want, later = report.Counts{Sent: 2, Refused: 1}, "QUEUED 0 FINISHED 1"
				}
				s := r.end(t, want)
				if s.Added > report.DefaultPatience {
					t.Errorf("added %v", s.Added)
				}
				if said := r.words.String(); !regexp.MustCompile(c.words).MatchString(said) || strings.Contains(said, secret) || strings.ContainsRune(said, '\x1b') {
					t.Errorf("it said %q", said)
				}
				a.change(nil)
				next := open(t, a, report.Options{Spool: spool, Flush: true})
				if s := next.end(t, report.Counts{}); s.Earlier != (report.Counts{Sent: want.Waiting}) {
					t.Errorf("the next process: %+v; it said:\n%s", s, next.words)
				}
				if got := a.of(run.ID()); got != later {
					t.Errorf("recorded: %s, want %s", got, later)
				}
				if aside := files(t, spool, "refused/*"); len(aside) != want.Refused {
					t.Errorf("aside: %q", aside)
				}
				if contains(t, spool, secret) {
					t.Error("the token is on the disk")
				}
			})
		})
	}
}

// A process that is killed leaves what it had; the next goes on where it was, and numbers on.
func TestAnotherProcessGoesOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		version int64 // as the next process is told it
	}{{"by the record on this machine", -1}, {"by the version", 1}, {"by a version of long ago", 0}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, spool := newAPI(), t.TempDir()
				a.change(always(reply{disconnect: true}))
				r := open(t, a, report.Options{Spool: spool, Patience: report.Brief})
				run := r.Start(models.RunReport{})
				run.Report(models.Planning, nil)
				r.end(t, report.Counts{Waiting: 2})
				a.change(nil)
				next := open(t, a, report.Options{Spool: spool})
				next.Resume(run.ID(), c.version).Report(models.Finished, nil)
				next.end(t, report.Counts{Sent: 3})
				if got, want := a.of(run.ID()), "QUEUED 0 PLANNING 1 FINISHED 2"; got != want {
					t.Errorf("%s, want %s", got, want)
				}
			})
		})
	}
}

// On another machine there is no record: the version that was handed on counts, or else the server is asked.
func TestAnotherMachineGoesOn(t *testing.T) {
	t.Parallel()
	for _, version := range []int64{-1, 1} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI()
			r := open(t, a, report.Options{Spool: t.TempDir()})
			run := r.Start(models.RunReport{})
			run.Report(models.Planning, nil)
			r.end(t, report.Counts{Sent: 2})

			spool := t.TempDir()
			a.change(always(reply{status: 503})) // while it is away nobody can be asked
			next := open(t, a, report.Options{Spool: spool, Patience: report.Brief})
			other := next.Resume(run.ID(), version)
			other.Report(models.Unconfirmed, nil)
			other.Report(models.Confirmed, nil)
			next.end(t, report.Counts{Waiting: 2})

			lost := 0
			a.change(func(c call) reply { // recorded, and the answer is lost: repeated under the same version
				if c.state == models.Unconfirmed && lost == 0 {
					lost++
					return reply{recordedFirst: true, disconnect: true}
				}
				return reply{}
			})
			last := open(t, a, report.Options{Spool: spool})
			last.Resume(run.ID(), -1).Report(models.Finished, nil)
			last.end(t, report.Counts{Sent: 3})
			if got, want := a.of(run.ID()), "QUEUED 0 PLANNING 1 UNCONFIRMED 2 CONFIRMED 3 FINISHED 4"; got != want {
				t.Errorf("from %d: %s, want %s", version, got, want)
			}
		})
	}
}

func TestARunThatCannotStart(t *testing.T) {
	t.Parallel()
	for _, spool := range []string{t.TempDir(), unusable(t)} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI()
			a.change(always(reply{status: 422, body: `{"detail":"branch must be valid"}`}))
			r := open(t, a, report.Options{Spool: spool})
			run := r.Start(models.RunReport{})
			run.Report(models.Planning, nil)
			run.Report(models.Finished, nil)
			r.end(t, report.Counts{Refused: 3})
			if a.calls != 1 || !strings.Contains(r.words.String(), "QUEUED of run "+run.ID()+" is given up: the server answered 422: branch must be valid\n") {
				t.Errorf("%d calls; it said %q", a.calls, r.words)
			}
			next := open(t, a, report.Options{Spool: spool})
			next.Resume(run.ID(), -1).Report(models.Finished, nil)
			if spool != "" && files(t, spool, "refused/*") != nil {
				next.end(t, report.Counts{Refused: 1})
			} else {
				next.Close(t.Context())
			}
		})
	}
}

// unusable is the name of a folder that cannot be made, by anybody.
func unusable(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(path, "spool")
}

// What the server refused does not count: what follows it, from another process too, takes its place.
func TestAfterARefusedReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, spool := newAPI(), t.TempDir()
		r := open(t, a, report.Options{Spool: spool})
		run := r.Start(models.RunReport{})
		synctest.Wait()
		a.change(always(reply{status: 422}))
		run.Report(models.Planning, nil)
		r.end(t, report.Counts{Sent: 1, Refused: 1})
		a.change(nil)
		next := open(t, a, report.Options{Spool: spool})
		resumed := next.Resume(run.ID(), -1)
		resumed.Report(models.Applying, nil)
		resumed.Report(models.Finished, nil)
		next.end(t, report.Counts{Sent: 2})
		if got, want := a.of(run.ID()), "QUEUED 0 APPLYING 1 FINISHED 2"; got != want || a.calls != 5 { // the server is asked once
			t.Errorf("%s in %d calls, want %s in 5", got, a.calls, want)
		}
	})
}

// Somebody else has reported the run in the meantime: the states of this pipeline follow theirs, and none is lost.
func TestAnotherReporterOfTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		r := open(t, a, report.Options{Spool: t.TempDir()})
		run := r.Start(models.RunReport{})
		synctest.Wait()
		other := open(t, a, report.Options{Spool: t.TempDir()})
		other.Resume(run.ID(), 0).Report(models.Initializing, nil)
		other.end(t, report.Counts{Sent: 1})
		run.Report(models.Planning, nil)
		run.Report(models.Finished, nil)
		r.end(t, report.Counts{Sent: 3})
		if got, want := a.of(run.ID()), "QUEUED 0 INITIALIZING 1 PLANNING 2 FINISHED 3"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// A report of this process that another one gave up counts as such.
func TestGivenUpByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, spool := newAPI(), t.TempDir()
		r := open(t, a, report.Options{Spool: spool})
		run := r.Start(models.RunReport{})
		if r.Resume(run.ID(), -1) != run {
			t.Error("a run has two places")
		}
		synctest.Wait()
		a.change(always(reply{status: 503, retry: "60"}))
		run.Report(models.Planning, nil)
		synctest.Wait()
		a.change(always(reply{status: 422}))
		other := open(t, a, report.Options{Spool: spool, Flush: true})
		if s := other.end(t, report.Counts{}); s.Earlier != (report.Counts{Refused: 1}) {
			t.Errorf("%+v", s)
		}
		r.end(t, report.Counts{Sent: 1, Refused: 1})
	})
}
