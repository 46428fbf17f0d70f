package main

import (
	"fmt"
	"time"

	"stackhook/models"
)

// usualStates are those that a run goes through; some end earlier.
var usualStates = []models.State{
	models.Queued, models.Preparing, models.Initializing, models.Planning, models.Unconfirmed, models.Confirmed, models.Applying, models.Finished,
}

// run writes a run with its states and their deliveries.
func (g *generator) run(at, now time.Time, rows int) error {
	stack := g.stacks[0]
	if g.random.IntN(2) == 0 {
		stack = g.stacks[1+g.random.IntN(len(g.stacks)-1)]
	}
	states := usualStates
	if g.random.IntN(2) == 0 {
		states = append(append([]models.State{}, usualStates[:4]...), g.end())
	}
	g.runs++
	run := models.Run{
		Key: g.runs, StackKey: stack.Key, ID: g.id(at), Type: models.Tracked, Branch: "main", TriggeredBy: "ada@example.com", CreatedAt: at.Unix(), ReceivedAt: at,
		Commit: models.Commit{
			AuthorLogin: "ada", AuthorName: "Ada", Hash: fmt.Sprintf("%040x", g.ids), Message: "Change number " + fmt.Sprint(g.runs), Timestamp: at.Unix(),
		},
	}
	var events []models.Event
	for i, state := range states {
		moment := at.Add(time.Duration(i) * stateEvery)
		run.State, run.StateVersion, run.StateAt, run.UpdatedAt = state, int64(i), moment.Unix(), moment
		payload, err := models.EncodePayload(account, stack.Stack, run)
		if err != nil {
			return err
		}
		events = append(events, models.Event{
			ID: g.id(moment), StackKey: stack.Key, RunKey: run.Key, RunID: run.ID, State: state, StateVersion: int64(i), At: moment.Unix(),
			Payload: payload, CreatedAt: moment,
		})
	}
	if err := g.out.add("runs", runRow(run)); err != nil {
		return err
	}
	for _, e := range events {
		if err := g.event(stack, e, now, rows); err != nil {
			return err
		}
	}
	return nil
}

// event writes an event with a delivery for each webhook.
func (g *generator) event(stack generatedStack, e models.Event, now time.Time, rows int) error {
	if err := g.out.add("events", eventRow(e)); err != nil {
		return err
	}
	for i, w := range stack.webhooks {
		if g.made == rows {
			return nil
		}
		d := models.Delivery{
			ID: g.id(e.CreatedAt), StackKey: stack.Key, WebhookID: w.ID, EventID: e.ID, RunKey: e.RunKey, RunID: e.RunID, State: e.State,
			StateVersion: e.StateVersion, ExpireFrom: e.CreatedAt, CreatedAt: e.CreatedAt,
		}
		if err := g.delivery(d, stack.conducts[i], now); err != nil {
			return err
		}
		g.made++
	}
	return nil
}

// test writes a test delivery, which belongs to no run.
func (g *generator) test(at time.Time) error {
	stack := g.stacks[0]
	run := models.TestRun(at, "ada@example.com")
	run.ID = g.id(at)
	payload, err := models.EncodePayload(account, stack.Stack, run)
	if err != nil {
		return err
	}
	e := models.Event{
		ID: g.id(at), StackKey: stack.Key, RunID: run.ID, State: run.State, StateVersion: run.StateVersion, At: at.Unix(), Payload: payload, CreatedAt: at,
	}
	if err := g.out.add("events", eventRow(e)); err != nil {
		return err
	}
	g.made++
	return g.delivery(models.Delivery{
		ID: g.id(at), StackKey: stack.Key, WebhookID: stack.webhooks[3].ID, EventID: e.ID, RunID: e.RunID, State: e.State, StateVersion: e.StateVersion,
		Test: true, ExpireFrom: at, CreatedAt: at,
	}, dead, at.Add(time.Minute))
}

// end is how a run ends that applies nothing.
func (g *generator) end() models.State {
	if g.random.IntN(4) == 0 {
		return models.FailedState
	}
	return models.Finished
}
