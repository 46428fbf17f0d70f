package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"stackhook/cmd/stackhook/report/plan"
	"stackhook/models"
)

// deltaFlags say what a plan changes.
type deltaFlags struct {
	Plan string `placeholder:"FILE" help:"What the plan in this file changes: one that “plan -out” wrote, or what “show -json” printed of it."`
	Tool string `placeholder:"PROGRAM" help:"Has it show the plan (default: terraform, or else tofu)."`
	Dir  string `placeholder:"DIR" help:"The tool's working folder, in which the plan is looked for (default: the current one)."`

	Added     *int64 `placeholder:"N" help:"How many resources are added …"`
	Changed   *int64 `placeholder:"N" help:"… changed …"`
	Deleted   *int64 `placeholder:"N" help:"… and deleted."`
	Resources *int64 `placeholder:"N" help:"How many there are then; beside --plan, these numbers go before its own."`
}

// Validate says what is wrong with the numbers.
func (f deltaFlags) Validate() error {
	for _, n := range []*int64{f.Added, f.Changed, f.Deleted, f.Resources} {
		if n != nil && *n < 0 {
			return errors.New("--added, --changed, --deleted and --resources must be 0 or more")
		}
	}
	return nil
}

// delta returns what the flags say, nil if they say nothing. Where the plan cannot be read it says so, and the run's
// state is reported without it.
func (f deltaFlags) delta(ctx context.Context, t *terminal) (*models.Delta, error) {
	var delta models.Delta
	said := false
	var wrong error
	if f.Plan != "" {
		if read, err := f.read(ctx); err != nil {
			wrong = err
			fmt.Fprintf(t.Err, "stackhook: the delta is not reported: %s\n", oneLine(err))
		} else {
			delta, said = read.Delta, true
		}
	}
	for _, f := range []struct {
		flag *int64
		to   *int64
	}{{f.Added, &delta.Added}, {f.Changed, &delta.Changed}, {f.Deleted, &delta.Deleted}, {f.Resources, &delta.Resources}} {
		if f.flag != nil {
			*f.to, said = *f.flag, true
		}
	}
	if !said {
		return nil, wrong
	}
	return &delta, wrong
}

func (f deltaFlags) read(ctx context.Context) (plan.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, plan.ShowWithin)
	defer cancel()
	tool := plan.Tool{Path: f.Tool, Dir: f.Dir}
	if tool.Path == "" {
		tool.Path = "terraform"
		if _, err := exec.LookPath(tool.Path); err != nil {
			tool.Path = "tofu"
		}
	}
	return tool.Plan(ctx, f.Plan)
}
