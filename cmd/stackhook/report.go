package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"stackhook/cmd/stackhook/report"
	"stackhook/models"
)

type reportCommands struct {
	Start  reportStartCommand  `cmd:"" help:"Report a new run and print its id."`
	State  reportStateCommand  `cmd:"" help:"Report the next state of a run."`
	Finish reportFinishCommand `cmd:"" help:"Report how a run ended."`
	Flush  reportFlushCommand  `cmd:"" help:"Send the reports that wait on this machine."`
}

// reportFlags say where reports go.
type reportFlags struct {
	URL    string `env:"STACKHOOK_URL" placeholder:"URL" help:"The server's address."`
	Token  string `env:"STACKHOOK_TOKEN" placeholder:"TOKEN" help:"A token with the scope report. Better in the variable: others on the machine can read flags."`
	Stack  string `env:"STACKHOOK_STACK" placeholder:"ID" help:"The stack whose run it is."`
	Spool  string `env:"STACKHOOK_SPOOL" placeholder:"DIR" help:"Folder in which reports wait that cannot be sent (default: stackhook in the user's cache folder)."`
	Strict bool   `help:"Fail if something could not be reported."`
}

// Validate says what is wrong with the flags.
func (f reportFlags) Validate() error { return f.options().Check() }

func (f reportFlags) options() report.Options {
	return report.Options{URL: f.URL, Token: f.Token, Stack: f.Stack, Spool: f.Spool, Strict: f.Strict}
}

// neverInTheWay is what the help of each of the commands says.
const neverInTheWay = `A server that is away, slow or answers errors never fails the command, unless --strict is set: the report is kept on this
machine, in order, and sent by the next “stackhook exec” or “stackhook report” here. Without a token nothing is reported,
which is said, and with --strict an error: a CI keeps its secrets from pull requests of forks.`

// with opens a reporter, lets do report something, and tells what became of it and how long that took.
func (f reportFlags) with(ctx context.Context, t *terminal, patience time.Duration, do func(*report.Reporter) *report.Run) error {
	o := f.options()
	o.Words, o.Patience = t.Err, patience
	r, err := report.Open(o)
	if err != nil {
		return err
	}
	run := do(r)
	summary, err := r.Close(ctx)
	if o.Silent() {
		return err
	}
	if run != nil && summary.Sent > 0 && summary.Waiting == 0 && summary.Refused == 0 {
		state, version := run.Last()
		fmt.Fprintf(t.Err, "stackhook: reported %s, stateVersion %d\n", state, version)
	}
	if n := summary.Earlier.Sent; n > 0 {
		fmt.Fprintf(t.Err, "stackhook: also sent %d that earlier runs left\n", n)
	}
	fmt.Fprintf(t.Err, "stackhook: reporting took %v\n", summary.Added.Round(time.Millisecond))
	return err
}

// runFlags say which run it is.
type runFlags struct {
	Run     string `env:"STACKHOOK_RUN" placeholder:"ID" help:"The run's id, as “report start” prints it; “ID:VERSION” with the version of its last state (default: the run that “report start” began last in this folder, on this machine, for this stack)."`
	RunFile string `env:"STACKHOOK_RUN_FILE" placeholder:"FILE" help:"Without --run: read the run from this file, which “report start --run-file” wrote, and note its new version there."`
}

// find returns the run that is meant, and the file that keeps it, if one does.
func (f runFlags) find(o report.Options) (id string, version int64, file string, err error) {
	if f.Run != "" {
		id, version, err = report.ParseRun(f.Run)
		return id, version, "", err
	}
	if file, err = runFile(f.RunFile, o); err != nil {
		return "", 0, "", err
	}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.RunFile == "":
		return "", 0, "", errors.New("no run was started in this folder: say which it is with --run or STACKHOOK_RUN")
	case err != nil:
		return "", 0, "", err
	}
	if id, version, err = report.ParseRun(string(text)); err != nil {
		return "", 0, "", fmt.Errorf("%s: %w", file, err)
	}
	return id, version, file, nil
}

// runFile returns the file that keeps a run: the one that is named, or that of the current folder.
func runFile(named string, o report.Options) (string, error) {
	if named != "" {
		return named, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the current folder: %w", err)
	}
	return o.RunFile(dir)
}

// remember notes where the run is, for the next step. It is no failure that it cannot.
func remember(t *terminal, run *report.Run, file string) {
	if file == "" {
		return
	}
	if err := run.Remember(file); err != nil {
		fmt.Fprintf(t.Err, "stackhook: the run is not noted for the next steps: %v; set STACKHOOK_RUN\n", err)
	}
}

type reportStateCommand struct {
	reportFlags
	runFlags
	deltaFlags
	State stateName `arg:"" help:"Such as PLANNING, UNCONFIRMED or APPLYING; /help/pipelines of your server has all."`
}

// Help says what --help says beyond the flags.
func (reportStateCommand) Help() string {
	return neverInTheWay + `

  stackhook report state PLANNING
  stackhook report state UNCONFIRMED --plan plan.out

The delta of a state stays with the run: later states need not repeat it.`
}

// Validate says what is wrong with the command line.
func (c *reportStateCommand) Validate() error {
	if c.State == "" { // that it is missing is said better
		return nil
	}
	return errors.Join(c.reportFlags.Validate(), c.deltaFlags.Validate(), c.located(c.options()))
}

func (f runFlags) located(o report.Options) error {
	_, _, _, err := f.find(o)
	return err
}

// Run reports the state.
func (c reportStateCommand) Run(ctx context.Context, t *terminal) error {
	delta, err := c.delta(ctx, t)
	if err != nil && c.Strict {
		return err
	}
	return c.next(ctx, t, c.runFlags, report.Brief, models.State(c.State), delta)
}

// next reports the next state of a run.
func (f reportFlags) next(ctx context.Context, t *terminal, which runFlags, patience time.Duration, state models.State, delta *models.Delta) error {
	id, version, file, err := which.find(f.options())
	if err != nil {
		return err
	}
	var run *report.Run
	err = f.with(ctx, t, patience, func(r *report.Reporter) *report.Run {
		resumed := r.Resume(id, version)
		if last, _ := resumed.Last(); last.Terminal() && state.Terminal() {
			fmt.Fprintf(t.Err, "stackhook: run %s has ended with %s already: there is nothing to report\n", id, last)
			return nil
		}
		resumed.Report(state, delta)
		run = resumed
		return run
	})
	if run != nil {
		remember(t, run, file)
	}
	return err
}

type reportFinishCommand struct {
	reportFlags
	runFlags
	deltaFlags
	ExitCode int `required:"" placeholder:"N" help:"The exit code of what the pipeline did: 0 is reported as FINISHED, all others as FAILED."`
}

// Help says what --help says beyond the flags.
func (reportFinishCommand) Help() string {
	return neverInTheWay + `

  trap 'stackhook report finish --exit-code $?' EXIT

A run that has ended already, with DISCARDED for instance, stays as it is: that is said, nothing is reported, and the
command succeeds. Its own exit code says nothing of the run: it is 0 whatever --exit-code is.`
}

// Validate says what is wrong with the command line.
func (c *reportFinishCommand) Validate() error {
	return errors.Join(c.reportFlags.Validate(), c.deltaFlags.Validate(), c.located(c.options()))
}

// Run reports the end.
func (c reportFinishCommand) Run(ctx context.Context, t *terminal) error {
	delta, err := c.delta(ctx, t)
	if err != nil && c.Strict {
		return err
	}
	state := models.Finished
	if c.ExitCode != 0 {
		state = models.FailedState
	}
	return c.next(ctx, t, c.runFlags, report.DefaultPatience, state, delta)
}

type reportFlushCommand struct {
	reportFlags
	Wait time.Duration `default:"60s" placeholder:"TIME" help:"Give up after this time (default: ${default})."`
}

// Help says what --help says beyond the flags.
func (reportFlushCommand) Help() string {
	return `Sends what earlier commands could not send to this server and stack, each run's reports in order. What is not sent still
waits; --strict makes that a failure. Reports are given up after 7 days.`
}

// Run sends what waits.
func (c reportFlushCommand) Run(ctx context.Context, t *terminal) error {
	o := c.options()
	o.Words, o.Patience, o.Flush = t.Err, c.Wait, true
	r, err := report.Open(o)
	if err != nil {
		return err
	}
	summary, err := r.Close(ctx)
	if o.Silent() {
		return err
	}
	fmt.Fprintf(t.Err, "stackhook: sent %d, waiting %d, given up %d; that took %v\n",
		summary.Earlier.Sent, summary.Earlier.Waiting, summary.Earlier.Refused, summary.Added.Round(time.Millisecond))
	return err
}
