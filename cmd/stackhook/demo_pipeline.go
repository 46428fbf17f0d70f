package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"stackhook/models"
)

// pipeline reports the runs of one stack as a real one would: through the API, with a token.
type pipeline struct {
	client *http.Client
	runs   string // the URL of the stack's runs
	token  string
}

func newPipeline(base *url.URL, stack models.Stack, token string) *pipeline {
	return &pipeline{
		client: &http.Client{Timeout: 10 * time.Second},
		runs:   base.JoinPath("api/v1/stacks", stack.ID, "runs").String(), token: token,
	}
}

// runReport and stateReport are the bodies of the two calls.
type runReport struct {
	ID          string         `json:"id"`
	Type        models.RunType `json:"type"`
	Branch      string         `json:"branch"`
	TriggeredBy string         `json:"triggeredBy"`
	Commit      models.Commit  `json:"commit"`
	CreatedAt   int64          `json:"createdAt"`
	Timestamp   int64          `json:"timestamp"`
}

type stateReport struct {
	State        models.State  `json:"state"`
	StateVersion int64         `json:"stateVersion"`
	Timestamp    int64         `json:"timestamp"`
	Delta        *models.Delta `json:"delta,omitempty"`
}

// clock waits until the next state is to be reported, and says when the run entered it: after is how long the state
// before lasts in the story.
type clock func(ctx context.Context, before time.Time, after time.Duration) (time.Time, error)

// tell reports one sample run, which began at that time, from its first state to its last.
func (p *pipeline) tell(ctx context.Context, run sampleRun, at time.Time, next clock) error {
	report := run.report(at)
	if err := p.post(ctx, p.runs, report); err != nil {
		return fmt.Errorf("report a run: %w", err)
	}
	for i, step := range run.story.steps {
		var err error
		if at, err = next(ctx, at, step.after); err != nil {
			return err
		}
		state := stateReport{State: step.state, StateVersion: int64(i) + 1, Timestamp: at.Unix()}
		if step.planned {
			state.Delta = &run.delta
		}
		if err := p.post(ctx, p.runs+"/"+report.ID+"/states", state); err != nil {
			return fmt.Errorf("report the state %s: %w", step.state, err)
		}
	}
	return nil
}

func (p *pipeline) post(ctx context.Context, to string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.token)
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("the API answered %s: %s", resp.Status, answer)
	}
	return nil
}
