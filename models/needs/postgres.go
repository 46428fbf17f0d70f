package needs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Cluster is a PostgreSQL server of its own, on loopback, in a folder that goes with it.
type Cluster struct {
	dir, bin string
	port     int
	account  *syscall.Credential // nil: that of this process
	args     []string

	mu        sync.Mutex
	process   *exec.Cmd
	ended     chan struct{}
	databases atomic.Int64
}

// startWithin bounds how long a server may take to answer.
const startWithin = 30 * time.Second

// StartPostgres makes and starts a server. With durable, commits wait for the disk, as on a real one; without, it is
// faster. It ends with Close, or with this process, however that ends. An error of exec.ErrNotFound says that PostgreSQL
// is not installed.
func StartPostgres(durable bool) (*Cluster, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin}
	if c.dir, err = os.MkdirTemp("", "stackhook-postgres-"); err != nil {
		return nil, err
	}
	if err := c.make(durable); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.Start(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// postgresPrograms returns the folder of initdb and postgres, which Debian keeps out of the path.
func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("find PostgreSQL's initdb: %w", exec.ErrNotFound)
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// make lays the server's folder out.
func (c *Cluster) make(durable bool) error {
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		other, err := user.Lookup("postgres")
		if err != nil {
			if other, err = user.Lookup("nobody"); err != nil {
				return err
			}
		}
		uid, _ := strconv.Atoi(other.Uid)
		gid, _ := strconv.Atoi(other.Gid)
		c.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(c.dir, uid, gid); err != nil {
			return err
		}
	}
	if err := os.Chmod(c.dir, 0o700); err != nil {
		return err
	}
	initdb := c.command("initdb", "-D", c.data(), "-U", "stackhook", "--auth=trust", "--encoding=UTF8", "--no-sync", "--locale=C.UTF-8")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("make a PostgreSQL server: %w\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.port = listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	c.args = []string{
		"-D", c.data(), "-p", strconv.Itoa(c.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + c.dir,
		"-c", "max_connections=400", "-c", "log_min_messages=fatal",
	}
	if !durable {
		c.args = append(c.args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	return nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.account}
	return cmd
}

// Start starts the server again after Stop.
func (c *Cluster) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	started := make(chan error)
	c.ended = make(chan struct{})
	ended := c.ended
	go func() {
		// The signal at the parent's death is at that of its thread: this goroutine keeps one for as long as the server runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		cmd := c.command("postgres", c.args...)
		cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT // at once, and its children with it
		c.process = cmd
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("start PostgreSQL: it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("start PostgreSQL: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server as a power cut would: nothing is finished, and the next Start recovers.
func (c *Cluster) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil || c.process.Process == nil {
		return
	}
	c.process.Process.Signal(syscall.SIGQUIT)
	<-c.ended
	c.process = nil
}

// Close ends the server and removes its folder.
func (c *Cluster) Close() {
	c.Stop()
	os.RemoveAll(c.dir)
}

// URL returns the address of one of the server's databases.
func (c *Cluster) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("stackhook"), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)), Path: "/" + database}
	return u.String()
}

// Port is where the server listens on loopback.
func (c *Cluster) Port() int { return c.port }

// NewDatabase makes an empty database, or a copy of the one that template names, and returns its name.
func (c *Cluster) NewDatabase(template string) (string, error) {
	name := "test_" + strconv.FormatInt(c.databases.Add(1), 10)
	text := "CREATE DATABASE " + name
	if template != "" {
		text += " TEMPLATE " + template + " STRATEGY FILE_COPY"
	}
	return name, c.Exec(text)
}

// Exec runs a statement as the server's owner.
func (c *Cluster) Exec(text string) error {
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(text)
	return err
}

var shared struct {
	sync.Mutex
	cluster *Cluster
	users   int
}

// Postgres returns the server that the tests of this process share while one of them runs. Where it is missing the test
// is skipped, as one of the group.
func Postgres(t testing.TB, group string) *Cluster {
	t.Helper()
	if _, err := postgresPrograms(); err != nil {
		missing(t, os.Getenv, group, "install the Debian package postgresql")
		return nil
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		cluster, err := StartPostgres(false)
		if err != nil {
			t.Fatal(err)
		}
		shared.cluster = cluster
	}
	shared.users++
	t.Cleanup(func() {
		shared.Lock()
		defer shared.Unlock()
		if shared.users--; shared.users == 0 {
			shared.cluster.Close()
			shared.cluster = nil
		}
	})
	return shared.cluster
}
