package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs"
)

// Configurations of resources that no provider is downloaded for. Where they wait for a pipe, so does Terraform: while it
// plans, with the state locked, or while it applies.
const (
	oneResource  = "resource \"terraform_data\" \"a\" { input = \"one\" }\n"
	twoResources = oneResource + "resource \"terraform_data\" \"b\" { triggers_replace = \"old\" }\n"
	replaces     = oneResource + "resource \"terraform_data\" \"b\" { triggers_replace = \"new\" }\n"
	refuses      = "locals { n = 1 }\nresource \"terraform_data\" \"a\" {\n lifecycle {\n  precondition {\n   condition = local.n > 2\n   error_message = \"too little\"\n  }\n }\n}\n"
	waitsInPlan  = "resource \"terraform_data\" \"a\" { input = file(\"${path.module}/pipe\") }\n"
	waitsInApply = oneResource + applying + "trap '' INT; exec cat pipe\" }\n}\n" + afterwards // Terraform alone notices Ctrl-C
	breaks       = oneResource + applying + "exit 3\" }\n}\n" + afterwards
	applying     = "resource \"terraform_data\" \"b\" {\n depends_on = [terraform_data.a]\n provisioner \"local-exec\" { command = \""
	afterwards   = "resource \"terraform_data\" \"c\" { depends_on = [terraform_data.b] }\n"
)

// project is a repository with a configuration, a server that its runs are reported to, and a receiver of what that sends.
type project struct {
	dir    string // of the configuration
	tmp    string // for temporary files
	env    []string
	got    *received
	server *process
	on     []string // the server's settings
	base   string   // its address
}

// newProject makes one whose webhook is to the stack "site".
func newProject(t testing.TB) *project {
	t.Helper()
	needs.Terraform(t, "Terraform runs")
	needs.Program(t, "git", "Terraform runs", "git")
	p := &project{dir: t.TempDir(), tmp: t.TempDir(), got: newReceived(t)}
	p.on = onDatabase(t)
	p.server, p.base = serving(t, p.on)
	token := prepare(t, p.on, p.got.URL)
	p.env = []string{
		"STACKHOOK_URL=" + p.base, "STACKHOOK_TOKEN=" + token, "STACKHOOK_STACK=site",
		"HOME=" + t.TempDir(), "TMPDIR=" + p.tmp, "USER=ada", "TF_CLI_ARGS=-no-color", "TF_CLI_CONFIG_FILE=" + os.DevNull, "CHECKPOINT_DISABLE=1",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=Ada Lovelace", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada Lovelace", "GIT_COMMITTER_EMAIL=ada@example.com",
	}
	if err := syscall.Mkfifo(filepath.Join(p.dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"init -q -b main", "commit -q --allow-empty -m demo", "remote add origin https://github.com/example/infra.git"} {
		git := exec.CommandContext(t.Context(), "git", strings.Fields(args)...)
		git.Dir, git.Env = p.dir, append(os.Environ(), p.env...)
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
	return p
}

// write writes the configuration.
func (p *project) write(t testing.TB, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "main.tf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// exec runs “stackhook exec” to its end.
func (p *project) exec(t *testing.T, args string) result {
	t.Helper()
	return command(t, p.env, "", append([]string{"exec", "--dir", p.dir}, strings.Fields(args)...)...)
}

// received are the payloads that a receiver got.
type received struct {
	*httptest.Server
	mu       sync.Mutex
	payloads []delivered
	more     chan struct{} // closed and replaced with each
}

type delivered struct {
	body []byte
	models.Payload
}

func newReceived(t testing.TB) *received {
	r := &received{more: make(chan struct{})}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *received) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	var d delivered
	d.body, _ = io.ReadAll(req.Body)
	_ = json.Unmarshal(d.body, &d.Payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.payloads = append(r.payloads, d)
	close(r.more)
	r.more = make(chan struct{})
}

// run waits until a run has ended for the receiver too, all states of it have come, and returns them in order. Then it is
// forgotten.
func (r *received) run(t *testing.T) []delivered {
	t.Helper()
	over := time.After(patience)
	for {
		r.mu.Lock()
		more := r.more
		got := slices.Clone(r.payloads)
		slices.SortFunc(got, func(a, b delivered) int { return int(a.StateVersion - b.StateVersion) })
		if n := len(got); n > 0 && got[n-1].State.Terminal() && int(got[n-1].StateVersion) == n-1 {
			r.payloads = nil
			r.mu.Unlock()
			return got
		}
		r.mu.Unlock()
		select {
		case <-more:
		case <-over:
			t.Fatalf("the receiver waits in vain for the end of the run; it has %s", told(got))
		}
	}
}

// told writes states in the order of their versions, with the delta where it changes.
func told(payloads []delivered) string {
	var words []string
	last := "none"
	for i, p := range payloads {
		word := string(p.State)
		if int(p.StateVersion) != i {
			word += fmt.Sprintf("?%d", p.StateVersion)
		}
		if d := p.Run.Delta; d != nil {
			if now := fmt.Sprintf("(%d %d %d: %d)", d.Added, d.Changed, d.Deleted, d.Resources); now != last {
				word, last = word+now, now
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// Each way in which Terraform can go, from the command line to what a receiver gets.
func TestExecReportsToReceivers(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	for _, c := range []struct {
		name, config, args string
		code               int
		states             string
	}{
		{"changes", twoResources, "--auto-approve -- terraform", 0, "QUEUED PREPARING INITIALIZING PLANNING CONFIRMED(2 0 0: 2) APPLYING FINISHED"},
		{"no changes", twoResources, "terraform -parallelism=3", 0, "QUEUED PREPARING INITIALIZING PLANNING FINISHED(0 0 0: 2)"},
		{"proposed", replaces, "--plan-only -- terraform", 0, "QUEUED PREPARING INITIALIZING PLANNING FINISHED(1 0 1: 2)"},
		{"nobody to ask", replaces, "-- terraform", 3, "QUEUED PREPARING INITIALIZING PLANNING UNCONFIRMED(1 0 1: 2) DISCARDED"},
		{"replacement", replaces, "--auto-approve -- terraform", 0, "QUEUED PREPARING INITIALIZING PLANNING CONFIRMED(1 0 1: 2) APPLYING FINISHED"},
		{"bad plan", refuses, "--auto-approve -- terraform", 1, "QUEUED PREPARING INITIALIZING PLANNING FAILED"},
		{"bad configuration", "resource {", "--auto-approve -- terraform", 1, "QUEUED PREPARING INITIALIZING FAILED"},
		{"bad apply", breaks, "--auto-approve -- terraform", 1, "QUEUED PREPARING INITIALIZING PLANNING CONFIRMED(2 0 1: 3) APPLYING FAILED(2 0 1: 2)"},
		{"task", breaks, "--type TASK -- terraform state rm terraform_data.a", 0, "QUEUED PREPARING PERFORMING FINISHED"},
		{"destroy", oneResource, "--type DESTROY --auto-approve -- terraform", 0, "QUEUED PREPARING INITIALIZING PLANNING CONFIRMED(0 0 1: 0) DESTROYING FINISHED"},
	} {
		p.write(t, c.config)
		r := p.exec(t, c.args)
		if r.code != c.code || strings.Contains(r.out, "stackhook") || !strings.Contains(r.err, "; that added ") {
			t.Errorf("%s: exit code %d, want %d\n%s\n%s", c.name, r.code, c.code, r.out, r.err)
		}
		if got := told(p.got.run(t)); got != c.states {
			t.Errorf("%s: %s; want %s", c.name, got, c.states)
		}
	}
	left, err := os.ReadDir(p.tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

// The server dies while Terraform applies, and comes back when the run is over: then every state arrives, once.
func TestExecWithoutServer(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(t, waitsInApply)
	running := follow(t, p.program("--auto-approve -- terraform"))
	pipe := p.waits(t, running)
	p.server.end(t, syscall.SIGKILL)
	release(t, pipe)
	running.await(t, "FINISHED: 3 added.*\\n")
	if code := running.end(t, syscall.SIGTERM); code != 0 { // it would wait for the server a while
		t.Errorf("exit code %d", code)
	}
	if text, _ := running.printed(); !strings.Contains(text, " kept for later; that added ") {
		t.Errorf("%s", text)
	}

	serving(t, append(p.on[:len(p.on):len(p.on)], "STACKHOOK_ADDR="+strings.TrimPrefix(p.base, "http://")))
	succeed(t, p.env, "report", "flush", "--strict")
	if got := told(p.got.run(t)); got != "QUEUED PREPARING INITIALIZING PLANNING CONFIRMED(3 0 0: 3) APPLYING FINISHED" {
		t.Error(got)
	}
}

// A task is any command, and has its own exit code; with --strict, what could not be reported is a failure of one that has
// none.
func TestExecStrict(t *testing.T) {
	t.Parallel()
	env := []string{"STACKHOOK_URL=http://127.0.0.1:9", "STACKHOOK_TOKEN=secret", "STACKHOOK_STACK=site", "STACKHOOK_SPOOL=" + t.TempDir()}
	for _, c := range []struct {
		script, state string
		code          int
	}{{"exit 0", "FINISHED", 1}, {"exit 7", "FAILED", 7}} {
		running := start(t, env, "exec", "--strict", "--type", "TASK", "--", "sh", "-c", c.script)
		running.await(t, c.state+"\n")
		if code := running.end(t, syscall.SIGTERM); code != c.code {
			t.Errorf("%s: exit code %d, want %d", c.script, code, c.code)
		}
		running.await(t, "stackhook: .* not delivered, and --strict is set\n")
	}
}

// A pull request of a fork has no token: what is run goes on, unreported, and so do separate steps.
func TestWithoutAToken(t *testing.T) {
	t.Parallel()
	env := []string{"STACKHOOK_URL=http://127.0.0.1:9", "STACKHOOK_TOKEN=", "STACKHOOK_STACK=site", "STACKHOOK_SPOOL=" + t.TempDir()}
	const says = "stackhook: there is no token, so nothing is reported: STACKHOOK_TOKEN or --token\n"
	for _, code := range []int{0, 7} {
		r := command(t, env, "", "exec", "--type", "TASK", "--", "sh", "-c", fmt.Sprint("echo ran; exit ", code))
		if r.code != code || r.out != "ran\n" || !strings.HasPrefix(r.err, says) || strings.Contains(r.err, "reported;") || strings.Contains(r.err, "127.0.0.1") {
			t.Errorf("exit code %d, %q, %q", r.code, r.out, r.err)
		}
	}
	id := succeed(t, env, "report", "start")
	for _, step := range [][]string{{"state", "PLANNING", "--run", id}, {"finish", "--exit-code", "1", "--run", id}, {"flush"}} {
		if r := command(t, env, "", append([]string{"report"}, step...)...); r.code != 0 || r.err != says {
			t.Errorf("%v: exit code %d, %q", step, r.code, r.err)
		}
	}
	if r := command(t, env, "", "exec", "--strict", "--type", "TASK", "--", "true"); r.code != 2 || !strings.Contains(r.err, "no token") {
		t.Errorf("with --strict: exit code %d, %q", r.code, r.err)
	}
}

// What is wrong with a command line is said before there is a run.
func TestExecRefuses(t *testing.T) {
	t.Parallel()
	env := []string{"STACKHOOK_URL=http://127.0.0.1:9", "STACKHOOK_TOKEN=secret", "STACKHOOK_STACK=site", "STACKHOOK_SPOOL=" + t.TempDir()}
	for _, c := range []struct {
		args string
		code int
		err  string
	}{
		{"", 2, "expected"},
		{"--", 2, "“terraform” or “tofu”"},
		{"-- terraform apply", 2, `leave out "apply"`},
		{"terraform -out=x", 2, "exec keeps the plan in a file of its own"},
		{"--type DESTROY -- terraform -auto-approve", 2, "before the “--”"},
		{"--type TASK -- terraform", 2, "state list"},
		{"--type TASK --auto-approve -- terraform state list", 2, "a TASK has no plan"},
		{"--type PROPOSED --auto-approve -- terraform", 2, "what only plans"},
		{"--type TESTING -- terraform", 2, "not TESTING"},
		{"--type tracked -- terraform", 2, "must be one of"},
		{"--plan-only --auto-approve -- terraform", 2, "what only plans"},
		{"--commit main -- terraform", 2, "hash"},
		{"--stack= -- terraform", 2, "stack"},
		{"-- no-such-tool", 1, "no-such-tool"},
		{"--dir no-such-folder -- sh", 1, "no folder no-such-folder"},
	} {
		r := command(t, env, "", append([]string{"exec"}, strings.Fields(c.args)...)...)
		if r.code != c.code || r.out != "" || !strings.Contains(r.err, c.err) || strings.Count(r.err, "\n") != 1 || strings.Contains(r.err, "secret") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", c.args, r.code, r.out, r.err)
		}
	}
}
