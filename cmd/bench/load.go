package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is what became of as many reports as the server takes.
type load struct {
	accepted, received int
	took               time.Duration // from the first report to the last delivery received
}

func (l load) rate() float64 { return float64(l.received) / l.took.Seconds() }

// measureLoad reports runs as fast as the server accepts them and waits for their deliveries.
func measureLoad(ctx context.Context, s *server, r *receiver) (load, error) {
	var (
		mu  sync.Mutex
		ids []string
	)
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range clients {
		group.Go(func() error {
			for time.Since(began) < loadFor {
				id, err := s.report(ctx)
				if err != nil {
					return err
				}
				mu.Lock()
				ids = append(ids, id)
				enough := len(ids) >= loadMost
				mu.Unlock()
				if enough {
					return nil
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return load{}, err
	}
	came := r.await(ids, drainFor)
	l := load{accepted: len(ids), received: len(came)}
	for _, at := range came {
		l.took = max(l.took, at.Sub(began))
	}
	if l.received == 0 {
		return l, fmt.Errorf("%d reports were accepted, and nothing came within %v", l.accepted, drainFor)
	}
	return l, nil
}

// report reports a run and returns the id of its delivery.
func (s *server) report(ctx context.Context) (string, error) {
	run := sample()
	body, err := json.Marshal(map[string]any{
		"type": run.Type, "branch": run.Branch, "triggeredBy": run.TriggeredBy,
		"commit": map[string]any{
			"authorLogin": run.Commit.AuthorLogin, "authorName": run.Commit.AuthorName, "hash": run.Commit.Hash,
			"message": run.Commit.Message, "timestamp": run.Commit.Timestamp,
		},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/v1/stacks/"+s.stack.ID+"/runs", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "", err
	}
	var answer struct {
		Deliveries []string `json:"deliveries"`
	}
	if err := json.Unmarshal(text, &answer); resp.StatusCode != http.StatusCreated || err != nil || len(answer.Deliveries) != 1 {
		return "", fmt.Errorf("the API answered %s: %.500s", resp.Status, text)
	}
	return answer.Deliveries[0], nil
}
