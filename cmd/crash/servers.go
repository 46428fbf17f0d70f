package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// servers are processes of one database, each on an address that stays the same when it is started again.
type servers struct {
	plan plan
	mu   sync.Mutex
	list []*server
}

type server struct {
	addr    string
	process *exec.Cmd
}

// readyWithin is how long a server may take to start, on a busy machine.
const readyWithin = 30 * time.Second

func startServers(ctx context.Context, p plan) (*servers, error) {
	s := &servers{plan: p}
	for range p.servers {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		one := &server{addr: listener.Addr().String()}
		listener.Close()
		s.list = append(s.list, one)
		if err := s.start(ctx, one); err != nil {
			s.kill()
			return nil, err
		}
	}
	return s, nil
}

// start starts one server and waits until it is ready.
func (s *servers) start(ctx context.Context, one *server) error {
	cmd := exec.CommandContext(ctx, s.plan.binary, "serve")
	cmd.Env = append(os.Environ(),
		"STACKHOOK_ADDR="+one.addr, "STACKHOOK_DATABASE="+s.plan.database, "STACKHOOK_KEY_FILE="+filepath.Join(s.plan.dir, "stackhook.key"),
		"STACKHOOK_ALLOW_NETWORKS=127.0.0.0/8", "STACKHOOK_LOG_LEVEL=error", "STACKHOOK_ADMIN_EMAIL=", "STACKHOOK_ADMIN_PASSWORD=",
		// Everything ends within seconds; the lease is the shortest that may be.
		"STACKHOOK_RETRY_DELAYS=100ms,200ms,300ms,500ms,500ms,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s",
		"STACKHOOK_CONNECT_TIMEOUT=1s", "STACKHOOK_TIMEOUT=1s", "STACKHOOK_LEASE=41s")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a server: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	over := time.After(readyWithin)
	for {
		select {
		case <-ended:
			return errors.New("a server ended while it started")
		case <-over:
			cmd.Process.Kill()
			return fmt.Errorf("a server was not ready within %v", readyWithin)
		case <-time.After(10 * time.Millisecond):
		}
		if ready(ctx, one.addr) {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.process = cmd
	return nil
}

func ready(ctx context.Context, addr string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/healthz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// restart kills a server in the middle of whatever it does, and starts it again.
func (s *servers) restart(ctx context.Context, which int) error {
	s.mu.Lock()
	one := s.list[which]
	process := one.process
	s.mu.Unlock()
	process.Process.Kill()
	for { // until nobody listens there any more
		conn, err := net.Dial("tcp", one.addr)
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	return s.start(ctx, one)
}

func (s *servers) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.list {
		if one.process != nil {
			one.process.Process.Kill()
		}
	}
}

// url returns the address of one of the servers.
func (s *servers) url(which int) string { return "http://" + s.list[which%len(s.list)].addr }
