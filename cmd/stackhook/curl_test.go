package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models/needs"
)

// The command on a delivery's page, as it is read there, sends what the server had sent, to the byte; whatever is in the
// run's message.
func TestTheCurlCommandOnThePage(t *testing.T) {
	t.Parallel()
	needs.Program(t, "curl", "commands with curl", "curl bash dash")
	bash := needs.Program(t, "bash", "commands with curl", "curl bash dash")
	wire := newWire(t)
	env := append(onDatabase(t), "STACKHOOK_ADMIN_EMAIL=ada@example.com", "STACKHOOK_ADMIN_PASSWORD=correct horse battery")
	_, base := serving(t, env)
	token := prepare(t, env, wire.url+"/in/./it's?a=[1]&b=%2f")
	admin := newBrowser(t)
	admin.signIn(t, base, "ada@example.com", "correct horse battery")
	for _, message := range []string{
		`plain`,
		`it's "quoted" $(id) ` + "`id`" + ` \n !! 100 % {a,b}`,
		"<b>marks</b> \u202e\u2066 \u00a0\u200b\u0085\x7f\x1b[2J\r\n\ttabs",
		"Zürich ☃ 🚀 \U000e0041" + strings.Repeat("x", 1500),
	} {
		run := startRun(t, base, token, message)
		sent := wire.next(t)
		command := commandOn(t, admin, base, run)
		cmd := exec.CommandContext(t.Context(), bash, "-c", command)
		cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s\n%s", message, err, command, out)
		}
		if again := wire.next(t); again != sent {
			t.Errorf("%q: sent\n%q, and again\n%q\n%s", message, sent, again, command)
		}
	}
}

// commandOn returns the command that the page of a run's first delivery shows.
func commandOn(t *testing.T, b *browser, base, delivery string) string {
	t.Helper()
	over, look := time.After(patience), time.NewTicker(20*time.Millisecond) // the server gives no signal that it recorded the answer
	defer look.Stop()
	for {
		_, page := b.get(t, base+"/stacks/site/deliveries/"+delivery)
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		if command := doc.Find("pre[aria-label='curl command']").Text(); command != "" {
			return command
		}
		select {
		case <-look.C:
		case <-over:
			t.Fatalf("no command on\n%s", page)
		}
	}
}

// startRun reports a run with that message and returns the id of its delivery.
func startRun(t *testing.T, base, token, message string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"commit": map[string]string{"message": message}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v1/stacks/site/runs", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var run struct{ Deliveries []string }
	if err := json.NewDecoder(answer.Body).Decode(&run); err != nil || len(run.Deliveries) != 1 {
		t.Fatalf("%s, %+v, %v", answer.Status, run, err)
	}
	return run.Deliveries[0]
}

// wire is a receiver that keeps requests as they come, byte for byte, and accepts them.
type wire struct {
	url  string
	came chan string
}

func newWire(t *testing.T) wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := wire{"http://" + listener.Addr().String(), make(chan string, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.serve(conn)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return w
}

func (w wire) serve(conn net.Conn) {
	defer conn.Close()
	var raw bytes.Buffer
	r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		raw.WriteString(err.Error())
	}
	io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	w.came <- raw.String()
}

// next waits for a request.
func (w wire) next(t *testing.T) string {
	t.Helper()
	select {
	case raw := <-w.came:
		return raw
	case <-time.After(patience):
		t.Fatal("no request came")
		return ""
	}
}
