package main

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stackhook/delivery"
	"stackhook/models/needs"
)

// secrets are of each kind that a receiver must take exactly as typed.
var secrets = []string{"s3cret", "  two words, quotes ' \" and ünicode ", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}

// A payload whose bytes a receiver must not change: letters beyond ASCII, a blank that JSON does not need, a line break.
const payload = "{\"account\":\"acme\", \"state\":\"FINISHED\",\"run\":{\"commit\":{\"message\":\"Füge ein Subnetz hinzu – 100 %\"}}}\n"

const deliveryID = "01K6X4M2ZB8Q0V5T7N3RC9WEAH"

// receiver is a program on the page about webhooks, and what runs it.
type receiver struct {
	file     string
	run      string // a program; the file is its last argument
	group    string // of what is skipped where the program is missing, with its Debian packages
	packages string
}

var receiverPrograms = []receiver{
	{"receiver.go.txt", "go", "receivers in Go", "golang-go"},
	{"receiver.mjs", "node", "receivers in Node", "nodejs npm"},
	{"receiver.py", "python3", "receivers in Python", "python3"},
	{"receiver.rb", "ruby", "receivers in Ruby", "ruby"},
	{"receiver.sh", "openssl", "receivers in shell", "openssl"},
}

// Each receiver on the page about webhooks accepts what is signed with its secret, keeps its bytes once, and refuses
// everything else.
func TestReceiversOnTheHelpPage(t *testing.T) {
	t.Parallel()
	for _, r := range receiverPrograms {
		t.Run(r.file, func(t *testing.T) {
			t.Parallel()
			start := r.prepare(t)
			for _, secret := range secrets {
				dir := t.TempDir()
				receives(t, start(t, dir, secret), secret, dir)
			}
		})
	}
}

// receives sends a receiver with this secret right and wrong requests, and looks at what it keeps in its folder.
func receives(t *testing.T, base, secret, dir string) {
	t.Helper()
	signed := func(secret string) http.Header { return signedHeader(payload, secret, deliveryID) }
	without := signed(secret)
	without.Del("X-Signature-256")
	elsewhere := signed(secret)
	elsewhere.Set("webhook-id", "../../0000000000000000000")
	tests := []struct {
		name, body string
		header     http.Header
		want       int
	}{
		{"another secret", payload, signed("another"), http.StatusUnauthorized},
		{"no secret", payload, signed(""), http.StatusUnauthorized},
		{"the secret and a blank", payload, signed(secret + " "), http.StatusUnauthorized},
		{"no signature", payload, without, http.StatusUnauthorized},
		{"a changed body", strings.Replace(payload, "FINISHED", "FAILED", 1), signed(secret), http.StatusUnauthorized},
		{"a body with more", payload + " ", signed(secret), http.StatusUnauthorized},
		{"an id that leads elsewhere", payload, elsewhere, http.StatusBadRequest},
		{"a body that is too long", strings.Repeat("x", 1<<24), signed(secret), http.StatusRequestEntityTooLarge},
		{"right", payload, signed(secret), http.StatusNoContent},
		{"again", payload, signed(secret), http.StatusNoContent},
	}
	for _, test := range tests {
		if code := send(t, base, test.header, test.body); code != test.want && (code != 0 || test.want != http.StatusRequestEntityTooLarge) {
			t.Errorf("secret %q, %s: %d, want %d", secret, test.name, code, test.want)
		}
	}
	kept, err := os.ReadDir(filepath.Join(dir, "inbox"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %v, %v", kept, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "inbox", deliveryID+".json")); err != nil || string(text) != payload {
		t.Errorf("kept %q, %v", text, err)
	}
}

// Without a secret no receiver starts, or none accepts.
func TestReceiversOnTheHelpPageNeedASecret(t *testing.T) {
	t.Parallel()
	for _, r := range receiverPrograms {
		t.Run(r.file, func(t *testing.T) {
			t.Parallel()
			if r.file == "receiver.sh" {
				base := r.prepare(t)(t, t.TempDir(), "")
				if code := send(t, base, signedHeader(payload, "", deliveryID), payload); code != http.StatusInternalServerError {
					t.Errorf("answers %d", code)
				}
				return
			}
			p := follow(t, r.command(t, t.TempDir(), ""))
			p.await(t, "Set WEBHOOK_SECRET")
			if code := p.exit(t); code != 1 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// prepare returns a function that starts the receiver in a folder.
func (r receiver) prepare(t *testing.T) func(t *testing.T, dir, secret string) (base string) {
	t.Helper()
	needs.Program(t, r.run, r.group, r.packages)
	if r.file != "receiver.sh" {
		return func(t *testing.T, dir, secret string) string {
			return follow(t, r.command(t, dir, secret)).await(t, `listens on (http://\S+)`)[1]
		}
	}
	return func(t *testing.T, dir, secret string) string {
		server := httptest.NewServer(&cgi.Handler{
			Path: "/bin/sh", Args: []string{snippet(t, r.file)}, Dir: dir, Env: []string{"WEBHOOK_SECRET=" + secret}, Stderr: t.Output(),
		})
		t.Cleanup(server.Close)
		return server.URL
	}
}

// command is the command that runs the receiver in a folder, on a free port.
func (r receiver) command(t *testing.T, dir, secret string) *exec.Cmd {
	t.Helper()
	program := needs.Program(t, r.run, r.group, r.packages)
	cmd := exec.Command(program, snippet(t, r.file))
	if r.run == "go" {
		cmd = exec.Command(build(t, program, r.file))
	}
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PORT=0", "WEBHOOK_SECRET="+secret)
	return cmd
}

// build compiles a Go program. `go run` would leave it running when it is killed itself.
func build(t *testing.T, program, file string) string {
	t.Helper()
	text, err := os.ReadFile(snippet(t, file))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source := filepath.Join(dir, strings.TrimSuffix(file, ".txt"))
	if err := os.WriteFile(source, text, 0o600); err != nil {
		t.Fatal(err)
	}
	built := filepath.Join(dir, "receiver")
	if out, err := exec.CommandContext(t.Context(), program, "build", "-o", built, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return built
}

// snippet returns the path of a program on the help pages.
func snippet(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "views", "snippets", file))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// signedHeader is the header of a request that is made now.
func signedHeader(body, secret, id string) http.Header {
	header := http.Header{"Content-Type": {"application/json"}}
	for _, h := range delivery.Sign([]byte(body), secret, id, time.Now()) {
		header.Set(h.Name, h.Value)
	}
	return header
}

// send returns the status code of the answer, 0 if there is none: who refuses a long body need not read it to its end, and
// then the connection breaks.
func send(t *testing.T, url string, header http.Header, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Logf("%d bytes: %v", len(body), err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
