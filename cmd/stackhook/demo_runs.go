package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"stackhook/models"
)

// story is how a run goes after it was queued.
type story struct {
	name  string
	kind  models.RunType
	steps []step
}

type step struct {
	state   models.State
	after   time.Duration // by the pipeline's clock, since the state before
	planned bool          // the plan is known: its delta is reported
}

var planSteps = []step{
	{state: models.Preparing, after: 3 * time.Second},
	{state: models.Initializing, after: 5 * time.Second},
	{state: models.Planning, after: 9 * time.Second},
}

// planThen is a run that goes on after its plan.
func planThen(name string, kind models.RunType, rest ...step) story {
	return story{name: name, kind: kind, steps: append(planSteps[:len(planSteps):len(planSteps)], rest...)}
}

var (
	unchanged = planThen("finished without changes", models.Tracked,
		step{state: models.Finished, after: 7 * time.Second, planned: true})
	applied = planThen("applied", models.Tracked,
		step{state: models.Unconfirmed, after: 8 * time.Second, planned: true},
		step{state: models.Confirmed, after: 95 * time.Second},
		step{state: models.Applying, after: 4 * time.Second},
		step{state: models.Finished, after: 42 * time.Second})
	failed = planThen("failed", models.Tracked,
		step{state: models.FailedState, after: 6 * time.Second})
	discarded = planThen("discarded", models.Tracked,
		step{state: models.Unconfirmed, after: 8 * time.Second, planned: true},
		step{state: models.Discarded, after: 310 * time.Second})
	proposed = planThen("proposed", models.Proposed,
		step{state: models.Finished, after: 11 * time.Second, planned: true})
)

// sampleRun is a run to tell.
type sampleRun struct {
	story       story
	branch      string
	message     string
	login, name string
	delta       models.Delta
}

// sampleRuns are told over and over.
var sampleRuns = []sampleRun{
	{applied, "main", "Add a read replica to the database\n\nReports no longer slow down the site.", "ada", "Ada Lovelace", models.Delta{Added: 2, Changed: 1, Resources: 44}},
	{unchanged, "main", "Format the modules", "grace", "Grace Hopper", models.Delta{Resources: 44}},
	{proposed, "renew-certificates", "Renew certificates 30 days ahead", "edsger", "Edsger Dijkstra", models.Delta{Changed: 3, Resources: 44}},
	{failed, "main", "Move the state bucket to another region", "alan", "Alan Turing", models.Delta{}},
	{applied, "main", "Renew certificates 30 days ahead (#218)", "edsger", "Edsger Dijkstra", models.Delta{Changed: 3, Resources: 44}},
	{discarded, "main", "Shrink the cache nodes", "emmy", "Emmy Noether", models.Delta{Added: 3, Deleted: 3, Resources: 44}},
	{applied, "main", "Drop the old load balancer", "grace", "Grace Hopper", models.Delta{Deleted: 4, Resources: 40}},
}

// report starts the run at that time.
func (r sampleRun) report(at time.Time) runReport {
	hash := make([]byte, 20)
	rand.Read(hash) // never fails: crypto/rand ends the process instead
	commit := hex.EncodeToString(hash)
	return runReport{
		ID: models.NewID(time.Now()), Type: r.story.kind, Branch: r.branch, TriggeredBy: r.login + "@example.com",
		CreatedAt: at.Unix(), Timestamp: at.Unix(),
		Commit: models.Commit{
			AuthorLogin: r.login, AuthorName: r.name, Hash: commit, Message: r.message,
			Timestamp: at.Add(-2 * time.Minute).Unix(), URL: "https://git.example.com/infra/commit/" + commit,
		},
	}
}

const (
	// stateEvery and runEvery pace the runs that keep coming: slow enough to watch, fast enough not to wait for.
	stateEvery = 900 * time.Millisecond
	runEvery   = 4 * time.Second
	// pastEvery is how far apart the runs of the past began.
	pastEvery = 47 * time.Minute
)

// tellAll reports past runs, then new ones until it cannot or the context ends. Pipelines begin with different samples.
func (p *pipeline) tellAll(ctx context.Context, first int) error {
	if err := p.tellPast(ctx, time.Now()); err != nil {
		return err
	}
	return p.tellOn(ctx, first)
}

// tellPast reports each sample run once, as if it had been in the last hours.
func (p *pipeline) tellPast(ctx context.Context, now time.Time) error {
	for i, run := range sampleRuns {
		at := now.Add(-time.Duration(len(sampleRuns)-i) * pastEvery)
		if err := p.tell(ctx, run, at, past); err != nil {
			return fmt.Errorf("tell of a past run that was %s: %w", run.story.name, err)
		}
	}
	return nil
}

// tellOn reports one run after the other until it cannot, beginning with sample first.
func (p *pipeline) tellOn(ctx context.Context, first int) error {
	for i := first; ; i++ {
		run := sampleRuns[i%len(sampleRuns)]
		if err := p.tell(ctx, run, time.Now(), live); err != nil {
			return fmt.Errorf("tell of a run that was %s: %w", run.story.name, err)
		}
		if err := wait(ctx, runEvery); err != nil {
			return err
		}
	}
}

// past is the clock of runs that are over: nothing waits.
func past(ctx context.Context, before time.Time, after time.Duration) (time.Time, error) {
	return before.Add(after), ctx.Err()
}

// live is the clock of a run that is watched: its states come faster than in the story.
func live(ctx context.Context, _ time.Time, _ time.Duration) (time.Time, error) {
	err := wait(ctx, stateEvery)
	return time.Now(), err
}

func wait(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

// curl is a command that reports one run.
func (p *pipeline) curl() string {
	return strings.Join([]string{
		"curl -sS " + p.runs,
		"-H 'Authorization: Bearer " + p.token + "'",
		"-H 'Content-Type: application/json'",
		`-d '{"branch":"main","triggeredBy":"me"}'`,
	}, " \\\n    ")
}
