package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// receiver accepts every request and remembers when each delivery first came.
type receiver struct {
	url    string
	server *http.Server

	watching atomic.Bool // it remembers what comes

	mu    sync.Mutex
	first map[string]time.Time // by webhook-id
	came  chan struct{}        // holds one nudge
}

func newReceiver() (*receiver, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	r := &receiver{url: "http://" + listener.Addr().String() + "/hooks", first: map[string]time.Time{}, came: make(chan struct{}, 1)}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go r.server.Serve(listener) // it ends with close
	return r, nil
}

func (r *receiver) close() { r.server.Close() }

// ServeHTTP reads the body, as a receiver that verifies would, and answers 204.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	now := time.Now()
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	if req.URL.Path == "/hooks/hang" {
		<-req.Context().Done()
		return
	}
	if id := req.Header.Get("webhook-id"); id != "" && r.watching.Load() {
		r.note(id, now)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) note(id string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.first[id]; again {
		return
	}
	r.first[id] = at
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// await waits until all deliveries with those ids came, or the time is over, and returns when each came.
func (r *receiver) await(ids []string, within time.Duration) map[string]time.Time {
	over := time.After(within)
	for i := 0; i < len(ids); { // one id at a time: counting all with each request would slow down what is measured
		if r.has(ids[i]) {
			i++
			continue
		}
		select {
		case <-r.came:
		case <-over:
			return r.times(ids)
		}
	}
	return r.times(ids)
}

func (r *receiver) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, came := r.first[id]
	return came
}

func (r *receiver) times(ids []string) map[string]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	came := make(map[string]time.Time, len(ids))
	for _, id := range ids {
		if at, ok := r.first[id]; ok {
			came[id] = at
		}
	}
	return came
}
