package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store"
)

// terraform answers as Terraform does, with the exit code that the environment names for a command.
const terraform = `#!/bin/sh
case $1 in
init) exit "${INIT:-0}" ;;
plan)
	for word; do case $word in -out=*) echo planned >"${word#-out=}" ;; esac; done
	exit "${PLAN:-2}"
	;;
show) [ "$(cat "$3")" = planned ] && cat "$(dirname "$0")/plan.json" ;;
apply) [ "$(cat "$3")" = planned ] && exit "${APPLY:-0}" ;;
esac
`

// A plan that creates one resource, replaces one, updates one, destroys one and leaves one alone, in two modules.
const planned = `{
  "planned_values": {"root_module": {
    "resources": [{"mode": "managed"}, {"mode": "managed"}, {"mode": "data"}],
    "child_modules": [{"resources": [{"mode": "managed"}], "child_modules": [{"resources": [{"mode": "managed"}]}]}]
  }},
  "resource_changes": [
    {"mode": "managed", "change": {"actions": ["create"]}},
    {"mode": "managed", "change": {"actions": ["delete", "create"]}},
    {"mode": "managed", "change": {"actions": ["update"]}},
    {"mode": "managed", "change": {"actions": ["delete"]}},
    {"mode": "managed", "change": {"actions": ["no-op"]}},
    {"mode": "data", "change": {"actions": ["read"]}}
  ]
}`

var plannedDelta = models.Delta{Added: 2, Changed: 1, Deleted: 2, Resources: 4}

// checkout is a repository in which a pipeline runs.
type checkout struct {
	dir string
	env []string
}

// The script on the page about pipelines reports each way in which Terraform can go.
func TestTheScriptOnTheHelpPageReports(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	c := newCheckout(t, env)
	tests := []struct {
		name   string
		set    []string
		steps  []string // "!" before those that must fail
		states string
		delta  bool
	}{
		{"applied", nil, []string{"start", "init", "plan", "apply", "end CANCELED"}, "QUEUED INITIALIZING PLANNING UNCONFIRMED CONFIRMED APPLYING FINISHED", true},
		{"nothing to do", []string{"PLAN=0"}, []string{"start", "init", "plan", "apply", "end CANCELED"}, "QUEUED INITIALIZING PLANNING FINISHED", true},
		{"turned down", nil, []string{"start", "init", "plan", "end DISCARDED", "end CANCELED"}, "QUEUED INITIALIZING PLANNING UNCONFIRMED DISCARDED", true},
		{"cannot start", []string{"INIT=1"}, []string{"start", "!init", "plan", "apply", "end CANCELED"}, "QUEUED INITIALIZING FAILED", false},
		{"cannot plan", []string{"PLAN=1"}, []string{"start", "init", "!plan", "apply", "end CANCELED"}, "QUEUED INITIALIZING PLANNING FAILED", false},
		{"cannot apply", []string{"APPLY=1"}, []string{"start", "init", "plan", "!apply", "end CANCELED"}, "QUEUED INITIALIZING PLANNING UNCONFIRMED CONFIRMED APPLYING FAILED", true},
		{"stopped", nil, []string{"start", "init", "end CANCELED", "end CANCELED"}, "QUEUED INITIALIZING CANCELED", false},
		{"misspelt", nil, []string{"start", "!aply", "!end", "!end HALFWAY", "end STOPPED"}, "QUEUED STOPPED", false},
	}
	for _, test := range tests {
		for _, step := range test.steps {
			word, fails := strings.CutPrefix(step, "!")
			if out, err := c.script(t, test.set, word); (err != nil) != fails {
				t.Fatalf("%s, %s: %v\n%s", test.name, step, err, out)
			}
		}
		run, states := latest(t, env)
		if got := strings.Join(states, " "); got != test.states {
			t.Errorf("%s: %s, want %s", test.name, got, test.states)
		}
		if (run.Delta != nil) != test.delta || run.Delta != nil && *run.Delta != plannedDelta {
			t.Errorf("%s: delta %+v", test.name, run.Delta)
		}
		if run.Branch != "main" || run.TriggeredBy != "ada's job" || run.Commit.Message != `Say "hello" – ünd more` || run.Commit.AuthorName != "Ada Lovelace" || len(run.Commit.Hash) != 40 || run.Commit.Timestamp != 1759760880 {
			t.Errorf("%s: %+v", test.name, run)
		}
	}
}

// The two calls on the page about pipelines are taken, and taken again without doing anything twice.
func TestCallsOnTheHelpPage(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	c := newCheckout(t, env)
	for _, file := range []string{"start.sh", "state.sh", "start.sh", "state.sh"} {
		if out, err := c.shell(t, nil, file); err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
	}
	run, states := latest(t, env)
	if !slices.Equal(states, []string{"QUEUED", "UNCONFIRMED"}) || run.Delta == nil || *run.Delta != (models.Delta{Added: 3, Changed: 1, Resources: 42}) {
		t.Errorf("%v, %+v", states, run.Delta)
	}
}

// newCheckout makes a repository with a commit, beside a server with the stack "site".
func newCheckout(t *testing.T, env []string) checkout {
	t.Helper()
	for _, program := range []string{"git", "jq", "curl"} {
		needs.Program(t, program, "commands with curl", "git jq curl")
	}
	_, base := serving(t, env)
	succeed(t, env, "stack", "add", "--name", "site")
	token := succeed(t, env, "token", "create", "--name", "ci", "--scope", "report", "--stack", "site")
	tools := t.TempDir()
	for name, text := range map[string]string{"terraform": terraform, "plan.json": planned} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := checkout{dir: t.TempDir(), env: append(os.Environ(),
		"PATH="+tools+":"+os.Getenv("PATH"), "STACKHOOK_URL="+base, "STACKHOOK_STACK=site", "STACKHOOK_TOKEN="+token, "TRIGGERED_BY=ada's job",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=Ada Lovelace", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada Lovelace", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=1759760880 +0200",
	)}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"commit", "-q", "--allow-empty", "-m", `Say "hello" – ünd more`}} {
		if out, err := c.run(t, nil, "git", args...); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return c
}

// script runs a step of the script.
func (c checkout) script(t *testing.T, set []string, step string) (string, error) {
	t.Helper()
	return c.shell(t, set, "report.sh", strings.Fields(step)...)
}

// shell runs a snippet, with more variables set.
func (c checkout) shell(t *testing.T, set []string, file string, args ...string) (string, error) {
	t.Helper()
	return c.run(t, set, "sh", append([]string{snippet(t, file)}, args...)...)
}

func (c checkout) run(t *testing.T, set []string, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = c.dir, append(slices.Clone(c.env), set...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// latest returns the newest run of the stack "site" and its states.
func latest(t *testing.T, env []string) (run models.Run, states []string) {
	t.Helper()
	inDatabase(t, env, func(s *store.Store) {
		stack, err := s.Stack(t.Context(), everything, "site")
		if err != nil {
			t.Fatal(err)
		}
		runs, err := s.Runs(t.Context(), stack, store.Page{})
		if err != nil || len(runs.Rows) == 0 {
			t.Fatalf("%d runs, %v", len(runs.Rows), err)
		}
		run = runs.Rows[0]
		events, err := s.Events(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			states = append(states, string(e.State))
		}
	})
	return run, states
}
