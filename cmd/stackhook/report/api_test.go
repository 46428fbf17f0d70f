package report_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"stackhook/cmd/stackhook/report"
	"stackhook/models"
)

// api answers reports as the server does, by the same rules, and keeps what it took.
type api struct {
	mu     sync.Mutex
	runs   map[string]*known
	took   []string // run, state and version of each report that was recorded, in order
	calls  int      // of all kinds
	tokens map[string]bool

	// before may answer in the place of the API: it returns a status, or 0. It is called with the lock held.
	before func(call) reply
}

// known is a run that the API knows.
type known struct {
	run    models.Run
	events []models.Event
}

// call is what the API was asked.
type call struct {
	method, run string
	state       models.State
	version     int64
}

// reply is an answer that is not the API's.
type reply struct {
	status        int
	body          string
	retry, leads  string // headers
	disconnect    bool   // no answer at all
	recordedFirst bool   // the report is recorded, and the answer is lost
	hang          bool   // no answer until the client gives up
}

func newAPI() *api { return &api{runs: map[string]*known{}, tokens: map[string]bool{}} }

// report is a body of either call.
type body struct {
	ID           *string       `json:"id"`
	State        models.State  `json:"state"`
	StateVersion *int64        `json:"stateVersion"`
	Timestamp    *int64        `json:"timestamp"`
	Delta        *models.Delta `json:"delta"`
	CreatedAt    *int64        `json:"createdAt"`
	Branch       *string       `json:"branch"`
}

// RoundTrip is the way to the API without a network, for tests in a bubble.
func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	var reply reply
	if reply = a.serve(answer, r); reply.hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if reply.disconnect {
		return nil, io.ErrUnexpectedEOF
	}
	return answer.Result(), nil
}

// ServeHTTP is the way through a network.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if reply := a.serve(w, r); reply.hang {
		<-r.Context().Done()
	} else if reply.disconnect {
		panic(http.ErrAbortHandler)
	}
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) reply {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	a.tokens[r.Header.Get("Authorization")] = true
	var b body
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
			problem(w, http.StatusBadRequest, err.Error())
			return reply{}
		}
	}
	c := call{method: r.Method, state: b.State}
	rest := strings.TrimPrefix(r.URL.Path, "/api/v1/stacks/demo/runs")
	c.run = strings.TrimSuffix(strings.TrimPrefix(rest, "/"), "/states")
	if rest == "" && b.ID != nil {
		c.run = *b.ID
	}
	if b.StateVersion != nil {
		c.version = *b.StateVersion
	}
	if a.before != nil {
		if other := a.before(c); other != (reply{}) {
			return a.instead(w, r, c, b, other)
		}
	}
	a.answer(w, r.Method, rest == "", c, b)
	return reply{}
}

func (a *api) instead(w http.ResponseWriter, r *http.Request, c call, b body, other reply) reply {
	if other.recordedFirst {
		a.answer(httptest.NewRecorder(), r.Method, b.ID != nil, c, b)
	}
	if other.status != 0 {
		w.Header().Set("Retry-After", other.retry)
		w.Header().Set("Location", other.leads)
		w.WriteHeader(other.status)
		io.WriteString(w, other.body)
	}
	return other
}

// answer applies the rules of the contract, which are those of models.
func (a *api) answer(w http.ResponseWriter, method string, start bool, c call, b body) {
	k := a.runs[c.run]
	switch {
	case start && k == nil:
		k = &known{run: models.Run{ID: c.run, State: b.State, CreatedAt: *b.CreatedAt}}
		a.runs[c.run] = k
		a.record(w, k, models.Event{State: b.State, At: *b.Timestamp})
	case start:
		if field := (models.RunReport{CreatedAt: b.CreatedAt, State: &b.State}).Repeats(k.run, k.events[0]); field != "" {
			problem(w, http.StatusConflict, "another "+field)
			return
		}
		reportAnswer(w, http.StatusOK, k.events[0])
	case k == nil:
		problem(w, http.StatusNotFound, "not found")
	case method == http.MethodGet:
		reportAnswer(w, http.StatusOK, k.events[len(k.events)-1])
	default:
		report := models.StateReport{State: b.State, StateVersion: b.StateVersion, Timestamp: b.Timestamp, Delta: b.Delta}
		var recorded *models.Event
		if b.StateVersion != nil && *b.StateVersion < int64(len(k.events)) {
			recorded = &k.events[*b.StateVersion]
		}
		version, repeat, err := report.Judge(k.run, recorded)
		switch {
		case err != nil:
			problem(w, http.StatusConflict, err.Error())
		case repeat:
			reportAnswer(w, http.StatusOK, *recorded)
		default:
			a.record(w, k, models.Event{State: b.State, StateVersion: version, At: *b.Timestamp, Delta: b.Delta})
		}
	}
}

func (a *api) record(w http.ResponseWriter, k *known, e models.Event) {
	k.run.State, k.run.StateVersion = e.State, e.StateVersion
	k.events = append(k.events, e)
	a.took = append(a.took, fmt.Sprintf("%s %s %d", k.run.ID, e.State, e.StateVersion))
	reportAnswer(w, http.StatusCreated, e)
}

func reportAnswer(w http.ResponseWriter, status int, e models.Event) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"state": e.State, "stateVersion": e.StateVersion})
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"status": status, "detail": detail})
}

// of returns what was recorded of a run, in order, as “QUEUED 0 PLANNING 1”.
func (a *api) of(run string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var states []string
	for _, took := range a.took {
		if id, state, _ := strings.Cut(took, " "); id == run {
			states = append(states, state)
		}
	}
	return strings.Join(states, " ")
}

// change sets what answers in the API's place from now on.
func (a *api) change(before func(call) reply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = before
}

// always answers every call so.
func always(r reply) func(call) reply { return func(call) reply { return r } }

const secret = "shk_the-token-that-nobody-may-see"

// opened is a reporter with what it says.
type opened struct {
	*report.Reporter
	words *words
}

type words struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// open opens a reporter to the API, as one process would.
func open(t *testing.T, a *api, o report.Options) opened {
	t.Helper()
	said := &words{}
	o.URL, o.Token, o.Stack, o.Words = "http://stackhook.test", secret, "demo", said
	r, err := report.OpenThrough(o, a)
	if err != nil {
		t.Fatal(err)
	}
	return opened{r, said}
}

// end closes it, and checks the counts.
func (o opened) end(t *testing.T, want report.Counts) report.Summary {
	t.Helper()
	s, err := o.Close(t.Context())
	if err != nil || s.Counts != want {
		t.Errorf("%+v, %v; want %+v; it said:\n%s", s, err, want, o.words)
	}
	return s
}

// files returns the files of a spool, without its locks, by what they are in: “runs/…/00000001.json”.
func files(t *testing.T, spool, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(spool, "*", pattern))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// contains says whether any file below dir holds the text.
func contains(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || strings.Contains(string(content), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
