package report_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"stackhook/cmd/stackhook/report"
	"stackhook/models"
)

func TestTheSpoolIsNobodyElses(t *testing.T) {
	t.Parallel()
	a, spool := newAPI(), t.TempDir()
	a.change(always(reply{status: 401, body: secret}))
	r := open(t, a, report.Options{Spool: spool})
	r.Start(models.RunReport{}).Report(models.Planning, nil)
	r.end(t, report.Counts{Waiting: 2})
	err := filepath.WalkDir(spool, func(path string, entry os.DirEntry, err error) error {
		if err != nil || path == spool {
			return err
		}
		about, err := entry.Info()
		if err == nil && about.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, about.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if contains(t, spool, secret) || !a.tokens["Bearer "+secret] {
		t.Error("the token is in the spool, or was not sent")
	}
}

// A folder that cannot be used, from the start or in the middle, costs one line.
func TestAFolderThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	a := newAPI()
	r := open(t, a, report.Options{Spool: unusable(t)})
	run := r.Start(models.RunReport{})
	run.Report(models.Planning, nil)
	r.end(t, report.Counts{Sent: 2})
	if state, version := run.Last(); state != models.Planning || version != 1 {
		t.Errorf("the last is %s, %d", state, version)
	}
	if said := r.words.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "stackhook: reports are kept in memory only: ") {
		t.Errorf("it said %q", said)
	}

	spool := t.TempDir()
	r = open(t, a, report.Options{Spool: spool})
	run = r.Start(models.RunReport{})
	for _, runs := range files(t, spool, "runs") { // as somebody who tidies up would, or a disk that fails
		if err := os.Rename(runs, runs+".gone"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(runs, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run.Report(models.Planning, nil)
	run.Report(models.Finished, nil)
	r.end(t, report.Counts{Sent: 3})
	if got, want := a.of(run.ID()), "QUEUED 0 PLANNING 1 FINISHED 2"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if said := r.words.String(); strings.Count(said, "\n") != 1 {
		t.Errorf("it said %q", said)
	}
}

func TestWithoutAFolderNothingIsPromised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.change(always(reply{status: 503}))
		r := open(t, a, report.Options{Spool: unusable(t)})
		r.Start(models.RunReport{})
		r.end(t, report.Counts{Waiting: 1})
		if said := r.words.String(); !strings.Contains(said, "1 report is lost") {
			t.Errorf("it said %q", said)
		}
	})
}

// A file that was damaged, and one that a crash left half written, hold up nothing.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, spool := newAPI(), t.TempDir()
		a.change(always(reply{status: 503}))
		r := open(t, a, report.Options{Spool: spool, Patience: report.Brief})
		run := r.Start(models.RunReport{})
		run.Report(models.Planning, nil)
		run.Report(models.Finished, nil)
		r.end(t, report.Counts{Waiting: 3})
		waits := files(t, spool, "runs/*/*.json")
		for path, text := range map[string]string{waits[1]: "{\"state\":", filepath.Join(filepath.Dir(waits[1]), ".new-1234"): "{"} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a.change(nil)
		next := open(t, a, report.Options{Spool: spool, Flush: true})
		if s := next.end(t, report.Counts{}); s.Earlier != (report.Counts{Sent: 2, Refused: 1}) {
			t.Errorf("%+v; it said %s", s, next.words)
		}
		if got, want := a.of(run.ID()), "QUEUED 0 FINISHED 1"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// Many at once report one run, and many runs, through one folder: each state is recorded once, in its place. Reporters
// share nothing but the folder, so they are to it as processes are.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	a, spool := newAPI(), t.TempDir()
	server := httptest.NewServer(a)
	defer server.Close()
	o := report.Options{URL: server.URL, Token: secret, Stack: "demo", Spool: spool}
	first, err := report.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	shared := first.Start(models.RunReport{}).ID()
	var all sync.WaitGroup
	own := make([]string, 12)
	for i := range own {
		all.Go(func() {
			r, err := report.Open(o)
			if err != nil {
				t.Error(err)
				return
			}
			run := r.Start(models.RunReport{})
			own[i] = run.ID()
			r.Resume(shared, -1).Report(models.Planning, nil)
			run.Report(models.Finished, nil)
			if _, err := r.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if s, err := first.Close(t.Context()); err != nil || s.Waiting+s.Refused > 0 {
		t.Errorf("%+v, %v", s, err)
	}
	last, err := report.Open(report.Options{URL: o.URL, Token: o.Token, Stack: o.Stack, Spool: spool, Flush: true})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := last.Close(t.Context()); err != nil || s.Earlier.Waiting+s.Earlier.Refused > 0 {
		t.Errorf("%+v, %v", s, err)
	}
	want := "QUEUED 0"
	for version := range own {
		want += fmt.Sprint(" PLANNING ", version+1)
	}
	if got := a.of(shared); got != want {
		t.Errorf("shared: %s, want %s", got, want)
	}
	if a.calls != len(a.took) {
		t.Errorf("%d calls for %d reports: some were sent twice", a.calls, len(a.took))
	}
	for _, run := range own {
		if got := a.of(run); got != "QUEUED 0 FINISHED 1" {
			t.Errorf("%s: %q", run, got)
		}
	}
}

func TestStrict(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{0: "", 404: "2 reports were not delivered, and --strict is set", 422: "2 reports were not delivered, and --strict is set"} {
		a := newAPI()
		if status != 0 {
			a.change(always(reply{status: status}))
		}
		r := open(t, a, report.Options{Spool: t.TempDir(), Strict: true})
		r.Start(models.RunReport{}).Report(models.Planning, nil)
		_, err := r.Close(t.Context())
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%d: %v, want %q", status, err, want)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	right := report.Options{URL: "https://hooks.example.com/sub", Token: secret, Stack: "demo"}
	if err := right.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*report.Options){
		"no URL":         func(o *report.Options) { o.URL = "" },
		"no host":        func(o *report.Options) { o.URL = "hooks.example.com" },
		"another scheme": func(o *report.Options) { o.URL = "ftp://hooks.example.com" },
		"not a URL":      func(o *report.Options) { o.URL = "http://%zz" },
		"a password":     func(o *report.Options) { o.URL = "https://u:" + secret + "@hooks.example.com" },
		"a query":        func(o *report.Options) { o.URL = "https://hooks.example.com/?token=" + secret },
		"no token":       func(o *report.Options) { o.Token, o.Strict = "", true },
		"a broken token": func(o *report.Options) { o.Token = secret + "\n" },
		"no stack":       func(o *report.Options) { o.Stack = "" },
	} {
		o := right
		change(&o)
		if err := o.Check(); err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := report.Open(o); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// A CI keeps its secrets from strangers: without a token nothing is reported, kept or waited for, and nothing fails.
func TestWithoutATokenNothingIsReported(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("something was reported") }))
	defer server.Close()
	spool := t.TempDir()
	var words strings.Builder
	r, err := report.Open(report.Options{URL: server.URL, Stack: "demo", Spool: spool, Words: &words})
	if err != nil {
		t.Fatal(err)
	}
	run := r.Start(models.RunReport{})
	run.Report(models.Planning, nil)
	if _, _, err := report.ParseRun(run.ID()); err != nil {
		t.Error(err)
	}
	r.Resume(run.ID(), 0).Report(models.Finished, nil)
	summary, err := r.Close(t.Context())
	if err != nil || summary.Counts != (report.Counts{}) || summary.Earlier != (report.Counts{}) {
		t.Errorf("%+v, %v", summary, err)
	}
	if words.String() != "stackhook: there is no token, so nothing is reported: STACKHOOK_TOKEN or --token\n" {
		t.Errorf("it says %q", words.String())
	}
	if kept, err := os.ReadDir(spool); err != nil || len(kept) > 0 {
		t.Errorf("%v, %v", kept, err)
	}
}

func TestParseRun(t *testing.T) {
	t.Parallel()
	const id = "01EF9PFPNFFM2MQXTJKHK1B869"
	for text, want := range map[string]int64{id: -1, id + ":0": 0, id + ":12\n": 12, strings.ToLower(id) + ":3": 3, id + ":": -2, id + ":-1": -2, id + ":x": -2, "": -2, "x": -2, id + "0": -2} {
		got, version, err := report.ParseRun(text)
		if err != nil {
			version, got = -2, id
		}
		if version != want || got != id {
			t.Errorf("%q: %s %d, %v; want %d", text, got, version, err, want)
		}
	}
}

// A crash after a report was noted as sent, and before its file was removed, sends nothing again.
func TestACrashAfterSending(t *testing.T) {
	t.Parallel()
	a, spool := newAPI(), t.TempDir()
	r := open(t, a, report.Options{Spool: spool})
	run := r.Start(models.RunReport{})
	r.end(t, report.Counts{Sent: 1})
	ended := files(t, spool, "runs/*/00000000.done")
	if len(ended) != 1 {
		t.Fatalf("noted: %q", files(t, spool, "runs/*/*"))
	}
	text, err := os.ReadFile(ended[0])
	if err == nil {
		err = os.WriteFile(strings.TrimSuffix(ended[0], ".done")+".json", text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	next := open(t, a, report.Options{Spool: spool})
	next.Resume(run.ID(), -1).Report(models.Planning, nil)
	next.end(t, report.Counts{Sent: 1})
	if got, want := a.of(run.ID()), "QUEUED 0 PLANNING 1"; got != want || a.calls != 2 {
		t.Errorf("%s in %d calls, want %s in 2", got, a.calls, want)
	}
	if left := files(t, spool, "runs/*/*.json"); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}
