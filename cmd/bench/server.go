package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

const (
	account = "bench"
	secret  = "a secret of the benchmark"
)

// server is a running "stackhook serve" with one stack.
type server struct {
	binary, database string
	process          *exec.Cmd
	url              string
	stack            models.Stack
	token            string
	client           *http.Client
}

// startServer builds the server, unless binary is one, and starts it on a new database in dir.
func startServer(ctx context.Context, dir, binary string) (*server, error) {
	if binary == "" {
		binary = filepath.Join(dir, "stackhook")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "stackhook/cmd/stackhook").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build the server: %w\n%s", err, out)
		}
	}
	s := &server{binary: binary, database: filepath.Join(dir, "stackhook.db"), client: newClient()}
	s.process = s.command(ctx, "serve", "--addr=127.0.0.1:0", "--account="+account, "--allow-networks=127.0.0.0/8",
		fmt.Sprintf("--max-per-webhook=%d", clients), "--log-level=error")
	s.process.Cancel = func() error { return s.process.Process.Signal(syscall.SIGTERM) }
	s.process.Stderr = os.Stderr
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	if s.url, err = listening(stdout); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// command runs the binary on the benchmark's database.
func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), "STACKHOOK_DATABASE="+s.database, "STACKHOOK_KEY_FILE=")
	return cmd
}

var listensOn = regexp.MustCompile(`listens on (http://\S+)`)

// listening reads the server's URL from what it prints, and lets it print on.
func listening(stdout io.Reader) (string, error) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if m := listensOn.FindStringSubmatch(lines.Text()); m != nil {
			go io.Copy(io.Discard, stdout) // it ends with the server
			return m[1], nil
		}
	}
	return "", errors.New("the server ended before it listened")
}

func (s *server) stop() {
	s.process.Process.Signal(syscall.SIGTERM) // it may have ended
	s.process.Wait()                          // its own messages say what was wrong
}

// prepare adds a stack with one webhook, and a token.
func (s *server) prepare(ctx context.Context, endpoint string) error {
	for _, c := range []struct {
		args []string
		out  *string
	}{
		{[]string{"stack", "add", "--name=Bench"}, new(string)},
		{[]string{"token", "create", "--name=bench", "--scope=report", "--all-stacks"}, &s.token},
	} {
		out, err := s.command(ctx, c.args...).Output()
		if err != nil {
			return fmt.Errorf("run stackhook %s: %w", strings.Join(c.args, " "), err)
		}
		*c.out = string(bytes.TrimSpace(out))
	}
	db, err := store.Open(ctx, store.Options{Database: s.database})
	if err != nil {
		return err
	}
	by := models.Actor{Kind: models.ActorShell, Name: "bench"}
	if s.stack, err = db.Stack(ctx, models.Viewer{User: &models.User{Role: models.Administrator}}, "bench"); err == nil {
		_, err = db.CreateWebhook(ctx, by, s.stack, models.WebhookForm{Endpoint: endpoint, Secret: secret, Enabled: true})
	}
	return errors.Join(err, db.Close())
}

// newClient returns a client that keeps its connections: the default of two a host would make it dial all the time.
func newClient() *http.Client {
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConns: 2 * clients, MaxIdleConnsPerHost: 2 * clients, DisableCompression: true},
	}
}
