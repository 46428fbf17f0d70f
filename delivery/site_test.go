package delivery

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// patience bounds the waiting for what happens in milliseconds unless something is wrong.
const patience = 30 * time.Second

// site is a stack on a real store, whose engines send to a real receiver over real sockets. Time is the machine's.
type site struct {
	t      *testing.T
	store  *store.Store
	stack  models.Stack
	config Config
}

// newSite is a site whose failed attempts are repeated soon.
func newSite(t *testing.T, s *store.Store) *site {
	t.Helper()
	delays := make([]time.Duration, 20)
	for i := range delays {
		delays[i] = 20 * time.Millisecond
	}
	return &site{
		t: t, store: s, stack: storetest.Stack(t, s, "demo"),
		config: Config{AllowNetworks: loopback, RetryDelays: delays, Logger: slog.New(slog.DiscardHandler)},
	}
}

// start runs an engine on a store. stop ends it and waits for that; the test's end does so too.
func (s *site) start(on *store.Store, change ...func(*Engine)) (e *Engine, stop func()) {
	s.t.Helper()
	e, err := New(on, s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range change {
		f(e)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := e.Run(ctx); err != nil {
			s.t.Errorf("run: %v", err)
		}
	}()
	stop = func() { cancel(); <-ended }
	s.t.Cleanup(stop)
	return e, stop
}

// report starts a run with a message that makes its payload longer than 4 KiB, and returns its only delivery's id.
func (s *site) report() string {
	s.t.Helper()
	message := strings.Repeat("m", models.MaxCommitMessage)
	rec, err := s.store.StartRun(s.t.Context(), s.stack, models.RunReport{Commit: &models.CommitReport{Message: &message}})
	if err != nil {
		s.t.Fatal(err)
	}
	return rec.Deliveries[0]
}

// attempts returns a delivery with its attempts, oldest first.
func (s *site) attempts(id string) (models.Delivery, []models.Attempt) {
	s.t.Helper()
	w := world{t: s.t, store: s.store, stack: s.stack}
	d := w.delivery(id)
	return d, w.attempts(d)
}

// payload returns the bytes that a delivery is to bring.
func (s *site) payload(d models.Delivery) []byte {
	s.t.Helper()
	event, err := s.store.Event(s.t.Context(), d.EventID)
	if err != nil {
		s.t.Fatal(err)
	}
	return event.Payload
}

// await looks until something is so that gives no signal.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	over, look := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer look.Stop()
	for !so() {
		select {
		case <-over:
			t.Errorf("not within %v: %s", patience, what) // not Fatal: it is called beside the test too
			return
		case <-look.C:
		}
	}
}

// mailbox keeps what arrived whole, by webhook-id.
type mailbox struct {
	answer http.HandlerFunc // after the request was read; nil is 200 without a body

	mu   sync.Mutex
	came map[string][][]byte
	all  int
}

func (m *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest) // as any receiver would; the line brings it to nobody
		return
	}
	m.mu.Lock()
	if m.came == nil {
		m.came = map[string][][]byte{}
	}
	id := r.Header.Get("webhook-id")
	m.came[id] = append(m.came[id], body)
	m.all++
	m.mu.Unlock()
	if m.answer != nil {
		m.answer(w, r)
	}
}

// of returns the bodies that came with an id.
func (m *mailbox) of(id string) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.came[id]
}

// count returns how many requests arrived.
func (m *mailbox) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all
}

// ids returns whose requests arrived.
func (m *mailbox) ids() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for id := range m.came {
		ids = append(ids, id)
	}
	return ids
}

// allAre reports whether each body is the wanted one.
func allAre(bodies [][]byte, want []byte) bool {
	for _, body := range bodies {
		if !bytes.Equal(body, want) {
			return false
		}
	}
	return true
}

// hearing is a log that calls a function with each message, before whoever logs goes on.
type hearing func(message string)

func (h hearing) Enabled(context.Context, slog.Level) bool { return true }

func (h hearing) Handle(_ context.Context, r slog.Record) error {
	h(r.Message)
	return nil
}

func (h hearing) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h hearing) WithGroup(string) slog.Handler { return h }
