package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestStepsOfAPipelineReportARun(t *testing.T) {
	t.Parallel()
	env, receiver := onDatabase(t), newInbox(t, "")
	_, base := serving(t, env)
	p := newSteps(t, base, prepare(t, env, receiver.URL))
	if err := os.WriteFile(filepath.Join(p.dir, "plan.json"), []byte(planJSON), 0o600); err != nil {
		t.Fatal(err)
	}
	id := p.must(`^stackhook: reported QUEUED, stateVersion 0\nstackhook: reporting took \d+m?s\n$`, "start", "--branch", "main", "--commit", strings.Repeat("0a", 20))
	if !regexp.MustCompile(`^[0-9A-Z]{26}$`).MatchString(id) {
		t.Errorf("start printed %q", id)
	}
	p.must(`reported PLANNING, stateVersion 1`, "state", "planning", "--plan", "plan.json")
	p.must(`reported FINISHED, stateVersion 2`, "finish", "--exit-code", "0", "--resources", "5")
	p.must(`run `+id+` has ended with FINISHED already`, "finish", "--exit-code", "1")
	p.must(`APPLYING of run `+id+` is given up: the run ended with FINISHED`, "state", "APPLYING")

	came := receiver.await(t, 3)
	slices.SortFunc(came, func(a, b message) int { return int(a.version - b.version) })
	for i, want := range []string{
		`"state":"QUEUED","stateVersion":0,.*"branch":"main"`,
		`"state":"PLANNING","stateVersion":1,.*"delta":\{"added":1,"changed":0,"deleted":0,"resources":1\}`,
		`"state":"FINISHED","stateVersion":2,.*"delta":\{"added":0,"changed":0,"deleted":0,"resources":5\}`,
	} {
		if !regexp.MustCompile(want).MatchString(came[i].body) || !strings.Contains(came[i].body, id) {
			t.Errorf("payload %d: %s", i, came[i].body)
		}
	}
}

const planJSON = `{"format_version":"1.2","planned_values":{},"resource_changes":[` +
	`{"address":"terraform_data.a","mode":"managed","change":{"actions":["create"]}}]}`

// A step on another machine knows the run by what was handed on.
func TestStepsOnOtherMachines(t *testing.T) {
	t.Parallel()
	env, receiver := onDatabase(t), newInbox(t, "")
	_, base := serving(t, env)
	token := prepare(t, env, receiver.URL)
	file := filepath.Join(t.TempDir(), "run")
	id := newSteps(t, base, token).must(`QUEUED`, "start", "--run-file", file)
	newSteps(t, base, token).must(`reported PLANNING, stateVersion 1`, "state", "PLANNING", "--run-file", file)
	newSteps(t, base, token).must(`reported UNCONFIRMED, stateVersion 2`, "state", "UNCONFIRMED", "--run-file", file)
	newSteps(t, base, token).must(`reported CONFIRMED, stateVersion 3`, "state", "CONFIRMED", "--run", id+":2")
	other := newSteps(t, base, token)
	other.env = append(other.env, "STACKHOOK_RUN="+id) // the server is asked
	other.must(`reported DISCARDED, stateVersion 4`, "state", "DISCARDED")
	newSteps(t, base, token).must(`FAILED of run `+id+` is given up: the run ended with DISCARDED`, "finish", "--exit-code", "1", "--run", id)
}

// The server is killed in the middle of a run, and started again later on the same database: every state arrives, each
// once, first attempts in order, and what is sent again is the same.
func TestAServerThatIsKilledInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	env, receiver := append(onDatabase(t), "STACKHOOK_RETRY_DELAYS=50ms"), newInbox(t, "UNCONFIRMED")
	server, base := serving(t, env)
	front := newFront(t, base)
	p := newSteps(t, front.URL, prepare(t, env, receiver.URL))
	p.must(`reported QUEUED`, "start")
	p.must(`reported PLANNING`, "state", "PLANNING")
	server.end(t, syscall.SIGKILL)
	p.must(`(?s)the server does not answer: .*1 report waits in .*flush`, "state", "UNCONFIRMED")
	p.must(`2 reports wait in .*flush`, "state", "CONFIRMED")
	_, base = serving(t, env)
	front.leadTo(t, base)
	p.must(`reported APPLYING, stateVersion 4`, "state", "APPLYING")
	p.must(`reported FINISHED, stateVersion 5`, "finish", "--exit-code", "0")

	came := receiver.await(t, 7)
	first, bodies := []string{}, map[string]string{}
	for _, m := range came {
		if body, again := bodies[m.id]; !again {
			first = append(first, m.state)
		} else if body != m.body || m.state != "UNCONFIRMED" && m.state != "PLANNING" { // PLANNING was perhaps in flight
			t.Errorf("sent again: %+v, before %s", m, body)
		}
		bodies[m.id] = m.body
	}
	if want := []string{"QUEUED", "PLANNING", "UNCONFIRMED", "CONFIRMED", "APPLYING", "FINISHED"}; !slices.Equal(first, want) {
		t.Errorf("first attempts: %v, want %v", first, want)
	}
}

// A step that is killed leaves its report, which the next one sends.
func TestAStepThatIsKilled(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	_, base := serving(t, env)
	token := prepare(t, env, newInbox(t, "").URL)
	front := newFront(t, base)
	p := newSteps(t, front.URL, token)
	id := p.must(`QUEUED`, "start")
	front.close(true)
	for i, state := range []string{"PLANNING", "UNCONFIRMED"} {
		killed := follow(t, p.command(context.Background(), "state", state))
		awaitFiles(t, filepath.Join(p.spool, "*", "runs", id, "*.json"), i+1)
		if code := killed.end(t, syscall.SIGKILL); code != -1 {
			t.Errorf("exit code %d", code)
		}
	}
	front.close(false)
	p.must(`^stackhook: sent 2, waiting 0, given up 0; that took`, "flush", "--strict")
	p.must(`reported CONFIRMED, stateVersion 3`, "state", "CONFIRMED")
}

// Steps that run at once report one run from one spool: each state is recorded, once.
func TestStepsAtOnce(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	_, base := serving(t, env)
	p := newSteps(t, base, prepare(t, env, newInbox(t, "").URL))
	id := p.must(`QUEUED`, "start")
	const steps = 5
	var all sync.WaitGroup
	for range steps {
		all.Go(func() { p.must(`reported PLANNING, stateVersion \d`, "state", "PLANNING") })
	}
	all.Wait()
	p.must(`reported FINISHED, stateVersion 6`, "finish", "--exit-code", "0", "--run", id)
}

// A server that is away makes no step fail, but with --strict.
func TestStepsWithoutAServer(t *testing.T) {
	t.Parallel()
	p := newSteps(t, nobody(t), "shk_a-token-that-nobody-may-see")
	id := p.must(`connection refused; reports are kept\n(?s).*1 report waits`, "start")
	if len(id) != 26 {
		t.Errorf("start printed %q", id)
	}
	if r := p.step("state", "PLANNING", "--strict"); r.code != 1 || !strings.Contains(r.err, "\nstackhook: 2 reports were not delivered, and --strict is set\n") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	p.must(`sent 0, waiting 2, given up 0`, "flush", "--wait", "100ms")
}

func TestWrongStepsSayWhy(t *testing.T) {
	t.Parallel()
	p := newSteps(t, "http://127.0.0.1:1", "shk_a-token-that-nobody-may-see")
	for _, c := range []struct {
		args, without, with string // a variable that is left out, or set
		err                 string
	}{
		{args: "start", without: "STACKHOOK_URL", err: `no server: set STACKHOOK_URL or --url`},
		{args: "start --strict", without: "STACKHOOK_TOKEN", err: `no token: set STACKHOOK_TOKEN or --token`},
		{args: "start", without: "STACKHOOK_STACK", err: `no stack: set STACKHOOK_STACK or --stack`},
		{args: "start", with: "STACKHOOK_URL=hooks.example.com", err: `must be an address such as https://`},
		{args: "start", with: "STACKHOOK_URL=https://ada:shk_a-token-that-nobody-may-see@example.com", err: `no password`},
		{args: "start --commit main", err: `commit\.hash: must be empty, or 40 or 64`},
		{args: "start --run 7", err: `id: must be a ULID`},
		{args: "start --type PLAN", err: `--type must be one of`},
		{args: "start --state WAITING", err: `must be one of \[QUEUED`},
		{args: "state", err: `expected "<state>"`},
		{args: "state WAITING", err: `<state>: must be one of \[QUEUED`},
		{args: "state PLANNING", err: `no run was started in this folder: say which it is with --run or STACKHOOK_RUN`},
		{args: "state PLANNING --run 7", err: `a run's id is a ULID`},
		{args: "state PLANNING --run 01EF9PFPNFFM2MQXTJKHK1B869:x", err: `version of its last state`},
		{args: "state PLANNING --run-file missing", err: `missing: no such file`},
		{args: "state PLANNING --run 01EF9PFPNFFM2MQXTJKHK1B869 --added=-1", err: `--added, --changed, --deleted and --resources must be 0 or more`},
		{args: "finish --run 01EF9PFPNFFM2MQXTJKHK1B869", err: `missing flags: --exit-code=N`},
		{args: "finish --exit-code 0", err: `no run was started in this folder`},
		{args: "flush --wait soon", err: `--wait`},
	} {
		q := p
		q.env = slices.DeleteFunc(slices.Clone(p.env), func(v string) bool { return c.without != "" && strings.HasPrefix(v, c.without+"=") })
		if c.with != "" {
			q.env = append(q.env, c.with)
		}
		r := q.step(strings.Fields(c.args)...)
		if r.code != 2 || r.out != "" || !regexp.MustCompile(`^stackhook: .*`+c.err+`.*\n$`).MatchString(r.err) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", c.args, r.code, r.out, r.err)
		}
	}
}

// A disk that is full makes no step fail: it says so, and reports all the same.
func TestStepsOnAFullDisk(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	_, base := serving(t, env)
	p := newSteps(t, base, prepare(t, env, newInbox(t, "").URL))
	id := p.must(`QUEUED`, "start")
	cmd := p.command(t.Context(), "state", "PLANNING")
	full := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `ulimit -f 0; exec "$0" "$@"`}, cmd.Args...)...)
	full.Dir, full.Env = cmd.Dir, cmd.Env
	said, err := full.CombinedOutput()
	if want := `(?s)^stackhook: reports are kept in memory only: [^\n]*: file too large\n.*stackhook: reported PLANNING, stateVersion 1\n`; err != nil || !regexp.MustCompile(want).Match(said) {
		t.Errorf("%v: %s", err, said)
	}
	p.must(`reported FINISHED, stateVersion 2`, "finish", "--exit-code", "0", "--run", id) // the machine knows only of the first
}
