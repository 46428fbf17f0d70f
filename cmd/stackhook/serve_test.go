package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

func TestATerminatedServerFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	env, receiver := onDatabase(t), newGate(t)
	server, base := serving(t, env)
	token := prepare(t, env, receiver.URL)
	id := reportRun(t, base, token)[0]
	receiver.await(t, "the request came", func() bool { return receiver.knocked == 1 })

	if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitRefusal(t, base) // it listens no longer, and still waits for the answer
	close(receiver.open)
	if code := server.exit(t); code != 0 {
		text, _ := server.printed()
		t.Errorf("exit code %d:\n%s", code, text)
	}
	inDatabase(t, env, func(s *store.Store) {
		log, err := s.Deliveries(t.Context(), everything, store.DeliveryFilter{ID: id}, store.Page{})
		if err != nil || len(log.Rows) != 1 || log.Rows[0].Status != models.Delivered || log.Rows[0].Attempt != 1 {
			t.Errorf("%+v, %v", log.Rows, err)
		}
	})
}

// awaitRefusal waits until nobody listens there.
func awaitRefusal(t *testing.T, base string) {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	over, look := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer look.Stop()
	for {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			return
		}
		conn.Close()
		select {
		case <-look.C:
		case <-over:
			t.Fatalf("%s still listens", base)
		}
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	env, receiver := onDatabase(t), newGate(t)
	server, base := serving(t, env)
	token := prepare(t, env, receiver.URL)
	reportRun(t, base, token)
	receiver.await(t, "the request came", func() bool { return receiver.knocked == 1 })
	if err := server.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	awaitRefusal(t, base)
	if code := server.end(t, syscall.SIGINT); code == 0 {
		t.Error("it ended in good order, with a request in flight that is never answered")
	}
}

// A signal may come before anything runs. That is an end in good order, too.
func TestASignalDuringTheStart(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	quiet := &terminal{Out: io.Discard, Err: io.Discard}
	server := serveCommand{typed(t, "--database", filepath.Join(t.TempDir(), "stackhook.db"), "--addr", "127.0.0.1:0")}
	if err := server.Run(ended, quiet); err != nil {
		t.Errorf("serve: %v", err)
	}
	demo := demoCommand{Addr: "127.0.0.1:0", Dir: t.TempDir()}
	if err := demo.Run(ended, quiet); err != nil {
		t.Errorf("demo: %v", err)
	}
}

// What was accepted arrives, although the process is killed before it is delivered.
func TestKilledBetweenAcceptanceAndDelivery(t *testing.T) {
	t.Parallel()
	env, receiver := onDatabase(t), newGate(t)
	server, base := serving(t, env)
	token := prepare(t, env, receiver.URL)
	var accepted []string
	for range 20 { // more than are sent at once: some are in flight, some were never tried
		accepted = append(accepted, reportRun(t, base, token)...)
	}
	receiver.await(t, "8 requests were in flight", func() bool { return receiver.knocked >= 8 })
	if code := server.end(t, syscall.SIGKILL); code != -1 {
		t.Fatalf("exit code %d", code)
	}
	if len(receiver.accepted) != 0 {
		t.Fatal("something was delivered before")
	}

	close(receiver.open)
	serving(t, env)
	receiver.await(t, "everything arrived", func() bool {
		for _, id := range accepted {
			if receiver.accepted[id] == 0 {
				return false
			}
		}
		return true
	})
	if len(receiver.accepted) != len(accepted) {
		t.Errorf("%d deliveries arrived, %d were accepted", len(receiver.accepted), len(accepted))
	}
}

func TestOneServerADatabase(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	first, _ := serving(t, env)
	r := command(t, env, "", "serve")
	if r.code != 1 || !strings.Contains(r.err, "pid "+strconv.Itoa(first.cmd.Process.Pid)+")") || r.out != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
	first.end(t, syscall.SIGKILL)
	serving(t, env) // the lock ends with its process, however that ended
}

func TestAWrongKeyFileIsRefused(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	server, _ := serving(t, env)
	prepare(t, env, "https://example.com/")
	server.end(t, syscall.SIGTERM)
	key := filepath.Join(filepath.Dir(strings.TrimPrefix(env[0], "STACKHOOK_DATABASE=")), "stackhook.key")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	other := onDatabase(t) // whose key is another one
	server, _ = serving(t, other)
	server.end(t, syscall.SIGTERM)
	wrong := filepath.Join(filepath.Dir(strings.TrimPrefix(other[0], "STACKHOOK_DATABASE=")), "stackhook.key")

	for path, says := range map[string]string{
		wrong:         `sealed with key \d+, which the key file ` + regexp.QuoteMeta(wrong) + ` lacks`,
		key + ".gone": `sealed with key \d+, and there is no key file ` + regexp.QuoteMeta(key) + `\.gone`,
		"/dev/null":   `the key file /dev/null cannot be used`,
	} {
		for _, args := range [][]string{{"serve"}, {"stack", "list"}} {
			r := command(t, append(env, "STACKHOOK_KEY_FILE="+path), "", args...)
			if r.code != 1 || r.out != "" || !regexp.MustCompile(says).MatchString(r.err) {
				t.Errorf("%v with %s: exit code %d, stdout %q, stderr %q", args, path, r.code, r.out, r.err)
			}
		}
	}
	if _, err := os.Stat(key + ".gone"); err == nil {
		t.Error("a new key was made for a database that holds sealed secrets")
	}
}

func TestAnAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := command(t, append(onDatabase(t), "STACKHOOK_ADDR="+taken.Addr().String()), "", "serve")
	if r.code != 1 || r.out != "" || !strings.Contains(r.err, taken.Addr().String()+" is in use") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
}

func TestAnUnspecifiedAddressIsLocalhost(t *testing.T) {
	t.Parallel()
	server, base := serving(t, append(onDatabase(t), "STACKHOOK_ADDR=:0", "STACKHOOK_LOG_FORMAT=json"))
	if !strings.HasPrefix(base, "http://localhost:") {
		t.Errorf("listens on %s", base)
	}
	server.await(t, `"level":"WARN".*STACKHOOK_BASE_URL`)
	server.await(t, `(?m)^http://localhost:\d+/setup\?token=`)
}

// The first start prints a link that makes an administrator; later ones do not.
func TestTheFirstAdministratorByLink(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	server, base := serving(t, env)
	link := server.await(t, `(?m)^(http://\S+/setup\?token=\S+)$`)[1]
	client := newBrowser(t)
	token, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	client.post(t, link, url.Values{
		"token": {token.Query().Get("token")}, "email": {"ada@example.com"}, "name": {"Ada"}, "password": {"a long password"},
	}, http.StatusSeeOther)
	client.see(t, base+"/users", "ada@example.com")

	server.end(t, syscall.SIGTERM)
	server, _ = serving(t, env)
	server.end(t, syscall.SIGTERM)
	if text, _ := server.printed(); strings.Contains(text, "/setup") {
		t.Errorf("a second start printed:\n%s", text)
	}
}

func TestTheFirstAdministratorBySettings(t *testing.T) {
	t.Parallel()
	env := append(onDatabase(t), "STACKHOOK_ADMIN_EMAIL=ada@example.com", "STACKHOOK_ADMIN_PASSWORD=a long password")
	server, base := serving(t, env)
	server.await(t, `Added the first administrator, ada@example\.com`)
	client := newBrowser(t)
	client.signIn(t, base, "ada@example.com", "a long password")
	client.see(t, base+"/users", "ada@example.com")
	if text, _ := server.printed(); strings.Contains(text, "/setup") || strings.Contains(text, "a long password") {
		t.Errorf("it printed:\n%s", text)
	}
}

// A server is alive at once, and ready as soon as the engine's loop turns.
func TestProbes(t *testing.T) {
	t.Parallel()
	_, base := serving(t, onDatabase(t))
	client := newBrowser(t)
	client.see(t, base+"/healthz", "")
	over, look := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer look.Stop()
	for status := 0; status != http.StatusOK; {
		if status, _ = client.get(t, base+"/readyz"); status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("readyz: status %d", status)
		}
		select {
		case <-look.C:
		case <-over:
			t.Fatal("not ready")
		}
	}
}
