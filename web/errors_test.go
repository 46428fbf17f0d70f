package web_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/static"
	"stackhook/web"
	"stackhook/web/webtest"
)

// problem is what programs are answered when something is wrong.
type problem struct {
	Status int
	Title  string
	Detail string
}

func TestErrorsInBothWorlds(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	site := webtest.Offline(t, func(c *web.Config) { c.Handlers.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for path, err := range map[string]error{
		"unavailable": fmt.Errorf("store: %w", models.ErrUnavailable),
		"failed":      errors.New("the cause is ours to know"),
	} {
		for _, prefix := range []string{"/", "/api/"} {
			site.Echo.GET(prefix+path, func(echo.Context) error { return err })
		}
	}
	for _, prefix := range []string{"/", "/api/"} {
		site.Echo.GET(prefix+"panics", func(echo.Context) error { panic("at the disco") })
	}
	b := site.As(t, "admin")
	for _, c := range []struct {
		method, path string
		want         int
		words        string
		header       [2]string
	}{
		{"GET", "nothing", 404, "There is no such page", [2]string{}},
		{"GET", "unavailable", 503, "The database cannot commit", [2]string{"Retry-After", "5"}},
		{"POST", "unavailable", 405, "This address is not a page", [2]string{"Allow", "OPTIONS, GET"}},
		{"GET", "failed", 500, "Stackhook failed", [2]string{}},
		{"GET", "panics", 500, "Stackhook failed", [2]string{}},
	} {
		page := b.Do(b.Request(c.method, "/"+c.path, nil))
		if page.Status != c.want || !strings.Contains(page.Text("h1"), c.words) || page.Header.Get(c.header[0]) != c.header[1] {
			t.Errorf("%s /%s: %d %q %v", c.method, c.path, page.Status, page.Text("h1"), page.Header)
		}
		if page.Text(".menu-who strong") != "Ada Lovelace" {
			t.Errorf("/%s: the page forgets who is signed in", c.path)
		}
		checkFailure(t, page, log.String())

		page = b.Do(b.Request(c.method, "/api/"+c.path, nil))
		var p problem
		if err := json.Unmarshal([]byte(page.Body), &p); err != nil {
			t.Errorf("%s: %v\n%s", page.Path, err, page.Body)
		}
		if page.Status != c.want || p.Status != c.want || p.Title != http.StatusText(c.want) || page.Header.Get(c.header[0]) != c.header[1] ||
			page.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %+v %v", c.method, page.Path, page.Status, p, page.Header)
		}
		checkFailure(t, page, log.String())
	}
}

// checkFailure checks that a failure of ours is logged once under the id that the answer names, and told to nobody.
func checkFailure(t *testing.T, page *webtest.Page, log string) {
	t.Helper()
	if page.Status != http.StatusInternalServerError {
		return
	}
	id := page.Header.Get("X-Request-Id")
	if !strings.Contains(page.Body, id) || strings.Contains(page.Body, "ours to know") || strings.Contains(page.Body, "disco") {
		t.Errorf("%s says\n%s", page.Path, page.Body)
	}
	logged := 0
	for line := range strings.Lines(log) {
		if strings.Contains(line, id) && strings.Contains(line, "level=ERROR") {
			logged++
		}
	}
	if logged != 1 {
		t.Errorf("%s is logged %d times:\n%s", page.Path, logged, log)
	}
}

// A fault of ours is logged and named by its id wherever the API meets it: before an operation, too.
func TestAFaultBeforeAnOperationIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	site := webtest.Offline(t, func(c *web.Config) { c.Handlers.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	stack := storetest.Stack(t, site.Store, "a")
	p := program{t, site, token(t, site, models.ScopeRead, stack.Key)}
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`ALTER TABLE runs RENAME COLUMN branch TO branches`); err != nil {
		t.Fatal(err)
	}
	a := p.call("GET", "/api/v1/stacks/a/runs/"+models.NewID(time.Now()), "")
	id := a.header.Get("X-Request-Id")
	if a.status != http.StatusInternalServerError || a.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(a.text, id) {
		t.Errorf("%d %v %s", a.status, a.header, a.text)
	}
	if strings.Contains(a.text, "branch") || !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "branch") {
		t.Errorf("the answer is %s, the log\n%s", a.text, log.String())
	}
}

func TestHeadIsAnsweredAsGet(t *testing.T) {
	t.Parallel()
	b := webtest.New(t).As(t, "")
	for path, want := range map[string]int{"/login": 200, "/healthz": 200, "/stacks": 303, "/nothing": 404, static.URL(static.Script): 200} {
		if page := b.Do(b.Request(http.MethodHead, path, nil)); page.Status != want || page.Body != "" {
			t.Errorf("%s: %d %q", path, page.Status, page.Body)
		}
	}
}

// TestLongBodies: people and programs must get the words, not a broken connection.
func TestLongBodies(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	storetest.Stack(t, site.Store, "net")
	b := site.As(t, "admin")
	for _, c := range []struct {
		path  string
		size  int
		known bool // the length is announced
		want  int
	}{
		{allWebhooks, 50_000, true, http.StatusUnprocessableEntity},
		{allWebhooks, 70_000, true, http.StatusRequestEntityTooLarge},
		{allWebhooks, 1 << 20, true, http.StatusRequestEntityTooLarge},
		{allWebhooks, 1 << 20, false, http.StatusRequestEntityTooLarge},
		{"/login", 1 << 20, false, http.StatusRequestEntityTooLarge},
	} {
		body := io.Reader(strings.NewReader("endpoint=https://a.example/&secret=" + strings.Repeat("x", c.size)))
		if !c.known {
			body = io.MultiReader(body)
		}
		r := b.Request(http.MethodPost, c.path, body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		page := b.Do(r)
		if page.Status != c.want {
			t.Errorf("%+v: %d\n%s", c, page.Status, page.Text("main"))
		}
		if c.want == http.StatusRequestEntityTooLarge && !strings.Contains(page.Text("main"), "more than 64 KiB") {
			t.Errorf("%+v: %s", c, page.Text("main"))
		}
		if c.want == http.StatusUnprocessableEntity && !strings.Contains(page.Text("main"), "at most 1024 bytes") {
			t.Errorf("%+v: %s", c, page.Text("main"))
		}
	}
	report := b.Request(http.MethodPost, "/api/v1/stacks/net/runs", strings.NewReader(strings.Repeat(" ", 2<<20)))
	report.Header.Set("Content-Type", "application/json")
	report.Header.Set("Authorization", "Bearer "+token(t, site, models.ScopeReport, 0))
	page := b.Do(report)
	if page.Status != http.StatusRequestEntityTooLarge || page.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v\n%s", page.Status, page.Header, page.Body)
	}
}

func TestBrokenFormsAreRefused(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	b := site.As(t, "admin")
	r := b.Request(http.MethodPost, "/stacks", strings.NewReader("name=%zz"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if page := b.Do(r); page.Status != http.StatusBadRequest {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	// What the address says fills in no form.
	r = b.Request(http.MethodPost, "/login?email=ada@example.com&password="+url.QueryEscape(webtest.Password), nil)
	if page := site.As(t, "").Do(r); page.Status != http.StatusUnprocessableEntity {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
}
