package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// gate is a receiver that lets no request through until it is opened.
type gate struct {
	*httptest.Server
	open chan struct{}

	mu       sync.Mutex
	knocked  int            // requests that came
	accepted map[string]int // answers with 200 that went out, by webhook-id
	changed  chan struct{}  // closed and replaced with each
}

// newGate starts a closed gate.
func newGate(t *testing.T) *gate {
	g := &gate{open: make(chan struct{}), accepted: map[string]int{}, changed: make(chan struct{})}
	g.Server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	g.change(func() { g.knocked++ })
	select {
	case <-g.open:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusOK)
	g.change(func() { g.accepted[r.Header.Get("webhook-id")]++ })
}

func (g *gate) change(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

// await waits until a condition on the gate's counts holds.
func (g *gate) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	over := time.After(patience)
	for {
		g.mu.Lock()
		ok, changed := holds(), g.changed
		g.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-over:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// inDatabase works on the database that the settings name, beside the server.
func inDatabase(t testing.TB, env []string, do func(*store.Store)) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Database: strings.TrimPrefix(env[0], "STACKHOOK_DATABASE=")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	do(s)
}

// prepare adds a stack "site" with a webhook to the endpoint, and returns a token that reports its runs.
func prepare(t testing.TB, env []string, endpoint string) (token string) {
	t.Helper()
	succeed(t, env, "stack", "add", "--name", "site")
	inDatabase(t, env, func(s *store.Store) {
		stack, err := s.Stack(t.Context(), everything, "site")
		if err != nil {
			t.Fatal(err)
		}
		form := models.WebhookForm{Endpoint: endpoint, Secret: "a secret", Enabled: true}
		if _, err := s.CreateWebhook(t.Context(), shellActor(), stack, form); err != nil {
			t.Fatal(err)
		}
	})
	return succeed(t, env, "token", "create", "--name", "ci", "--scope", "report", "--stack", "site")
}

// reportRun reports a run of the stack "site" through the API and returns the ids of its deliveries.
func reportRun(t *testing.T, base, token string) []string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v1/stacks/site/runs", strings.NewReader(`{"branch":"main"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Deliveries []string `json:"deliveries"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", resp.Status, text)
	}
	return answer.Deliveries
}
