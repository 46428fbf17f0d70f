package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"stackhook/models/needs"
)

// typist is a terminal with a program on it.
type typist struct {
	*process
	keys *os.File
}

// onTerminal starts the program on a terminal of its own.
func onTerminal(t *testing.T, cmd *exec.Cmd) *typist {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{}), more: make(chan struct{})}
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.Copy(p, terminal) // until the last that has the terminal has ended
		cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
		terminal.Close()
	})
	return &typist{p, terminal}
}

func (y *typist) types(t *testing.T, keys string) {
	t.Helper()
	if _, err := y.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// ctrlC is what the key sends.
const ctrlC = "\x03"

func (p *project) program(args string) *exec.Cmd {
	return program(context.Background(), p.env, append([]string{"exec", "--dir", p.dir}, strings.Fields(args)...)...)
}

// waits waits until Terraform reads from the pipe.
func (p *project) waits(t *testing.T, of *process) *os.File {
	t.Helper()
	return needs.PipeRead(t, filepath.Join(p.dir, "pipe"), patience, func() string {
		text, _ := of.printed()
		return text
	})
}

// release ends the waiting, now and from then on. It waits until a signal would have been passed on that should not be.
func release(t *testing.T, pipe *os.File) {
	t.Helper()
	<-time.After(700 * time.Millisecond)
	file := filepath.Join(t.TempDir(), "file")
	if err := errors.Join(os.WriteFile(file, []byte("x"), 0o600), os.Rename(file, pipe.Name()), pipe.Close()); err != nil {
		t.Fatal(err)
	}
}

// clean checks that Terraform got the signal once, ended in good order, and that no lock and no temporary file is left.
func (p *project) clean(t *testing.T, of *process) {
	t.Helper()
	text, _ := of.printed()
	if strings.Count(text, "Interrupt received") != 1 || strings.Contains(text, "Two interrupts") {
		t.Errorf("Terraform did not get one signal:\n%s", text)
	}
	for _, pattern := range []string{filepath.Join(p.dir, ".terraform.tfstate.lock.info"), filepath.Join(p.tmp, "*")} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// A person says yes, and no, and Ctrl-C.
func TestExecAsks(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(t, twoResources)
	for _, c := range []struct {
		keys   string
		code   int
		states string
	}{
		{"y\n", 3, "UNCONFIRMED(2 0 0: 2) DISCARDED"},
		{ctrlC, 3, "UNCONFIRMED(2 0 0: 2) DISCARDED"},
		{"\x04", 3, "UNCONFIRMED(2 0 0: 2) DISCARDED"}, // the end of the input
		{"yes\n", 0, "UNCONFIRMED(2 0 0: 2) CONFIRMED APPLYING FINISHED"},
	} {
		y := onTerminal(t, p.program("-- terraform"))
		y.await(t, "Your answer: ")
		y.types(t, c.keys)
		if code := y.exit(t); code != c.code {
			text, _ := y.printed()
			t.Errorf("%q: exit code %d, want %d\n%s", c.keys, code, c.code, text)
		}
		if got, want := told(p.got.run(t)), "QUEUED PREPARING INITIALIZING PLANNING "+c.states; got != want {
			t.Errorf("%q: %s; want %s", c.keys, got, want)
		}
	}
}

// Terraform asks for a variable on the terminal itself, in colour.
func TestExecLeavesTheTerminalToTheTool(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.env = append(p.env, "TF_CLI_ARGS=")
	p.write(t, "variable \"v\" {}\nresource \"terraform_data\" \"a\" { input = var.v }\n")
	y := onTerminal(t, p.program("--auto-approve -- terraform"))
	y.await(t, `var\.v\S*\r\n.*Enter a value:`)
	y.types(t, "spoken\n")
	if code := y.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if text, _ := y.printed(); !regexp.MustCompile(`\x1b\[32m.*"spoken"`).MatchString(strings.ReplaceAll(text, "\r\n", "")) {
		t.Errorf("%q", text)
	}
	p.got.run(t)
}

// The question is where the person sees it; where they do not, nobody is there.
func TestExecAsksWhereItIsSeen(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(t, twoResources)
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	cmd := p.program("-- terraform")
	cmd.Stderr = file
	y := onTerminal(t, cmd)
	y.await(t, "Your answer: ")
	y.types(t, "no\n")
	if code := y.exit(t); code != 3 {
		t.Errorf("exit code %d", code)
	}
	p.got.run(t)

	cmd = p.program("-- terraform")
	cmd.Stdout, cmd.Stderr = file, file
	if code := onTerminal(t, cmd).exit(t); code != 3 {
		t.Errorf("unseen: exit code %d", code)
	}
	p.got.run(t)
}

// Nobody reads what exec says any more, and the run goes on.
func TestExecUnheard(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(t, twoResources)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	cmd := p.program("--auto-approve -- terraform")
	cmd.Stderr = write
	err = cmd.Run()
	write.Close()
	if err != nil {
		t.Error(err)
	}
	if got := told(p.got.run(t)); got != "QUEUED PREPARING INITIALIZING PLANNING CONFIRMED(2 0 0: 2) APPLYING FINISHED" {
		t.Error(got)
	}
}

// Ctrl-C reaches Terraform exactly once, whoever else gets it.
func TestExecCtrlC(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(t, waitsInPlan)
	y := onTerminal(t, p.program("-- terraform"))
	pipe := p.waits(t, y.process)
	y.types(t, ctrlC)
	y.await(t, "Gracefully shutting down")
	release(t, pipe)
	if code := y.exit(t); code != 1 && code != 130 { // whether Terraform calls that plan a success or not
		t.Errorf("exit code %d", code)
	}
	if got := told(p.got.run(t)); got != "QUEUED PREPARING INITIALIZING PLANNING STOPPED" {
		t.Error(got)
	}
	p.clean(t, y.process)
}

func TestExecCtrlCDuringApply(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(t, waitsInApply)
	y := onTerminal(t, p.program("--auto-approve -- terraform"))
	defer p.waits(t, y.process).Close()
	y.types(t, ctrlC)
	if code := y.exit(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if got := told(p.got.run(t)); got != "QUEUED PREPARING INITIALIZING PLANNING CONFIRMED(3 0 0: 3) APPLYING FAILED(3 0 0: 2)" {
		t.Error(got)
	}
	p.clean(t, y.process)
}

// CI runners and “timeout” signal exec alone, its whole process group, or first the one and then the other. Terraform gets
// one signal each time.
func TestExecSignals(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(pid int) error{
		"exec":  func(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) },
		"group": func(pid int) error { return syscall.Kill(-pid, syscall.SIGTERM) },
		"both": func(pid int) error {
			return errors.Join(syscall.Kill(pid, syscall.SIGTERM), syscall.Kill(-pid, syscall.SIGTERM))
		},
		"interrupt": func(pid int) error { return syscall.Kill(pid, syscall.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			p.write(t, waitsInPlan)
			cmd := p.program("--plan-only -- terraform")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			running := follow(t, cmd)
			t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
			pipe := p.waits(t, running)
			if err := send(cmd.Process.Pid); err != nil {
				t.Fatal(err)
			}
			running.await(t, "Gracefully shutting down")
			release(t, pipe)
			if code := running.exit(t); code == 0 {
				t.Error("exit code 0")
			}
			if got := told(p.got.run(t)); got != "QUEUED PREPARING INITIALIZING PLANNING STOPPED" {
				t.Error(got)
			}
			p.clean(t, running)
		})
	}
}

// A tool may end of a signal for all before exec has it: the run is still one that was stopped.
func TestExecHearsOfSignalsThatEndTheTool(t *testing.T) {
	t.Parallel()
	env := []string{"STACKHOOK_URL=http://127.0.0.1:9", "STACKHOOK_TOKEN=secret", "STACKHOOK_STACK=site", "STACKHOOK_SPOOL=" + t.TempDir()}
	for range 5 {
		cmd := program(context.Background(), env, "exec", "--type", "TASK", "--", "sh", "-c", "kill -INT 0")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		running := follow(t, cmd)
		running.await(t, "STOPPED\n")
		if code := running.end(t, syscall.SIGTERM); code != 130 {
			t.Errorf("exit code %d", code)
		}
	}
}
