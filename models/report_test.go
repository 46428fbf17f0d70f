package models_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"stackhook/models"
)

func ptr[T any](v T) *T { return &v }

func TestStatesAndTypes(t *testing.T) {
	t.Parallel()
	terminal := []models.State{"FINISHED", "FAILED", "DISCARDED", "CANCELED", "STOPPED", "SKIPPED"}
	if len(models.States()) != 20 || len(models.RunTypes()) != 5 {
		t.Fatalf("%d states, %d types", len(models.States()), len(models.RunTypes()))
	}
	for _, s := range models.States() {
		if !s.Known() || s.Terminal() != slices.Contains(terminal, s) {
			t.Errorf("%s: known %t, terminal %t", s, s.Known(), s.Terminal())
		}
	}
	for _, s := range []models.State{"", "queued", "Finished", "NONE"} {
		if s.Known() || s.Terminal() {
			t.Errorf("%q is taken for a state", s)
		}
	}
}

func TestRunReportsAreChecked(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 256)
	for field, r := range map[string]models.RunReport{
		"":                   {},
		"id":                 {ID: ptr("01ef9pfpnffm2mqxtjkhk1b869")},
		"id ":                {ID: ptr("not a ulid")},
		"type":               {Type: ptr(models.RunType("tracked"))},
		"state":              {State: ptr(models.State("RUNNING"))},
		"branch":             {Branch: &long},
		"branch ":            {Branch: ptr("a\nb")},
		"triggeredBy":        {TriggeredBy: ptr("\u202e")},
		"createdAt":          {CreatedAt: ptr(int64(-1))},
		"timestamp":          {Timestamp: ptr(int64(1) << 50)},
		"commit.hash":        {Commit: &models.CommitReport{Hash: ptr("abc")}},
		"commit.hash ":       {Commit: &models.CommitReport{Hash: ptr(strings.Repeat("A", 40))}},
		"commit.message":     {Commit: &models.CommitReport{Message: ptr(strings.Repeat("x", 4097))}},
		"commit.message ":    {Commit: &models.CommitReport{Message: ptr("a\x00b")}},
		"commit.authorName":  {Commit: &models.CommitReport{AuthorName: &long}},
		"commit.authorLogin": {Commit: &models.CommitReport{AuthorLogin: &long}},
		"commit.timestamp":   {Commit: &models.CommitReport{Timestamp: ptr(int64(-5))}},
		"commit.url":         {Commit: &models.CommitReport{URL: ptr("javascript:alert(1)")}},
	} {
		field = strings.TrimSpace(field)
		var invalid models.Invalid
		err := r.Check()
		errors.As(err, &invalid)
		if field == "" && err != nil || field != "" && (len(invalid) != 1 || invalid[0].Field != field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	fine := models.RunReport{
		ID: ptr("01EF9PFPNFFM2MQXTJKHK1B869"), Branch: ptr(strings.Repeat("ü", 255)),
		Commit: &models.CommitReport{Hash: ptr(strings.Repeat("a", 64)), Message: ptr("two\nlines"), URL: ptr("")},
	}
	if err := fine.Check(); err != nil {
		t.Error(err)
	}
}

func TestStateReportsAreChecked(t *testing.T) {
	t.Parallel()
	for field, r := range map[string]models.StateReport{
		"":                {State: models.Planning},
		"state":           {State: "planning"},
		"stateVersion":    {State: models.Planning, StateVersion: ptr(int64(-1))},
		"timestamp":       {State: models.Planning, Timestamp: ptr(int64(-1))},
		"delta.added":     {State: models.Planning, Delta: &models.Delta{Added: -1}},
		"delta.changed":   {State: models.Planning, Delta: &models.Delta{Changed: -1}},
		"delta.deleted":   {State: models.Planning, Delta: &models.Delta{Deleted: -1}},
		"delta.resources": {State: models.Planning, Delta: &models.Delta{Resources: -1}},
	} {
		var invalid models.Invalid
		err := r.Check()
		errors.As(err, &invalid)
		if field == "" && err != nil || field != "" && (len(invalid) != 1 || invalid[0].Field != field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	run := models.Run{State: models.Planning, StateVersion: 3}
	ended := models.Run{State: models.Finished, StateVersion: 4}
	planned := &models.Event{State: models.Planning, StateVersion: 3, At: 100, Delta: &models.Delta{Added: 1}}
	for name, c := range map[string]struct {
		run      models.Run
		report   models.StateReport
		recorded *models.Event
		version  int64
		repeat   bool
		conflict string // the field
	}{
		"the next, unnumbered":      {run: run, report: models.StateReport{State: models.Applying}, version: 4},
		"the next, numbered":        {run: run, report: models.StateReport{State: models.Applying, StateVersion: ptr(int64(4))}, version: 4},
		"the same state again":      {run: run, report: models.StateReport{State: models.Planning}, version: 4},
		"a gap":                     {run: run, report: models.StateReport{State: models.Applying, StateVersion: ptr(int64(6))}, conflict: "stateVersion"},
		"a repeat":                  {run: run, report: models.StateReport{State: models.Planning, StateVersion: ptr(int64(3))}, recorded: planned, version: 3, repeat: true},
		"a repeat with all":         {run: run, report: models.StateReport{State: models.Planning, StateVersion: ptr(int64(3)), Timestamp: ptr(int64(100)), Delta: &models.Delta{Added: 1}}, recorded: planned, version: 3, repeat: true},
		"another state":             {run: run, report: models.StateReport{State: models.Applying, StateVersion: ptr(int64(3))}, recorded: planned, conflict: "state"},
		"another time":              {run: run, report: models.StateReport{State: models.Planning, StateVersion: ptr(int64(3)), Timestamp: ptr(int64(101))}, recorded: planned, conflict: "timestamp"},
		"another delta":             {run: run, report: models.StateReport{State: models.Planning, StateVersion: ptr(int64(3)), Delta: &models.Delta{}}, recorded: planned, conflict: "delta"},
		"after the end":             {run: ended, report: models.StateReport{State: models.Queued}, conflict: "state"},
		"after the end, numbered":   {run: ended, report: models.StateReport{State: models.Queued, StateVersion: ptr(int64(5))}, conflict: "state"},
		"a repeat after the end":    {run: ended, report: models.StateReport{State: models.Planning, StateVersion: ptr(int64(3))}, recorded: planned, version: 3, repeat: true},
		"after the end, with a gap": {run: ended, report: models.StateReport{State: models.Queued, StateVersion: ptr(int64(9))}, conflict: "state"},
	} {
		version, repeat, err := c.report.Judge(c.run, c.recorded)
		var conflict *models.Conflict
		errors.As(err, &conflict)
		switch {
		case c.conflict != "" && (conflict == nil || conflict.Field != c.conflict):
			t.Errorf("%s: got %v, want a conflict at %s", name, err, c.conflict)
		case c.conflict == "" && (err != nil || version != c.version || repeat != c.repeat):
			t.Errorf("%s: got %d, %t, %v", name, version, repeat, err)
		}
	}
}

func TestDefaultsOfARun(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	run := models.RunReport{}.Run(now)
	if run.Type != models.Tracked || run.State != models.Queued || run.StateVersion != 0 || run.CreatedAt != now.Unix() || run.StateAt != now.Unix() || len(run.ID) != 26 {
		t.Errorf("%+v", run)
	}
}

func TestARepeatedRunIsComparedOnWhatItSends(t *testing.T) {
	t.Parallel()
	first := models.RunReport{Branch: ptr("main"), Commit: &models.CommitReport{Hash: ptr(""), Message: ptr("m")}, Timestamp: ptr(int64(5))}
	run := first.Run(time.Unix(9, 0))
	event := models.Event{State: run.State, At: run.StateAt}
	run.State = models.Finished // it has moved on since
	for want, r := range map[string]models.RunReport{
		"":                   {},
		"branch":             {Branch: ptr("other")},
		"type":               {Type: ptr(models.Task)},
		"triggeredBy":        {TriggeredBy: ptr("x")},
		"commit.message":     {Commit: &models.CommitReport{Message: ptr("x")}},
		"commit.hash":        {Commit: &models.CommitReport{Hash: ptr("x")}},
		"commit.url":         {Commit: &models.CommitReport{URL: ptr("x")}},
		"commit.authorName":  {Commit: &models.CommitReport{AuthorName: ptr("x")}},
		"commit.authorLogin": {Commit: &models.CommitReport{AuthorLogin: ptr("x")}},
		"commit.timestamp":   {Commit: &models.CommitReport{Timestamp: ptr(int64(1))}},
		"createdAt":          {CreatedAt: ptr(int64(1))},
		"state":              {State: ptr(models.Planning)},
		"timestamp":          {Timestamp: ptr(int64(6))},
	} {
		if got := r.Repeats(run, event); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := first.Repeats(run, event); got != "" {
		t.Errorf("the report itself differs at %s", got)
	}
}
