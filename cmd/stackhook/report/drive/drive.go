// Package drive drives Terraform or OpenTofu through a whole run, and tells each state that the run enters. What the tool
// prints and reads is not touched: it has the terminal to itself, and exec adds one line on stderr for each state.
//
// Read [Run.Drive] for the way that a run goes, arguments.go for who takes which of the tool's options, and signals.go for
// what becomes of Ctrl-C. The package imports models, and plan, which reads what the tool planned.
package drive

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"stackhook/models"
)

// Reporter is told of each state that the run enters after its first. It must return at once.
type Reporter interface {
	Report(models.State, *models.Delta)
}

// Run is a run to drive.
type Run struct {
	Tool        string    // the path of Terraform or OpenTofu
	Command     []string  // of a task: what follows the tool's name
	Arguments   Arguments // of the others
	Dir         string    // where the tool runs; "" is here
	Type        models.RunType
	AutoApprove bool
	PlanOnly    bool

	Env      []string // the tool's environment
	In       io.Reader
	Out, Err io.Writer
	Asks     io.Writer // where somebody is asked who answers on In; nil: nobody is there
	Signals  <-chan os.Signal
	Reporter Reporter
}

// Outcome is how a run ended.
type Outcome struct {
	State models.State
	Code  int           // the exit code
	Added time.Duration // what the tool was asked beyond what the run needs, to know the delta
}

// Exit codes that are not the tool's.
const (
	CodeFailed    = 1   // before the tool could be asked
	CodeDiscarded = 3   // there is a plan with changes, and nobody approved it
	codeSignal    = 128 // and the signal's number: what ended between two steps, or was stopped and says it succeeded
)

// driver is a run on its way.
type driver struct {
	Run
	plan    string // the file
	witness *witness
	stop    syscall.Signal // the first signal that came
	signals int            // how many came
	delta   *models.Delta  // nil until the plan is read
	idle    bool           // the plan only reads for checks, which the tool would apply each time
	told    *models.Delta  // the one reported last: a run keeps it
	done    bool           // the plan was applied
	counted bool           // the delta has the resources that are left after an apply that failed
	added   time.Duration
}

// Drive runs the tool, and returns when the run has ended.
func (r Run) Drive(ctx context.Context) Outcome {
	d := &driver{Run: r}
	d.enter(models.Preparing)
	remove, err := d.prepare()
	if err != nil {
		d.say(err.Error())
		return d.end(models.FailedState, CodeFailed)
	}
	defer remove()
	if r.Type == models.Task {
		return d.perform()
	}
	return d.initialize(ctx)
}

// prepare makes what the run needs, and returns what removes it.
func (d *driver) prepare() (remove func(), err error) {
	folder, err := os.MkdirTemp("", "stackhook-") // nobody else may look into it: a plan holds secrets
	if err != nil {
		return nil, fmt.Errorf("make a folder for the plan: %w", err)
	}
	d.plan = filepath.Join(folder, "plan.out")
	if err := os.WriteFile(d.plan, nil, 0o600); err != nil { // the tool would make it for everybody to read
		os.RemoveAll(folder)
		return nil, fmt.Errorf("make a file for the plan: %w", err)
	}
	d.witness = newWitness()
	return func() {
		d.witness.end()
		os.RemoveAll(folder)
	}, nil
}

// perform runs a single command.
func (d *driver) perform() Outcome {
	if d.stopped() {
		return d.end(models.Stopped, 0)
	}
	d.enter(models.Performing)
	switch code := d.run(d.Command...); {
	case code == 0:
		return d.end(models.Finished, 0)
	case d.stopped():
		return d.end(models.Stopped, code)
	default:
		return d.end(models.FailedState, code)
	}
}

func (d *driver) initialize(ctx context.Context) Outcome {
	if d.stopped() {
		return d.end(models.Stopped, 0)
	}
	d.enter(models.Initializing)
	code := d.step("init", append([]string{"-input=false"}, d.Arguments.Init...)...)
	switch {
	case d.stopped():
		return d.end(models.Stopped, code)
	case code != 0:
		return d.end(models.FailedState, code)
	}
	return d.makePlan(ctx)
}

// Exit codes of “plan -detailed-exitcode”.
const (
	planUnchanged = 0
	planChanges   = 2
)

func (d *driver) makePlan(ctx context.Context) Outcome {
	d.enter(models.Planning)
	args := []string{"-out=" + d.plan, "-detailed-exitcode"}
	if d.Type == models.Destroy {
		args = append(args, "-destroy")
	}
	code := d.step("plan", append(args, d.Arguments.Plan...)...)
	planned := code == planUnchanged || code == planChanges
	if planned && !d.stopped() {
		d.readPlan(ctx)
	}
	switch {
	case d.stopped() && planned:
		return d.end(models.Stopped, 0)
	case d.stopped():
		return d.end(models.Stopped, code)
	case !planned:
		return d.end(models.FailedState, code)
	case code == planUnchanged || d.idle || d.Type == models.Proposed:
		return d.end(models.Finished, 0)
	case d.PlanOnly: // not FINISHED: of a run that is no proposal that says that the plan was applied
		return d.end(models.Discarded, 0)
	}
	return d.approve(ctx)
}

func (d *driver) approve(ctx context.Context) Outcome {
	switch {
	case d.AutoApprove:
	case d.Asks == nil:
		d.enter(models.Unconfirmed)
		d.say("the plan has changes, and there is no terminal to ask somebody for approval. Nothing was changed." +
			" Add --auto-approve to apply without asking, or --plan-only to only plan.")
		return d.end(models.Discarded, CodeDiscarded)
	default:
		d.enter(models.Unconfirmed)
		if !d.ask() {
			return d.end(models.Discarded, CodeDiscarded)
		}
	}
	d.enter(models.Confirmed)
	return d.apply(ctx)
}

func (d *driver) apply(ctx context.Context) Outcome {
	if d.stopped() {
		return d.end(models.Stopped, 0)
	}
	if d.Type == models.Destroy {
		d.enter(models.Destroying)
	} else {
		d.enter(models.Applying)
	}
	before := d.signals
	code := d.step("apply", append(d.Arguments.Apply, d.plan)...)
	if code == 0 {
		d.done = true
		return d.end(models.Finished, 0)
	}
	if hurry := before + 2; d.signals < hurry {
		d.countState(ctx, hurry)
	}
	return d.end(models.FailedState, code)
}

// step runs a subcommand with the options that are for all of them before it.
func (d *driver) step(name string, args ...string) int {
	return d.run(append(append(d.Arguments.Global[:len(d.Arguments.Global):len(d.Arguments.Global)], name), args...)...)
}
