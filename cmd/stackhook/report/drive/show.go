package drive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"stackhook/cmd/stackhook/report/plan"
)

// shown is how the tool is asked about plans and states.
func (d *driver) shown() plan.Tool {
	dir := d.Dir
	if folder := d.Arguments.Folder; filepath.IsAbs(folder) {
		dir = folder
	} else {
		dir = filepath.Join(dir, folder)
	}
	return plan.Tool{Path: d.Tool, Dir: dir}
}

// readPlan gets the delta of the plan. Without it the run goes on: only the reports are poorer.
func (d *driver) readPlan(ctx context.Context) {
	d.question(ctx, 1, "what the plan changes is not reported", func(ctx context.Context) error {
		p, err := d.shown().Plan(ctx, d.plan)
		if err == nil {
			d.delta, d.idle = &p.Delta, p.Reads && !p.Changes
		}
		return err
	})
}

// countState corrects the resources of the delta after an apply that did not do all that was planned, unless so many
// signals came that somebody is in a hurry. The first one may come late: the tool has ended of it already.
func (d *driver) countState(ctx context.Context, hurry int) {
	if d.delta == nil {
		return
	}
	d.question(ctx, hurry, "the number of resources that are left is not reported", func(ctx context.Context) error {
		n, err := d.shown().Resources(ctx)
		if err == nil {
			delta := *d.delta
			delta.Resources = n
			d.delta, d.counted = &delta, true
		}
		return err
	})
}

// question asks the tool something that only the reports need. It ends when so many signals came, and an error is told
// and forgotten.
func (d *driver) question(ctx context.Context, hurry int, otherwise string, ask func(context.Context) error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, plan.ShowWithin)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- ask(ctx) }()
	for {
		select {
		case err := <-answered:
			d.added += time.Since(began)
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				d.say(fmt.Sprintf("%s: the tool did not answer within %v", otherwise, plan.ShowWithin))
			} else if d.stopped(); err != nil && d.signals < hurry {
				d.say(fmt.Sprintf("%s: %v", otherwise, err))
			}
			return
		case s := <-d.Signals:
			if d.note(s); d.signals >= hurry {
				cancel()
			}
		}
	}
}
