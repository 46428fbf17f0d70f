package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"stackhook/models/store/storetest"
)

// The marks are long, and have what each way of writing changes.
const (
	firstMark  = `first/marked+secret "<&é>"' ~71c2`
	secondMark = `second/marked+secret "<&é>"' ~9f4`
	nextMark   = `fourth/marked+secret, prepared "<&é>"' ~0a3`
	lastMark   = `fifth/marked+secret, at once "<&é>"' ~e66`
	wrongMark  = `third/marked+secret, in a form with a mistake "<&é>"' ~5b8`
)

// tracks are what a journey with secrets leaves behind.
type tracks struct {
	t       *testing.T
	base    string
	env     []string
	client  *browser
	token   string // of the scope admin
	secrets []string
	shows   bool // what is asked for now is a secret

	mu    sync.Mutex
	texts map[string][]byte // answers and requests, by what they are
}

// A secret that is created, edited, generated, revealed, used and backed up stands nowhere but in the answers that reveal it.
func TestAMarkedSecretLeavesNoTracks(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		env := onDatabase(t)
		folder := filepath.Dir(strings.TrimPrefix(env[0], "STACKHOOK_DATABASE="))
		x := journeyWithSecrets(t, env, func(x *tracks) {
			x.run("backup", filepath.Join(folder, "backup.db"))
			x.folder(folder) // while it runs: with what is in the log of the database
		})
		x.folder(folder)
		x.judge()
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		database := storetest.NewPostgres(t)
		env := []string{"STACKHOOK_DATABASE=" + database, "STACKHOOK_KEY_FILE=" + filepath.Join(t.TempDir(), "stackhook.key"), "STACKHOOK_ADDR=127.0.0.1:0", "STACKHOOK_ALLOW_NETWORKS=127.0.0.0/8"}
		x := journeyWithSecrets(t, env, func(*tracks) {})
		x.tables(database)
		x.judge()
	})
}

// RoundTrip keeps every answer, unless it is one that reveals.
func (x *tracks) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := httputil.DumpResponse(resp, true)
	if err == nil && !x.shows {
		x.keep(r.Method+" "+r.URL.Path, text)
	}
	return resp, err
}

// keep keeps a text.
func (x *tracks) keep(name string, text []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.texts[name] = append(append(x.texts[name], text...), '\n')
}

// run runs a command and keeps what it prints.
func (x *tracks) run(args ...string) string {
	x.t.Helper()
	r := command(x.t, x.env, "", args...)
	x.keep("stackhook "+strings.Join(args, " "), []byte(r.out+r.err))
	if r.code != 0 {
		x.t.Errorf("%v: %s", args, r.err)
	}
	return strings.TrimSpace(r.out)
}

// folder keeps the files of a folder.
func (x *tracks) folder(path string) {
	x.t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) < 4 { // the database, its key, the lock, the backup
		x.t.Fatal(entries, err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil && !os.IsNotExist(err) {
			x.t.Fatal(err)
		}
		x.keep("the file "+e.Name(), text)
	}
}

// tables keeps all tables of a PostgreSQL database as text, in which bytes are hex, and the bytes themselves.
func (x *tracks) tables(database string) {
	x.t.Helper()
	db, err := sql.Open("pgx", database)
	if err != nil {
		x.t.Fatal(err)
	}
	defer db.Close()
	lines := func(query string) (all []string) {
		rows, err := db.Query(query)
		if err != nil {
			x.t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				x.t.Fatal(err)
			}
			all = append(all, line)
		}
		return all
	}
	tables := lines(`SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'`)
	if len(tables) < 12 {
		x.t.Fatal(tables)
	}
	for _, table := range tables {
		for _, line := range append(lines(`SELECT t::text FROM `+table+` t`), lines(`SELECT row_to_json(t)::text FROM `+table+` t`)...) {
			x.keep("the table "+table, []byte(line))
		}
	}
	for _, column := range lines(`SELECT quote_ident(column_name) || ' FROM ' || quote_ident(table_name) FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'bytea'`) {
		for _, line := range lines(`SELECT COALESCE(encode(` + strings.Replace(column, " FROM", ", 'escape'), '') FROM", 1)) {
			x.keep("the bytes "+column, []byte(line))
		}
	}
}

// judge looks for the secrets in all that was kept.
func (x *tracks) judge() {
	x.t.Helper()
	s := newSearch(x.t, x.secrets...)
	for name, text := range x.texts {
		s.in(name, text)
	}
	for _, name := range []string{"the server's log", "GET /metrics", "GET /audit", "GET /audit.csv", "GET /deliveries.ndjson", "what a receiver was sent"} {
		if len(x.texts[name]) < 100 {
			x.t.Errorf("%s was not looked at: %q", name, x.texts[name])
		}
	}
}

// journeyWithSecrets runs a server through everything that has to do with secrets, and also does something at its end.
func journeyWithSecrets(t *testing.T, env []string, also func(*tracks)) *tracks {
	t.Helper()
	x := &tracks{t: t, client: newBrowser(t), texts: map[string][]byte{}, secrets: []string{firstMark, secondMark, nextMark, lastMark, wrongMark, inletMark}}
	x.client.Transport = x
	x.env = append(env, "STACKHOOK_ADMIN_EMAIL="+adminEmail, "STACKHOOK_ADMIN_PASSWORD="+password, "STACKHOOK_LOG_LEVEL=debug",
		"STACKHOOK_METRICS_TOKEN=metrics", "STACKHOOK_RETRY_DELAYS=1ms")
	var server *process
	server, x.base = serving(t, x.env)
	x.run("stack", "add", "--name", "site")
	x.token = succeed(t, x.env, "token", "create", "--name", "all", "--scope", "admin", "--all-stacks")
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := httputil.DumpRequest(r, true)
		x.keep("what a receiver was sent", text)
		if strings.HasPrefix(r.URL.Path, "/bad") {
			http.Error(w, "no", http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receiver.Close)
	x.client.signIn(t, x.base, adminEmail, password)
	good := x.webhook(receiver.URL+"/good", firstMark)
	bad := x.webhook(receiver.URL+"/bad", firstMark)
	x.edits(good, receiver.URL)
	x.deliveries(good, bad)
	x.reveals(good)
	x.mistakes(good)
	x.prepares(good)
	works := x.inlet()
	x.run("key", "rotate")
	works()
	x.deliveries(good) // the other one's circuit is open
	x.promotes(good)
	for _, args := range []string{"key list", "key prune", "token list", "stack list", "user list"} {
		x.run(strings.Fields(args)...)
	}
	x.looksAround()
	also(x)
	if code := server.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	text, _ := server.printed()
	x.keep("the server's log", []byte(text))
	if !strings.Contains(text, "level=DEBUG") {
		t.Errorf("nothing was logged at the level debug:\n%s", text)
	}
	return x
}

const webhooksPath = "/stacks/site/settings/integrations/webhooks"

// webhook adds a webhook by its form and returns its path.
func (x *tracks) webhook(endpoint, secret string) string {
	x.t.Helper()
	resp, err := x.client.PostForm(x.base+webhooksPath, url.Values{"endpoint": {endpoint}, "secret": {secret}, "enabled": {"on"}})
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, id, found := strings.Cut(resp.Header.Get("Location"), "#webhook-")
	if !found {
		x.t.Fatal(resp.Status, resp.Header)
	}
	return webhooksPath + "/" + id
}

// call asks the API.
func (x *tracks) call(method, path, body string, status int) string {
	x.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, x.base+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+x.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := x.client.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		x.t.Errorf("%s %s: %s, want %d, %v\n%s", method, path, resp.Status, status, err, text)
	}
	return string(text)
}

var idOfDelivery = regexp.MustCompile(`"deliveries":\["(\w+)","(\w+)"`)

// looksAround follows every link once, and takes the files.
func (x *tracks) looksAround() {
	x.t.Helper()
	seen := map[string]bool{}
	paths := []string{"/stacks", "/deliveries", "/failures", "/audit", "/audit.csv", "/audit.ndjson", "/deliveries.csv", "/deliveries.ndjson", "/help/webhooks", "/profile", "/users", "/tokens"}
	for i := 0; i < len(paths) && i < 250; i++ {
		status, body := x.client.get(x.t, x.base+paths[i])
		if status >= 500 {
			x.t.Errorf("GET %s: %d", paths[i], status)
		}
		for _, found := range link.FindAllStringSubmatch(body, -1) {
			path := strings.ReplaceAll(found[1], "&amp;", "&")
			if !seen[path] && !strings.HasPrefix(path, "/static/") {
				seen[path] = true
				paths = append(paths, path)
			}
		}
	}
	r, err := http.NewRequestWithContext(x.t.Context(), http.MethodGet, x.base+"/metrics", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer metrics")
	resp, err := x.client.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	resp.Body.Close()
	x.call("GET", "/api/v1/stacks/site/webhooks", "", http.StatusOK)
	x.call("GET", "/api/v1/openapi.json", "", http.StatusOK)
	if len(seen) < 30 || !bytes.Contains(x.texts["GET /deliveries.ndjson"], []byte(`"delivered"`)) {
		x.t.Errorf("it saw little: %s", fmt.Sprint(paths))
	}
}
