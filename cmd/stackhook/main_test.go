package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stackhook/models/needs"
)

// actAsMain makes the test binary the program itself, so that tests run real processes without another build.
const actAsMain = "STACKHOOK_TEST_ACT_AS_MAIN=yes"

func TestMain(m *testing.M) {
	if name, value, _ := strings.Cut(actAsMain, "="); os.Getenv(name) == value {
		main()
	}
	for _, variable := range os.Environ() { // what is set on this machine is not the tests'
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "STACKHOOK_") && name != needs.SkipsFile {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m) // a goroutine that a test leaves behind fails the package
}

// patience is how long a test waits for a process: it bounds a failure, and is never the time that a success takes.
const patience = 18 * time.Second

// program returns the program with only these variables in its environment.
func program(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append([]string{actAsMain, "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}, env...)
	return cmd
}

// result is how a command ended.
type result struct {
	code     int
	out, err string
}

// command runs a command to its end.
func command(t testing.TB, env []string, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := program(ctx, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("stackhook %s: %v", strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// succeed runs a command that must succeed and returns what it prints on stdout, without the last line break.
func succeed(t testing.TB, env []string, args ...string) string {
	t.Helper()
	r := command(t, env, "", args...)
	if r.code != 0 {
		t.Fatalf("stackhook %s: exit code %d: %s", strings.Join(args, " "), r.code, r.err)
	}
	return strings.TrimSuffix(r.out, "\n")
}

// process is a program that runs on.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it ended

	mu   sync.Mutex
	text bytes.Buffer  // stdout and stderr
	more chan struct{} // closed and replaced when text grows
}

// start starts the program as follow does.
func start(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	return follow(t, program(context.Background(), env, args...))
}

// follow starts a command that is killed with the test, should it still run then.
func follow(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{}), more: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.more)
	p.more = make(chan struct{})
	return p.text.Write(text)
}

func (p *process) printed() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String(), p.more
}

// await waits until the program has printed something that matches, and returns the match with its groups.
func (p *process) await(t testing.TB, pattern string) []string {
	t.Helper()
	over := time.After(patience)
	for {
		text, more := p.printed()
		if match := regexp.MustCompile(pattern).FindStringSubmatch(text); match != nil {
			return match
		}
		select {
		case <-more:
		case <-p.done:
			if text, _ = p.printed(); !regexp.MustCompile(pattern).MatchString(text) {
				t.Fatalf("ended before it printed %q:\n%s", pattern, text)
			}
		case <-over:
			t.Fatalf("did not print %q:\n%s", pattern, text)
		}
	}
}

// end sends a signal and returns the exit code.
func (p *process) end(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return p.exit(t)
}

// exit waits for the end and returns the exit code, -1 for an end by a signal.
func (p *process) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		text, _ := p.printed()
		t.Fatalf("did not end:\n%s", text)
	}
	return p.cmd.ProcessState.ExitCode()
}

// onDatabase are the settings of a server of its own on a new database.
func onDatabase(t testing.TB) []string {
	return []string{
		"STACKHOOK_DATABASE=" + filepath.Join(t.TempDir(), "stackhook.db"), "STACKHOOK_ADDR=127.0.0.1:0",
		"STACKHOOK_ALLOW_NETWORKS=127.0.0.0/8",
	}
}

// serving starts a server and returns it with its URL once it listens.
func serving(t testing.TB, env []string) (*process, string) {
	t.Helper()
	p := start(t, env, "serve")
	return p, p.await(t, `listens on (http://\S+)`)[1]
}
