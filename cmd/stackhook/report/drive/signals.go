package drive

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// The tool must get each signal exactly once: of two it ends at once and leaves its lock behind. Ctrl-C on a terminal
// goes to every process of the foreground group, and so do the signals of “timeout” and of most CI runners; “kill”, and
// other runners, signal exec alone. In a process group of its own the tool would get none twice, but a terminal lets only
// one group read, stops both only together, and exec would not hear of Ctrl-C. So the tool shares exec's group, as it
// would without it, and a witness in the same group tells which kind of signal came: if it died, so it was for all.

// witness is a process that dies of whatever is sent to all.
type witness struct {
	process *exec.Cmd
	stdin   io.Closer
	died    chan struct{}
}

// newWitness starts one. It reads from a pipe that nobody writes to, and ends with this process at the latest. Without
// one, nil, signals count as sent to exec alone.
func newWitness() *witness {
	w := &witness{process: exec.Command("cat"), died: make(chan struct{})}
	stdin, err := w.process.StdinPipe()
	if err != nil || w.process.Start() != nil {
		return nil
	}
	w.stdin = stdin
	go func() {
		w.process.Wait() // how it ended is not the question
		close(w.died)
	}()
	return w
}

// death is closed when a signal was for all.
func (w *witness) death() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.died
}

// dead reports whether one was.
func (w *witness) dead() bool {
	select {
	case <-w.death():
		return true
	default:
		return false
	}
}

func (w *witness) end() {
	if w != nil {
		w.stdin.Close()
		<-w.died
	}
}

// settle is how long after a signal the witness has to die, and what else comes until then is the same signal once more:
// “timeout” signals first its child and then its group, exec twice. One that was for all has reached the tool already. It is
// long for a busy machine, on which the witness must not be thought alive; to wait for the other signals costs nothing.
const settle = 500 * time.Millisecond

// killAfter is the number of signals that ends a tool which does not want to end.
const killAfter = 3

// run runs the tool to its end, passes on what signals come, and returns its exit code.
func (d *driver) run(args ...string) int {
	tool := exec.Command(d.Tool, args...)
	tool.Dir, tool.Env, tool.Stdin, tool.Stdout, tool.Stderr = d.Dir, d.Env, d.In, d.Out, d.Err
	if err := tool.Start(); err != nil {
		d.say(err.Error())
		return CodeFailed
	}
	ended := make(chan struct{})
	go func() {
		tool.Wait() // its error is in the state
		close(ended)
	}()
	var settled <-chan time.Time
	for {
		select {
		case <-ended:
			code := exitCode(tool.ProcessState)
			if settled == nil && code != 0 && code != planChanges {
				d.await()
			}
			return code
		case s := <-d.Signals:
			if settled == nil {
				settled = time.After(settle)
				d.note(s)
			}
		case <-settled:
			settled = nil
			d.pass(tool.Process)
		}
	}
}

// linger is how long a signal may come after the tool has failed, perhaps of that same signal: on a busy machine the tool
// may get it first.
const linger = 100 * time.Millisecond

// await waits for such a signal.
func (d *driver) await() {
	select {
	case s := <-d.Signals:
		d.note(s)
	case <-d.witness.death(): // there is one
		select {
		case s := <-d.Signals:
			d.note(s)
		case <-time.After(settle):
		}
	case <-time.After(linger):
	}
}

// note notes a signal.
func (d *driver) note(s os.Signal) {
	d.signals++
	if d.stop == 0 {
		d.stop, _ = s.(syscall.Signal)
	}
}

// stopped reports whether a signal to stop came, also while no tool ran.
func (d *driver) stopped() bool {
	select {
	case s := <-d.Signals:
		d.note(s)
	default:
	}
	return d.signals > 0
}

// pass passes a signal on to the tool, unless it has it already. It is always an interrupt, which Terraform and OpenTofu
// take as a request to end in good order; of a hang-up they would die with their lock held.
func (d *driver) pass(tool *os.Process) {
	switch {
	case d.signals >= killAfter:
		tool.Kill()
	case d.witness.dead():
		d.witness = newWitness()
	default:
		tool.Signal(os.Interrupt)
	}
}

// exitCode returns a tool's exit code, as a shell would tell it.
func exitCode(state *os.ProcessState) int {
	if status, is := state.Sys().(syscall.WaitStatus); is && status.Signaled() {
		return codeSignal + int(status.Signal())
	}
	return state.ExitCode()
}
