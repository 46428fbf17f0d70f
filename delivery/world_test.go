package delivery

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// world is a stack with one webhook, an engine on a real store, and a receiver, all inside one synctest bubble. Its
// engine polls once a day, so that nothing but a nudge and the next due time wakes it.
type world struct {
	t       *testing.T
	path    string // of the database
	store   *store.Store
	stack   models.Stack
	webhook models.Webhook
	config  Config
	inbox   *inbox
	logs    *bytes.Buffer
}

const (
	endpoint = "http://example.com/services/t0ken?key=qu3ry"
	secret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// inWorld runs f in a bubble of its own. answer tells the receiver how to answer each request.
func inWorld(t *testing.T, answer func(received) string, f func(*testing.T, *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, path: filepath.Join(t.TempDir(), "stackhook.db"), inbox: &inbox{answer: answer}, logs: &bytes.Buffer{}}
		w.store = storetest.Open(t, w.path)
		w.stack = storetest.Stack(t, w.store, "demo")
		w.webhook = storetest.Webhook(t, w.store, w.stack, endpoint, secret)
		w.config = Config{Poll: 24 * time.Hour, Logger: slog.New(slog.NewTextHandler(&lockedWriter{w: w.logs}, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		f(t, w)
	})
}

// engine returns an engine that sends to the inbox.
func (w *world) engine() *Engine {
	w.t.Helper()
	e, err := New(w.store, w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	overPipe(w.t, e.sender, w.inbox.serve)
	return e
}

// start runs an engine. stop ends it and waits for Run to return; the test's end does so too.
func (w *world) start() (e *Engine, stop func()) {
	w.t.Helper()
	e = w.engine()
	return e, w.run(e)
}

// run is start for an engine that was changed.
func (w *world) run(e *Engine) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := e.Run(ctx); err != nil {
			w.t.Errorf("run: %v", err)
		}
	}()
	stop = func() { cancel(); <-ended }
	w.t.Cleanup(stop)
	synctest.Wait()
	return stop
}

// report starts a run, and returns its delivery to the world's webhook.
func (w *world) report() models.Delivery {
	w.t.Helper()
	return w.delivery(storetest.Run(w.t, w.store, w.stack).Deliveries[0])
}

func (w *world) delivery(id string) models.Delivery {
	w.t.Helper()
	d, err := w.store.Delivery(w.t.Context(), w.stack, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// attempts returns a delivery's attempts, oldest first.
func (w *world) attempts(d models.Delivery) []models.Attempt {
	w.t.Helper()
	attempts, err := w.store.Attempts(w.t.Context(), d)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, j := 0, len(attempts)-1; i < j; i, j = i+1, j-1 {
		attempts[i], attempts[j] = attempts[j], attempts[i]
	}
	return attempts
}

// edit changes the world's webhook.
func (w *world) edit(form models.WebhookForm) {
	w.t.Helper()
	if _, err := w.store.UpdateWebhook(w.t.Context(), storetest.Shell, w.stack, w.webhook.ID, form); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) enable(enabled bool) {
	w.edit(models.WebhookForm{Endpoint: endpoint, Enabled: enabled})
}

// expect fails the test unless the delivery has this status and reason and so many attempts.
func (w *world) expect(id string, status models.Status, reason models.Reason, attempts int) {
	w.t.Helper()
	d := w.delivery(id)
	if got := len(w.attempts(d)); d.Status != status || d.Reason != reason || got != attempts {
		w.t.Errorf("the delivery is %s %q with %d attempts; want %s %q with %d", d.Status, d.Reason, got, status, reason, attempts)
	}
}

// wait lets the bubble's time pass, and everything that falls into it happen.
func (w *world) wait(d time.Duration) {
	time.Sleep(d) // the bubble's time: it takes none of ours
	synctest.Wait()
}

// received is a request as the receiver got it.
type received struct {
	at     time.Time
	count  int // 1 for the receiver's first request
	id     string
	host   string
	header http.Header
	body   []byte
}

// inbox keeps the requests that its connections bring.
type inbox struct {
	answer func(received) string

	mu       sync.Mutex
	requests []received
	open     int // requests that are not answered yet
	most     int // of them at once
}

func (in *inbox) serve(conn net.Conn) {
	for {
		r, body, err := readRequest(conn)
		if err != nil {
			return
		}
		answer := in.answer(in.note(r, body))
		in.mu.Lock()
		in.open--
		in.mu.Unlock()
		if _, err := io.WriteString(conn, answer); err != nil || answer == "" {
			return
		}
	}
}

func (in *inbox) note(r *http.Request, body []byte) received {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.open++
	in.most = max(in.most, in.open)
	got := received{time.Now(), len(in.requests) + 1, r.Header.Get("webhook-id"), r.Host, r.Header, body}
	in.requests = append(in.requests, got)
	return got
}

func (in *inbox) all() []received {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]received(nil), in.requests...)
}

func status(code int, headers ...string) string {
	lines := ""
	for _, h := range headers {
		lines += h + "\r\n"
	}
	return fmt.Sprintf("HTTP/1.1 %d Status\r\nContent-Length: 0\r\n%s\r\n", code, lines)
}

// always answers every request in the same way.
func always(code int, headers ...string) func(received) string {
	return func(received) string { return status(code, headers...) }
}

// after answers slowly.
func after(d time.Duration, code int) func(received) string {
	return func(received) string {
		time.Sleep(d) // the bubble's time
		return status(code)
	}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
