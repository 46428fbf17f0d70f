package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pipelineOf is a pipeline on a machine of its own: a working folder, a spool, and the settings of its CI.
type pipelineOf struct {
	*testing.T
	dir, spool string
	env        []string
	token      string
}

func newSteps(t *testing.T, server, token string) pipelineOf {
	t.Helper()
	p := pipelineOf{T: t, dir: t.TempDir(), spool: t.TempDir(), token: token}
	p.env = []string{"STACKHOOK_URL=" + server, "STACKHOOK_TOKEN=" + token, "STACKHOOK_STACK=site", "STACKHOOK_SPOOL=" + p.spool}
	return p
}

// command is one step.
func (p pipelineOf) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := program(ctx, p.env, append([]string{"report"}, args...)...)
	cmd.Dir = p.dir
	return cmd
}

// step runs one step, and checks that the token is in nothing that it prints.
func (p pipelineOf) step(args ...string) result {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), patience)
	defer cancel()
	cmd := p.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		p.Fatalf("report %s: %v", strings.Join(args, " "), err)
	}
	if strings.Contains(out.String()+errs.String(), p.token) {
		p.Errorf("report %s prints the token", strings.Join(args, " "))
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// must runs a step that must succeed and say that.
func (p pipelineOf) must(says string, args ...string) string {
	p.Helper()
	r := p.step(args...)
	if r.code != 0 || !regexp.MustCompile(says).MatchString(r.err) {
		p.Errorf("report %s: exit code %d, stdout %q, stderr %q; want %q", strings.Join(args, " "), r.code, r.out, r.err, says)
	}
	return strings.TrimSuffix(r.out, "\n")
}

// inbox is a receiver that keeps what comes, and refuses the first attempt of one state.
type inbox struct {
	*httptest.Server
	refuse string

	mu      sync.Mutex
	came    []message
	changed chan struct{}
}

type message struct {
	id, state string
	version   int64
	body      string
}

func newInbox(t *testing.T, refuse string) *inbox {
	t.Helper()
	i := &inbox{refuse: refuse, changed: make(chan struct{})}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	var payload struct {
		State        string `json:"state"`
		StateVersion int64  `json:"stateVersion"`
	}
	_ = json.Unmarshal(text, &payload)
	i.mu.Lock()
	defer i.mu.Unlock()
	again := slices.ContainsFunc(i.came, func(m message) bool { return m.id == r.Header.Get("webhook-id") })
	if payload.State == i.refuse && !again {
		w.WriteHeader(http.StatusInternalServerError)
	}
	i.came = append(i.came, message{r.Header.Get("webhook-id"), payload.State, payload.StateVersion, string(text)})
	close(i.changed)
	i.changed = make(chan struct{})
}

// await waits until so many requests have come.
func (i *inbox) await(t *testing.T, n int) []message {
	t.Helper()
	over := time.After(patience)
	for {
		i.mu.Lock()
		came, changed := slices.Clone(i.came), i.changed
		i.mu.Unlock()
		if len(came) >= n {
			return came
		}
		select {
		case <-changed:
		case <-over:
			t.Fatalf("%d requests came, want %d: %+v", len(came), n, came)
		}
	}
}

// front is an address that stays the same while the server behind it is another one, or none. Closed, it answers nothing.
type front struct {
	*httptest.Server
	mu     sync.Mutex
	to     *url.URL
	closed bool
}

func newFront(t *testing.T, base string) *front {
	t.Helper()
	f := &front{}
	f.leadTo(t, base)
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	to, closed := f.to, f.closed
	f.mu.Unlock()
	if closed {
		_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client is gone
		<-r.Context().Done()
		return
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // as nobody would answer
	proxy.ServeHTTP(w, r)
}

func (f *front) leadTo(t *testing.T, base string) {
	t.Helper()
	to, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = to
}

func (f *front) close(closed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = closed
}

// nobody returns an address at which nobody listens, and nobody else will while the test runs.
func nobody(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
}

// awaitFiles waits until there are so many.
func awaitFiles(t *testing.T, pattern string, n int) {
	t.Helper()
	over, look := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer look.Stop()
	for {
		if list, err := filepath.Glob(pattern); err != nil || len(list) >= n {
			return
		}
		select {
		case <-look.C:
		case <-over:
			t.Fatalf("waited in vain for %d files %s", n, pattern)
		}
	}
}
