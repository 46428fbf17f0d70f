package drive_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stackhook/cmd/stackhook/report/drive"
	"stackhook/models"
)

// patience bounds how long a test waits: it is never the time that a success takes.
const patience = 20 * time.Second

// heard are the reports of a run, and what was printed.
type heard struct {
	mu      sync.Mutex
	states  []string
	delta   *models.Delta // the last one
	deltas  int
	printed bytes.Buffer
	more    chan struct{} // closed and replaced when there is more
}

func (h *heard) Report(state models.State, delta *models.Delta) {
	h.change(func() {
		h.states = append(h.states, string(state))
		if delta != nil {
			h.delta, h.deltas = delta, h.deltas+1
		}
	})
}

func (h *heard) Write(text []byte) (int, error) {
	h.change(func() { h.printed.Write(text) })
	return len(text), nil
}

func (h *heard) change(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
	if h.more != nil {
		close(h.more)
	}
	h.more = make(chan struct{})
}

func (h *heard) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.printed.String()
}

// await waits until something was printed that matches.
func (h *heard) await(t *testing.T, pattern string) {
	t.Helper()
	over := time.After(patience)
	for {
		h.mu.Lock()
		text, more := h.printed.String(), h.more
		if more == nil {
			more = make(chan struct{})
			h.more = more
		}
		h.mu.Unlock()
		if regexp.MustCompile(pattern).MatchString(text) {
			return
		}
		select {
		case <-more:
		case <-over:
			t.Fatalf("did not print %q:\n%s", pattern, text)
		}
	}
}

// tell runs a run to its end.
func tell(t *testing.T, run drive.Run) (*heard, drive.Outcome) {
	t.Helper()
	h, ended := begin(t, run)
	return h, end(t, h, ended)
}

// begin starts a run.
func begin(t *testing.T, run drive.Run) (*heard, <-chan drive.Outcome) {
	t.Helper()
	h, ended := &heard{}, make(chan drive.Outcome, 1)
	run.Reporter, run.Out, run.Err = h, h, h
	if run.In == nil {
		run.In = strings.NewReader("")
	}
	run.Env = append(os.Environ(), append([]string{"TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color", "TF_CLI_CONFIG_FILE=" + os.DevNull, "CHECKPOINT_DISABLE=1"}, run.Env...)...)
	if run.Type == "" {
		run.Type = models.Tracked
	}
	go func() { ended <- run.Drive(context.WithoutCancel(t.Context())) }()
	return h, ended
}

func end(t *testing.T, h *heard, ended <-chan drive.Outcome) drive.Outcome {
	t.Helper()
	select {
	case o := <-ended:
		return o
	case <-time.After(patience):
		t.Fatalf("the run did not end:\n%s", h.text())
	}
	return drive.Outcome{}
}

// expect checks the states and the exit code, and that the outcome is the last state.
func (h *heard) expect(t *testing.T, o drive.Outcome, states string, code int) {
	t.Helper()
	if got := strings.Join(h.states, " "); got != states || o.Code != code || !strings.HasSuffix(states, string(o.State)) {
		t.Errorf("%s, exit code %d (%s); want %s, %d\n%s", got, o.Code, o.State, states, code, h.text())
	}
}

// fake is a tool that notes what it is asked and how the plan's file looks.
const fake = `#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/asked"
for word; do
	case $word in
	-out=*) stat -c "%a %s" "${word#-out=}" >>"$here/file"; echo "${word#-out=}" >"$here/name" ;;
	init|plan|apply|show) do=$word ;;
	esac
done
case $do in
plan) exit 2 ;;
show) echo '{"format_version":"1.2","planned_values":{},"resource_changes":[]}' ;;
esac
`

// script makes a tool.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "terraform")
	// A file that is written while another test starts a process may be “busy” for a moment: no process may inherit it.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// The options reach the subcommands that take them; the plan is a file that nobody else can read, and is removed.
func TestWhatTheToolIsAsked(t *testing.T) {
	t.Parallel()
	tool := script(t, fake)
	arguments, err := drive.Sort(strings.Fields("-chdir=infra -var a=b -target=x.y -parallelism=3 -upgrade -lock=false"))
	if err != nil {
		t.Fatal(err)
	}
	h, o := tell(t, drive.Run{Tool: tool, Arguments: arguments, AutoApprove: true, Type: models.Destroy})
	h.expect(t, o, "PREPARING INITIALIZING PLANNING CONFIRMED DESTROYING FINISHED", 0)

	plan := strings.TrimSpace(read(t, tool, "name"))
	want := "-chdir=infra init -input=false -var a=b -upgrade -lock=false\n" +
		"-chdir=infra plan -out=" + plan + " -detailed-exitcode -destroy -var a=b -target=x.y -parallelism=3 -lock=false\n" +
		"-chdir=infra apply -parallelism=3 -lock=false " + plan + "\n"
	var asked []string
	for line := range strings.Lines(read(t, tool, "asked")) {
		if !strings.HasPrefix(line, "show ") {
			asked = append(asked, line)
		}
	}
	if got := strings.Join(asked, ""); got != want {
		t.Errorf("asked\n%swant\n%s", got, want)
	}
	if got := read(t, tool, "file"); got != "600 0\n" {
		t.Errorf("the plan's file has mode and size %q", got)
	}
	if _, err := os.Stat(filepath.Dir(plan)); !os.IsNotExist(err) {
		t.Errorf("the plan's folder is left: %v", err)
	}
}

func read(t *testing.T, tool, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(tool), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the tool cannot show is not reported, and the run goes on.
func TestAToolThatCannotShow(t *testing.T) {
	t.Parallel()
	tool := script(t, "#!/bin/sh\ncase $1 in\nplan) exit 2 ;;\nshow) echo 'Error: no such thing' >&2; exit 1 ;;\nesac\n")
	h, o := tell(t, drive.Run{Tool: tool, AutoApprove: true})
	h.expect(t, o, "PREPARING INITIALIZING PLANNING CONFIRMED APPLYING FINISHED", 0)
	if h.deltas != 0 || !strings.Contains(h.text(), "what the plan changes is not reported: ") {
		t.Errorf("%d deltas\n%s", h.deltas, h.text())
	}
}

// A tool that does not end when it is asked to, and asked again, is ended.
func TestAStubbornTool(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal)
	tool := script(t, "#!/bin/sh\ntrap 'echo asked' INT\necho began\nwhile :; do sleep 0.05; done\n")
	h, ended := begin(t, drive.Run{Tool: tool, Signals: signals})
	h.await(t, "began")
	for _, after := range []string{"asked\n", "asked\nasked\n"} {
		signals <- syscall.SIGTERM
		h.await(t, after)
	}
	signals <- syscall.SIGTERM
	h.expect(t, end(t, h, ended), "PREPARING INITIALIZING STOPPED", 137)
	if got := strings.Count(h.text(), "asked"); got != 2 {
		t.Errorf("asked %d times", got)
	}
}
