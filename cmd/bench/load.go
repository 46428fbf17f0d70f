package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"stackhook/models"
)

// load is what became of as many reports as the server takes.
type load struct {
	deliveries int           // that were made, and recorded
	took       time.Duration // from the first report to the last record
}

func (l load) rate() float64 { return float64(l.deliveries) / l.took.Seconds() }

// load reports runs as fast as the server accepts them, and waits until their deliveries are recorded.
func (s *server) load(ctx context.Context, webhooks int) (load, error) {
	return s.report64(ctx, loadFor, loadMost/webhooks, webhooks)
}

func (s *server) loadFor(ctx context.Context, d time.Duration, webhooks int) (load, error) {
	return s.report64(ctx, d, loadMost, webhooks)
}

func (s *server) loadMost(ctx context.Context, most, webhooks int) (load, error) {
	return s.report64(ctx, endWithin, most, webhooks)
}

// report64 reports with all clients for so long, or so many events; counted are those deliveries that go to that many
// webhooks.
func (s *server) report64(ctx context.Context, d time.Duration, most, webhooks int) (load, error) {
	var events atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range clients {
		group.Go(func() error {
			for time.Since(began) < d && events.Add(1) <= int64(most) {
				if _, err := s.report(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return load{}, err
	}
	if err := s.awaitRecorded(context.WithoutCancel(ctx)); err != nil {
		return load{}, err
	}
	return load{min(int(events.Load()), most) * webhooks, time.Since(began)}, nil
}

// awaitRecorded waits until nothing is pending but what waits for an endpoint that hangs.
func (s *server) awaitRecorded(ctx context.Context) error {
	over := time.After(endWithin)
	for {
		pending := 0
		for _, w := range s.webhooks {
			n, err := s.store.PendingDeliveries(ctx, w.ID)
			if err != nil && !errors.Is(err, models.ErrUnavailable) {
				return err
			}
			if pending += n; pending > 0 {
				break
			}
		}
		if pending == 0 {
			return nil
		}
		select {
		case <-over:
			return errNothing
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// storeRuns stores so many runs while no server runs.
func (s *server) storeRuns(ctx context.Context, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for range n {
		group.Go(func() error {
			_, err := s.store.StartRun(ctx, s.stack, sample())
			return err
		})
	}
	return group.Wait()
}

// reportBody is what every client reports.
var reportBody = func() []byte {
	run := sample()
	body, err := json.Marshal(map[string]any{
		"type": run.Type, "branch": run.Branch, "triggeredBy": run.TriggeredBy,
		"commit": map[string]any{
			"authorLogin": run.Commit.AuthorLogin, "authorName": run.Commit.AuthorName, "hash": run.Commit.Hash,
			"message": run.Commit.Message, "timestamp": run.Commit.Timestamp,
		},
	})
	if err != nil {
		panic(err)
	}
	return body
}()

// report reports a run and returns the API's answer.
func (s *server) report(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/v1/stacks/"+s.stack.ID+"/runs", bytes.NewReader(reportBody))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("the API answered %s: %.500s", resp.Status, text)
	}
	return text, err
}

// reportOne reports a run and returns the id of its first delivery.
func (s *server) reportOne(ctx context.Context) (string, error) {
	text, err := s.report(ctx)
	if err != nil {
		return "", err
	}
	var answer struct {
		Deliveries []string `json:"deliveries"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Deliveries) == 0 {
		return "", fmt.Errorf("the API's answer names no delivery: %.500s", text)
	}
	return answer.Deliveries[0], nil
}
