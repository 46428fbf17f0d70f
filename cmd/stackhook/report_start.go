package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"stackhook/cmd/stackhook/report"
	"stackhook/cmd/stackhook/report/origin"
	"stackhook/models"
)

// stateName is a state on the command line, in whatever case.
type stateName models.State

// UnmarshalText refuses what is not a state.
func (s *stateName) UnmarshalText(text []byte) error {
	state := models.State(strings.ToUpper(string(text)))
	if !state.Known() {
		return fmt.Errorf("must be one of %v", models.States())
	}
	*s = stateName(state)
	return nil
}

type reportStartCommand struct {
	reportFlags
	originFlags
	ID      string    `name:"run" placeholder:"ID" help:"The new run's id, a ULID (default: a new one). With it the command may be repeated."`
	RunFile string    `env:"STACKHOOK_RUN_FILE" placeholder:"FILE" help:"Note the run in this file, for the steps that follow on other machines."`
	State   stateName `default:"QUEUED" placeholder:"STATE" help:"Its first state (default: ${default})."`
}

// Help says what --help says beyond the flags.
func (reportStartCommand) Help() string {
	return neverInTheWay + `

  stackhook report start --stack networking-prod
  export STACKHOOK_RUN=$(stackhook report start --stack networking-prod)   # where steps share variables, not a folder

The steps that follow on this machine, in this folder, find the run by themselves. On other machines they find it by
STACKHOOK_RUN or by the file of --run-file.

Branch, commit and who triggered the run come from git and from the CI, where no flag says otherwise.`
}

// originFlags say what the run is about, in place of what git and the CI say.
type originFlags struct {
	Type          string `enum:"TRACKED,PROPOSED,TASK,TESTING,DESTROY" default:"TRACKED" placeholder:"TYPE" help:"TRACKED, PROPOSED, TASK, TESTING or DESTROY (default: ${default})."`
	Branch        string `placeholder:"NAME" help:"The branch."`
	TriggeredBy   string `placeholder:"WHO" help:"Who or what started it."`
	Commit        string `placeholder:"HASH" help:"The commit: 40 or 64 hex digits."`
	CommitMessage string `placeholder:"TEXT" help:"Its message."`
	CommitAuthor  string `placeholder:"NAME" help:"Its author's name."`
	CommitLogin   string `placeholder:"LOGIN" help:"Its author's login."`
	CommitTime    int64  `placeholder:"SECONDS" help:"When it was made, in Unix seconds."`
	CommitURL     string `placeholder:"URL" help:"Its page."`
}

// over puts what the flags say in place of what is known already.
func (f originFlags) over(r models.RunReport) models.RunReport {
	kind := models.RunType(f.Type)
	r.Type = &kind
	put(&r.Branch, f.Branch)
	put(&r.TriggeredBy, f.TriggeredBy)
	commit := models.CommitReport{}
	if r.Commit != nil {
		commit = *r.Commit
	}
	if f.Commit != "" && (commit.Hash == nil || !strings.EqualFold(*commit.Hash, f.Commit)) {
		commit = models.CommitReport{} // what is known is of another one
	}
	put(&commit.Hash, strings.ToLower(f.Commit))
	put(&commit.Message, f.CommitMessage)
	put(&commit.AuthorName, f.CommitAuthor)
	put(&commit.AuthorLogin, f.CommitLogin)
	put(&commit.Timestamp, f.CommitTime)
	put(&commit.URL, f.CommitURL)
	r.Commit = &commit
	return r
}

func put[T comparable](to **T, flag T) {
	var none T
	if flag != none {
		*to = &flag
	}
}

// Validate says what is wrong with the command line.
func (c *reportStartCommand) Validate() error {
	return errors.Join(c.reportFlags.Validate(), c.report(models.RunReport{}).Check())
}

// report makes the report from what git and the CI say, and from the flags.
func (c reportStartCommand) report(known models.RunReport) models.RunReport {
	r := c.over(known)
	state := models.State(c.State)
	r.State = &state
	put(&r.ID, strings.ToUpper(c.ID))
	return r
}

// Run reports the run and prints its id alone on stdout.
func (c reportStartCommand) Run(ctx context.Context, t *terminal) error {
	var id string
	patient, cancel := context.WithTimeout(ctx, originPatience)
	known := origin.Of(patient, "", os.Getenv)
	cancel()
	err := c.with(ctx, t, report.Brief, func(r *report.Reporter) *report.Run {
		run := r.Start(c.report(known))
		id = run.ID()
		file, err := runFile(c.RunFile, c.options())
		if err != nil {
			fmt.Fprintf(t.Err, "stackhook: %v\n", err)
			return run
		}
		remember(t, run, file)
		return run
	})
	_, printed := fmt.Fprintln(t.Out, id)
	return errors.Join(err, printed)
}
