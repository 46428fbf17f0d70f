package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store"
)

// Debian's program webhook verifies either signature header: what is signed with its secret is accepted and handed to
// its command with the payload's fields, what is signed with another is not.
func TestTheProgramWebhookVerifies(t *testing.T) {
	t.Parallel()
	program := needs.Program(t, "webhook", "receivers", "webhook")
	out := filepath.Join(t.TempDir(), "out")
	base := startWebhook(t, program, out)
	env := onDatabase(t)
	_, server := serving(t, env)
	token := prepare(t, env, base+"/hooks/sha256") // with the secret "a secret"
	inDatabase(t, env, func(s *store.Store) {
		stack, err := s.Stack(t.Context(), everything, "site")
		if err != nil {
			t.Fatal(err)
		}
		for path, secret := range map[string]string{"/hooks/sha1": "a secret", "/hooks/sha256?other": "another secret"} {
			if _, err := s.CreateWebhook(t.Context(), shellActor(), stack, models.WebhookForm{Endpoint: base + path, Secret: secret, Enabled: true}); err != nil {
				t.Fatal(err)
			}
		}
	})
	reportRun(t, server, token)
	inDatabase(t, env, func(s *store.Store) {
		rows := awaitAttempts(t, s, 3)
		for _, r := range rows {
			if wrong := r.Endpoint == base+"/hooks/sha256?other"; wrong != (r.Status != models.Delivered) || wrong && r.Code != 500 || !wrong && r.Code != 200 {
				t.Errorf("%s: %s, status code %d", r.Endpoint, r.Status, r.Code)
			}
		}
	})
	if text, err := os.ReadFile(out); err != nil || string(text) != "QUEUED main\nQUEUED main\n" {
		t.Errorf("the command was given %q, %v", text, err)
	}
}

// awaitAttempts waits until that many deliveries had an attempt.
func awaitAttempts(t *testing.T, s *store.Store, n int) []store.DeliveryRow {
	t.Helper()
	over, look := time.After(patience), time.NewTicker(20*time.Millisecond) // another process gives no signal
	defer look.Stop()
	for {
		log, err := s.Deliveries(t.Context(), everything, store.DeliveryFilter{}, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		tried := 0
		for _, r := range log.Rows {
			if r.Tries > 0 || r.Status == models.Delivered {
				tried++
			}
		}
		if tried == n {
			return log.Rows
		}
		select {
		case <-look.C:
		case <-over:
			t.Fatalf("%d of %d were tried: %+v", tried, n, log.Rows)
		}
	}
}

// startWebhook starts the program with a hook for each signature header. The hooks' command writes what it is given to a
// file.
func startWebhook(t *testing.T, program, out string) (base string) {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "note.sh")
	if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\necho \"$1 $2\" >> %q\n", out), 0o700); err != nil {
		t.Fatal(err)
	}
	hook := func(id, kind, header string) map[string]any {
		return map[string]any{
			"id": id, "execute-command": script, "include-command-output-in-response": true,
			"pass-arguments-to-command": []any{
				map[string]string{"source": "payload", "name": "state"}, map[string]string{"source": "payload", "name": "run.branch"},
			},
			"trigger-rule": map[string]any{"match": map[string]any{
				"type": kind, "secret": "a secret", "parameter": map[string]string{"source": "header", "name": header},
			}},
		}
	}
	hooks, err := json.Marshal([]any{hook("sha1", "payload-hmac-sha1", "X-Signature"), hook("sha256", "payload-hmac-sha256", "X-Signature-256")})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "hooks.json")
	if err := os.WriteFile(file, hooks, 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	cmd := exec.Command(program, "-hooks", file, "-ip", "127.0.0.1", "-port", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	awaitListener(t, "127.0.0.1:"+port)
	return "http://127.0.0.1:" + port
}

// awaitListener waits until something listens there.
func awaitListener(t *testing.T, address string) {
	t.Helper()
	over, look := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer look.Stop()
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		select {
		case <-look.C:
		case <-over:
			t.Fatalf("nothing listens on %s", address)
		}
	}
}
