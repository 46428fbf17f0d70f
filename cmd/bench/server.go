package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

const (
	account = "bench"
	secret  = "a secret of the benchmark"
)

// server is a "stackhook serve" with one stack, and its database.
type server struct {
	binary, database, key string
	process               *exec.Cmd
	url                   string
	store                 *store.Store
	stack                 models.Stack
	webhooks              []models.Webhook // those that answer
	token                 string
	client                *http.Client
}

func (b *bench) newServer(database string) *server {
	return &server{binary: b.binary, database: database, key: filepath.Join(b.dir, "stackhook.key"), client: newClient()}
}

// start makes a database with a stack of so many webhooks, and starts a server on it.
func (b *bench) start(ctx context.Context, database string, webhooks int) (*server, error) {
	s := b.newServer(database)
	if err := s.prepare(ctx, b.receiver.url, webhooks); err != nil {
		return nil, err
	}
	if err := s.serve(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

var by = models.Actor{Kind: models.ActorShell, Name: "bench"}

// prepare makes the database, with a token.
func (s *server) prepare(ctx context.Context, endpoint string, webhooks int) (err error) {
	if err = s.open(ctx); err != nil {
		return err
	}
	if s.stack, err = s.store.CreateStack(ctx, by, models.Stack{ID: "bench", Name: "Bench", Labels: []string{}}); err != nil {
		return err
	}
	for i := range webhooks {
		w, err := s.store.CreateWebhook(ctx, by, s.stack, models.WebhookForm{Endpoint: endpoint + "/" + strconv.Itoa(i), Secret: secret, Enabled: true})
		if err != nil {
			return err
		}
		s.webhooks = append(s.webhooks, w)
	}
	s.token, _, err = s.store.CreateToken(ctx, by, models.Token{Name: "bench", Scope: models.ScopeReport})
	return err
}

// open opens the database, and makes it if need be.
func (s *server) open(ctx context.Context) (err error) {
	s.store, err = store.Open(ctx, store.Options{Database: s.database, KeyFile: s.key, Account: account, Create: true})
	return err
}

// addWebhook adds one that need not answer.
func (s *server) addWebhook(ctx context.Context, endpoint string) error {
	_, err := s.store.CreateWebhook(ctx, by, s.stack, models.WebhookForm{Endpoint: endpoint, Secret: secret, Enabled: true})
	return err
}

// serve starts the process. A webhook may have as many requests at once as there are clients: with the default of eight the
// lines with one webhook would measure that.
func (s *server) serve(ctx context.Context) error {
	s.process = exec.CommandContext(ctx, s.binary, "serve", "--addr=127.0.0.1:0", "--account="+account, "--allow-networks=127.0.0.0/8",
		fmt.Sprintf("--max-per-webhook=%d", clients), "--log-level=error")
	s.process.Env = append(os.Environ(), "STACKHOOK_DATABASE="+s.database, "STACKHOOK_KEY_FILE="+s.key)
	s.process.Cancel = func() error { return s.process.Process.Signal(syscall.SIGTERM) }
	s.process.Stderr = os.Stderr
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if s.url, err = listening(stdout); err != nil {
		s.stop()
	}
	return err
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

// stop ends the process and closes the database.
func (s *server) stop() {
	s.process.Process.Signal(syscall.SIGTERM) // it may have ended
	s.process.Wait()                          // its own messages say what was wrong
	s.close()
}

func (s *server) close() {
	s.client.CloseIdleConnections()
	s.store.Close()
}

// newClient returns a client that keeps its connections: the default of two a host would make it dial all the time.
func newClient() *http.Client {
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConns: 2 * clients, MaxIdleConnsPerHost: 2 * clients, DisableCompression: true},
	}
}
