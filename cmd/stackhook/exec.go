package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"stackhook/cmd/stackhook/report"
	"stackhook/cmd/stackhook/report/drive"
	"stackhook/cmd/stackhook/report/origin"
	"stackhook/models"
)

type execCommand struct {
	reportFlags
	originFlags
	Dir         string   `placeholder:"DIR" help:"Run the tool in this folder."`
	AutoApprove bool     `help:"Apply without asking."`
	PlanOnly    bool     `help:"Only plan: a TRACKED run becomes a PROPOSED one; a DESTROY run with changes ends with DISCARDED."`
	Command     []string `arg:"" passthrough:"" help:"After “--”: terraform or tofu, and its options."`
}

// Help says what --help says beyond the flags.
func (execCommand) Help() string {
	return `Runs init, plan and apply, and reports each state of the run. The tool has the terminal to itself; each state is one line
on stderr. Between plan and apply it asks for approval, unless --auto-approve is given; where there is no terminal to ask
at, the plan is discarded. ` + neverInTheWay + `

  stackhook exec --stack networking-prod -- terraform -var-file=prod.tfvars
  stackhook exec --stack networking-prod --auto-approve --dir infra -- tofu -parallelism=20
  stackhook exec --stack networking-prod --type TASK -- terraform state list

TRACKED plans and applies, DESTROY does so with -destroy, PROPOSED only plans. A TASK is a single command.

Who gets which of the tool's options:

  all of them             -chdir, before the subcommand
  init, plan and apply    -lock, -lock-timeout, -no-color
  init and plan           -var, -var-file
  plan and apply          -parallelism, -state, -json, -compact-warnings
  init                    -backend-config, -upgrade, -reconfigure and the others that only init has
  apply                   -state-out, -backup
  plan                    every other one: -target, -replace, -refresh-only, …

Ctrl-C, or a signal, lets the tool end in good order and release its lock; a second one hurries it. The run is then STOPPED,
or FAILED if it was being applied.

The exit code is the tool's, and 0 also where --plan-only finds changes. It is 3 if nobody approved the plan, and 128 and
the signal's number if a signal stopped the run and the tool called that no failure.`
}

// exitCode is how a command ends that has told already what is wrong.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// Validate says what is wrong with the command line, before there is a run.
func (c *execCommand) Validate() error {
	if len(c.Command) > 0 && c.Command[0] == "--" { // what is passed through begins with it
		c.Command = c.Command[1:]
	}
	if len(c.Command) == 0 {
		return errors.New("expected “terraform” or “tofu” after “--”")
	}
	kind := c.kind()
	if err := errors.Join(c.reportFlags.Validate(), c.over(models.RunReport{}).Check()); err != nil {
		return err
	}
	switch {
	case kind == models.Testing:
		return errors.New("a run of Terraform or OpenTofu is not TESTING")
	case kind == models.Task && (c.AutoApprove || c.PlanOnly):
		return errors.New("a TASK has no plan: --auto-approve and --plan-only are not for it")
	case kind == models.Task && len(c.Command) == 1:
		return errors.New("a TASK needs the command that it runs, such as “-- terraform state list”")
	case kind == models.Task:
		return nil
	case kind == models.Proposed && c.AutoApprove:
		return errors.New("what only plans applies nothing: --auto-approve is not for it")
	}
	_, err := drive.Sort(c.Command[1:])
	return err
}

// kind is the type of the run. A TRACKED run that is FINISHED tells its receivers that the plan was applied, so one that
// only plans is a proposal.
func (c execCommand) kind() models.RunType {
	if kind := models.RunType(c.Type); kind != models.Tracked || !c.PlanOnly {
		return kind
	}
	return models.Proposed
}

// Run drives the run, and ends with its exit code.
func (c execCommand) Run(ctx context.Context, t *terminal) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, stopping()...)
	defer signal.Stop(signals)
	unheard := make(chan os.Signal, 1)
	signal.Notify(unheard, syscall.SIGPIPE) // that nobody reads our lines any more must not end the run
	defer signal.Stop(unheard)
	ctx = context.WithoutCancel(ctx) // a signal is for the tool, and what was done by then is still reported
	run, err := c.prepare(t)
	if err != nil {
		return err
	}
	options := c.options()
	options.Words = t.Err
	reporter, err := report.Open(options)
	if err != nil {
		return err
	}
	began := time.Now()
	known := c.origin(ctx)
	asked := time.Since(began)
	reported := reporter.Start(known)
	if !options.Silent() {
		fmt.Fprintf(t.Err, "stackhook: %s: %s\n", models.Queued, c.page(reported.ID()))
	}
	run.Signals, run.Reporter = signals, reported
	outcome := run.Drive(ctx)
	outcome.Added += asked
	return c.close(ctx, t, reporter, signals, outcome)
}

// stopping are the signals that stop a run. One that this process was told to ignore is not among them: “nohup” does.
func stopping() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP}, signal.Ignored)
}

// prepare makes the run as far as the command line says it.
func (c execCommand) prepare(t *terminal) (drive.Run, error) {
	path, err := exec.LookPath(c.Command[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return drive.Run{}, fmt.Errorf("find the tool: %w", err)
	}
	if folder, err := os.Stat(c.Dir); c.Dir != "" && (err != nil || !folder.IsDir()) {
		return drive.Run{}, fmt.Errorf("there is no folder %s, which --dir names", c.Dir)
	}
	run := drive.Run{
		Tool: path, Command: c.Command[1:], Dir: c.Dir, Type: c.kind(), AutoApprove: c.AutoApprove, PlanOnly: c.PlanOnly,
		Env: os.Environ(), In: t.In, Out: t.Out, Err: t.Err,
	}
	if isTerminal(t.In) {
		run.Asks = seen(t)
	}
	if run.Type == models.Task {
		return run, nil
	}
	if os.Getenv("TF_IN_AUTOMATION") == "" { // else the tool tells how to apply a file that is removed
		run.Env = append(run.Env, "TF_IN_AUTOMATION=1")
	}
	run.Arguments, err = drive.Sort(c.Command[1:])
	return run, err
}

// seen returns where somebody at the terminal sees what is printed, nil if all of it goes elsewhere.
func seen(t *terminal) io.Writer {
	for _, out := range []io.Writer{t.Err, t.Out} {
		if isTerminal(out) {
			return out
		}
	}
	return nil
}

func isTerminal(of any) bool {
	file, is := of.(*os.File)
	return is && isatty.IsTerminal(file.Fd())
}

// originPatience bounds what git may take, which is milliseconds, on a disk that does not answer.
const originPatience = 5 * time.Second

// origin is what is known of where the run comes from.
func (c execCommand) origin(ctx context.Context) models.RunReport {
	ctx, cancel := context.WithTimeout(ctx, originPatience)
	defer cancel()
	run, kind := c.over(origin.Of(ctx, c.Dir, os.Getenv)), c.kind()
	run.Type = &kind
	return run
}

// page is where the run is seen.
func (c execCommand) page(run string) string {
	base, err := url.Parse(c.URL)
	if err != nil { // it was opened, so it was read before
		return run
	}
	return base.JoinPath("stacks", c.Stack, "runs", run).String()
}

// close waits for what is not reported yet, tells how much time reporting has added, and returns how the command ends.
func (c execCommand) close(ctx context.Context, t *terminal, r *report.Reporter, signals <-chan os.Signal, o drive.Outcome) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-signals: // somebody does not want to wait for the server
			cancel()
		case <-ctx.Done():
		}
	}()
	summary, err := r.Close(ctx)
	if c.options().Silent() {
		return codeOf(o)
	}
	words := []string{count(summary.Sent, "state") + " reported"}
	if summary.Waiting > 0 {
		words = append(words, fmt.Sprintf("%d kept for later", summary.Waiting))
	}
	if summary.Refused > 0 {
		words = append(words, fmt.Sprintf("%d refused", summary.Refused))
	}
	if n := summary.Earlier.Sent; n > 0 {
		words = append(words, fmt.Sprintf("%d that earlier runs left", n))
	}
	fmt.Fprintf(t.Err, "stackhook: %s; that added %v to the run\n", strings.Join(words, ", "), (o.Added + summary.Added).Round(time.Millisecond))
	if o.Code == 0 {
		return err
	}
	if err != nil {
		fmt.Fprintf(t.Err, "stackhook: %s\n", oneLine(err))
	}
	return codeOf(o)
}

func codeOf(o drive.Outcome) error {
	if o.Code == 0 {
		return nil
	}
	return exitCode(o.Code)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
