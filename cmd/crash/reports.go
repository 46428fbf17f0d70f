package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"stackhook/models"
)

// pipelines is how many report at once.
const pipelines = 8

// reports are the calls of pipelines, each repeated until it is answered, and what was answered.
type reports struct {
	site    *site
	servers *servers
	seed    uint64
	client  *http.Client
	stop    chan struct{}
	running sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]event // by delivery
	events   int
	unknown  int // calls that were cut off
	refused  int // calls that were answered with 503
	wrong    []string
}

// event is the state change that a delivery is of.
type event struct {
	run     string
	version int64
}

func newReports(s *site, servers *servers, seed uint64) *reports {
	return &reports{
		site: s, servers: servers, seed: seed, stop: make(chan struct{}), accepted: map[string]event{},
		client: &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: pipelines}},
	}
}

func (r *reports) begin(ctx context.Context) {
	for i := range pipelines {
		r.running.Go(func() {
			random := rand.New(rand.NewPCG(r.seed, uint64(i)+100))
			for {
				select {
				case <-r.stop:
					return
				case <-ctx.Done():
					return
				default:
					r.run(ctx, random)
				}
			}
		})
	}
}

// end lets each pipeline finish its run.
func (r *reports) end() {
	close(r.stop)
	r.running.Wait()
	r.client.CloseIdleConnections()
}

// run reports one run, from its first state to its last.
func (r *reports) run(ctx context.Context, random *rand.Rand) {
	id := models.NewID(time.Now())
	path := "/api/v1/stacks/" + r.site.stack.ID + "/runs"
	if !r.call(ctx, random, path, map[string]any{"id": id, "branch": "main"}, event{id, 0}) {
		return
	}
	for i, state := range []models.State{models.Preparing, models.Planning, models.Finished} {
		version := int64(i + 1)
		time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond) // so that the slow receiver keeps up
		if !r.call(ctx, random, path+"/"+id+"/states", map[string]any{"state": state, "stateVersion": version}, event{id, version}) {
			return
		}
	}
}

// call repeats a report until it is answered with success, at one server or another.
func (r *reports) call(ctx context.Context, random *rand.Rand, path string, body any, e event) bool {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	for ctx.Err() == nil {
		status, answer, err := r.post(ctx, r.servers.url(random.IntN(len(r.servers.list)))+path, text)
		r.mu.Lock()
		switch {
		case err != nil:
			r.unknown++
		case status == http.StatusServiceUnavailable:
			r.refused++
		case status == http.StatusOK || status == http.StatusCreated:
			for _, id := range answer {
				r.accepted[id] = e
			}
			r.events++
			if len(answer) != len(paths) {
				r.wrong = append(r.wrong, fmt.Sprintf("run %s, version %d: the answer names %d deliveries", e.run, e.version, len(answer)))
			}
			r.mu.Unlock()
			return true
		default:
			r.wrong = append(r.wrong, fmt.Sprintf("run %s, version %d: answered %d", e.run, e.version, status))
			r.mu.Unlock()
			return false
		}
		r.mu.Unlock()
		time.Sleep(time.Duration(5+random.IntN(30)) * time.Millisecond)
	}
	return false
}

func (r *reports) post(ctx context.Context, url string, body []byte) (status int, deliveries []string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.site.token)
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return 0, nil, err
	}
	var answer struct {
		Deliveries []string `json:"deliveries"`
	}
	if resp.StatusCode < 300 {
		err = json.Unmarshal(text, &answer)
	}
	return resp.StatusCode, answer.Deliveries, err
}
