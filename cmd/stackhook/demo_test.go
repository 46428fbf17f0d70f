package main

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackhook/delivery"
	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store"
)

// The demo on a port that is in use: it takes another one, both users sign in, every kind of delivery appears, its curl
// command works, and Ctrl-C removes what it made.
func TestDemo(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	demo := start(t, []string{"TMPDIR=" + t.TempDir()}, "demo", "--addr", taken.Addr().String())
	demo.await(t, `Ctrl-C`)
	demo.await(t, `Port \d+ is in use`)
	base := demo.await(t, `Stackhook demo: (http://127\.0\.0\.1:\d+)\n`)[1]
	dir := demo.await(t, `data: (\S+) \(removed at the end\)`)[1]
	inbox := demo.await(t, `practice receiver: (http://\S+)`)[1]
	admin := demo.await(t, `administrator +(\S+) +password (\S+)`)
	reader := demo.await(t, `read-only +(\S+) +password (\S+)`)

	ada, grace := newBrowser(t), newBrowser(t)
	ada.signIn(t, base, admin[1], admin[2])
	grace.signIn(t, base, reader[1], reader[2])
	ada.see(t, base+"/stacks", "Networking prod")
	grace.see(t, base+"/stacks", "Spacelift demo")
	if status, _ := grace.get(t, base+"/stacks/networking-prod"); status != http.StatusNotFound {
		t.Errorf("the reader gets status %d for the other stack", status)
	}
	awaitDeliveries(t, filepath.Join(dir, "stackhook.db"))
	ada.see(t, inbox, pathUnsigned)

	command := demo.await(t, `(?s)(curl -sS .*?\}')`)[1]
	t.Run("curl", func(t *testing.T) {
		needs.Program(t, "curl", "commands with curl", "curl")
		out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"QUEUED"`) {
			t.Errorf("%s\n%s, %v", command, out, err)
		}
	})

	if code := demo.end(t, syscall.SIGINT); code != 0 {
		text, _ := demo.printed()
		t.Errorf("exit code %d:\n%s", code, text)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
}

// awaitDeliveries waits until the demo's database has every kind of delivery.
func awaitDeliveries(t *testing.T, path string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Database: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	over, look := time.After(patience), time.NewTicker(20*time.Millisecond) // another process gives no signal
	defer look.Stop()
	for _, kind := range []store.DeliveryFilter{
		{Status: models.Delivered, Code: 200},
		{Status: models.Pending, Reason: models.Reason5xx},
		{Status: models.Pending, Reason: models.ReasonTimeout},
		{Status: models.Skipped, Reason: models.ReasonWebhookDisabled},
		{State: models.FailedState},
		{State: models.Discarded},
		{State: models.Applying},
	} {
		for {
			log, err := s.Deliveries(t.Context(), everything, kind, store.Page{Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(log.Rows) > 0 {
				break
			}
			select {
			case <-look.C:
			case <-over:
				t.Fatalf("no delivery like %+v", kind)
			}
		}
	}
	if log, err := s.Deliveries(t.Context(), everything, store.DeliveryFilter{Code: http.StatusUnauthorized}, store.Page{}); err != nil || len(log.Rows) > 0 {
		t.Errorf("the receiver refused signatures: %+v, %v", log.Rows, err)
	}
}

// A demo on a folder goes on with what an earlier one left there.
func TestDemoOnAFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	for range 2 {
		demo := start(t, nil, "demo", "--addr", "127.0.0.1:0", "--dir", dir)
		demo.await(t, `Ctrl-C`)
		demo.await(t, `\(kept\)`)
		admin := demo.await(t, `administrator +(\S+) +password (\S+)`)
		newBrowser(t).signIn(t, demo.await(t, `Stackhook demo: (http://\S+)`)[1], admin[1], admin[2])
		if code := demo.end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	s, err := store.Open(t.Context(), store.Options{Database: filepath.Join(dir, "stackhook.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stacks, err := s.StackSummaries(t.Context(), everything)
	if err != nil || len(stacks) != 2 || len(stacks[0].Webhooks)+len(stacks[1].Webhooks) != len(sampleWebhooks) {
		t.Errorf("%+v, %v", stacks, err)
	}
	if tokens, err := s.Tokens(t.Context()); err != nil || len(tokens) != 1 {
		t.Errorf("%+v, %v", tokens, err)
	}
}

func TestThePracticeReceiverVerifies(t *testing.T) {
	t.Parallel()
	receiver := newPracticeReceiver()
	receiver.expect(pathDeploys, "a secret")
	receiver.expect(pathBroken, "a secret")
	server := httptest.NewServer(receiver.handler())
	defer server.Close()
	const body = `{"state":"FINISHED","stateVersion":4}`
	for _, c := range []struct {
		name, path, secret, drop string
		status                   int
	}{
		{name: "both right", path: pathDeploys, secret: "a secret", status: 200},
		{name: "right, and broken", path: pathBroken, secret: "a secret", status: 500},
		{name: "the empty secret", path: pathUnsigned, status: 200},
		{name: "another secret", path: pathDeploys, secret: "another", status: 401},
		{name: "another secret, and broken", path: pathBroken, secret: "another", status: 401},
		{name: "no SHA-1", path: pathDeploys, secret: "a secret", drop: "X-Signature", status: 401},
		{name: "no SHA-256", path: pathDeploys, secret: "a secret", drop: "X-Signature-256", status: 401},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+c.path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range delivery.Sign([]byte(body), c.secret, "id", time.Now()) {
			if h.Name != c.drop {
				req.Header.Set(h.Name, h.Value)
			}
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %s", c.name, resp.Status)
		}
	}
	newBrowser(t).see(t, server.URL+"/", "401, a signature was wrong")
}

// Every story goes through states that the API takes, and ends.
func TestSampleRuns(t *testing.T) {
	t.Parallel()
	told := map[models.State]bool{}
	for _, run := range sampleRuns {
		for i, step := range run.story.steps {
			if last := i == len(run.story.steps)-1; !step.state.Known() || step.state.Terminal() != last {
				t.Errorf("%s: %s is step %d", run.story.name, step.state, i)
			}
			told[step.state] = true
		}
		if _, err := url.Parse(run.report(time.Now()).Commit.URL); err != nil {
			t.Error(err)
		}
	}
	for _, state := range []models.State{models.Finished, models.FailedState, models.Discarded, models.Applying} {
		if !told[state] {
			t.Errorf("no run comes to %s", state)
		}
	}
}
