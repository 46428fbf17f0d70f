package report_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"stackhook/cmd/stackhook/report"
	"stackhook/models"
)

// server answers reports as the API does, and keeps what it took.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string // path and body
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		State        models.State `json:"state"`
		StateVersion int64        `json:"stateVersion"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.calls = append(s.calls, fmt.Sprintf("%s %s %d", strings.TrimPrefix(r.URL.Path, "/api/v1/stacks/"), body.State, body.StateVersion))
	s.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(body)
}

func TestReportsAreSentInOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r, err := report.Open(report.Options{URL: s.URL, Token: "token", Stack: "demo", Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	run := r.Start(models.RunReport{})
	run.Report(models.Planning, nil)
	run.Report(models.Finished, &models.Delta{Resources: 1})
	summary, err := r.Close(t.Context())
	if err != nil || summary.Sent != 3 || summary.Waiting != 0 {
		t.Errorf("%+v, %v", summary, err)
	}
	want := []string{"demo/runs QUEUED 0", "demo/runs/" + run.ID() + "/states PLANNING 1", "demo/runs/" + run.ID() + "/states FINISHED 2"}
	if strings.Join(s.calls, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", s.calls, want)
	}
}
