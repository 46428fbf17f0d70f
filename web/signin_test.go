package web_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web"
	"stackhook/web/webtest"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	b := site.As(t, "")
	page := b.GET("/login")
	if page.Status != http.StatusOK || page.Text("h1") != "Sign in to acme" {
		t.Fatalf("%d\n%s", page.Status, page.Body)
	}
	page = b.POST("/login", url.Values{"email": {" ADA@example.com "}, "password": {webtest.Password}})
	if page.Status != http.StatusSeeOther || page.Location() != "/" {
		t.Fatalf("%d %s", page.Status, page.Location())
	}
	if page = b.GET("/stacks"); page.Status != http.StatusOK || page.Text(".menu-who strong") != "Ada Lovelace" {
		t.Fatalf("%d\n%s", page.Status, page.Body)
	}
}

// TestFailedSignInSaysTheSame: who has an account is nobody's business.
func TestFailedSignInSaysTheSame(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	inactive := site.User(t, models.User{Email: "gone@example.com", Role: models.Reader})
	inactive.Active = false
	if err := site.Store.UpdateUser(t.Context(), storetest.Shell, inactive); err != nil {
		t.Fatal(err)
	}
	if _, err := site.Store.CreateUser(t.Context(), storetest.Shell, models.User{Email: "new@example.com", Role: models.Reader}, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ email, password string }{
		{"ada@example.com", "wrong"},
		{"ada@example.com", ""},
		{"nobody@example.com", webtest.Password},
		{"gone@example.com", webtest.Password},
		{"new@example.com", ""},
		{"", ""},
	} {
		b := site.As(t, "")
		page := b.POST("/login", url.Values{"email": {c.email}, "password": {c.password}, "next": {"/stacks"}})
		if page.Status != http.StatusUnprocessableEntity || page.Text(`[role="alert"]`) != "The email address or the password is wrong." {
			t.Errorf("%+v: %d\n%s", c, page.Status, page.Text("main"))
		}
		if got := page.Doc.Find("#email").AttrOr("value", "none"); got != c.email {
			t.Errorf("the address typed is %q, want %q", got, c.email)
		}
		if page.Doc.Find("#password").AttrOr("value", "") != "" || page.Doc.Find(`[name="next"]`).AttrOr("value", "") != "/stacks" {
			t.Errorf("%s", page.Body)
		}
		if len(b.Cookies()) != 0 {
			t.Errorf("%+v: a cookie was set", c)
		}
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/tokens?revoke=1":         "/tokens?revoke=1",
		"":                         "/",
		"https://evil.example/":    "/",
		"//evil.example/":          "/",
		`/\evil.example/`:          "/",
		`\\evil.example/`:          "/",
		"/\t/evil.example/":        "/",
		"/\n/evil.example/":        "/",
		"///evil.example/":         "/",
		"/%2fevil.example/":        "/",
		"javascript:alert(1)":      "/",
		"stacks":                   "/",
		"/./evil":                  "/./evil",
		"http:evil.example":        "/",
		"/stacks#//evil.example/":  "/stacks#//evil.example/",
		"//user@evil.example/path": "/",
	} {
		site := webtest.Offline(t) // an address has ten tries
		b := site.As(t, "")
		page := b.POST("/login", url.Values{"email": {site.Admin.Email}, "password": {webtest.Password}, "next": {next}})
		if page.Status != http.StatusSeeOther || page.Location() != want {
			t.Errorf("next=%q: %d %q, want %q", next, page.Status, page.Location(), want)
		}
		if page = b.GET("/login?next=" + url.QueryEscape(next)); page.Location() != want {
			t.Errorf("signed in already, next=%q: %d %q, want %q", next, page.Status, page.Location(), want)
		}
	}
}

func TestPagesWaitBehindTheSignIn(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	b := site.As(t, "")
	page := b.GET("/deliveries?status=failed")
	if page.Status != http.StatusSeeOther || page.Location() != "/login?next=%2Fdeliveries%3Fstatus%3Dfailed" {
		t.Fatalf("%d %s", page.Status, page.Location())
	}
	next, _ := b.Follow(page).Doc.Find(`[name="next"]`).Attr("value")
	page = b.POST("/login", url.Values{"email": {site.Admin.Email}, "password": {webtest.Password}, "next": {next}})
	if page.Location() != "/deliveries?status=failed" {
		t.Errorf("%d %s", page.Status, page.Location())
	}
}

func TestTooManyTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t)
		b := site.As(t, "")
		form := url.Values{"email": {site.Admin.Email}, "password": {"wrong"}}
		for range 10 {
			if page := b.POST("/login", form); page.Status != http.StatusUnprocessableEntity {
				t.Fatalf("%d\n%s", page.Status, page.Body)
			}
		}
		form.Set("password", webtest.Password)
		page := b.POST("/login", form)
		if page.Status != http.StatusTooManyRequests || !strings.Contains(page.Text("main"), "Try again in 6 seconds.") {
			t.Fatalf("%d\n%s", page.Status, page.Body)
		}
		wait, err := strconv.Atoi(page.Header.Get("Retry-After"))
		if err != nil || wait != 6 {
			t.Fatal(wait, err)
		}
		time.Sleep(time.Duration(wait) * time.Second)
		if page := b.POST("/login", form); page.Status != http.StatusSeeOther {
			t.Fatalf("%d\n%s", page.Status, page.Body)
		}
	})
}

func TestSignInsAreAudited(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	b := site.As(t, "admin")
	b.POST("/logout", nil)
	b.POST("/login", url.Values{"email": {site.Admin.Email}, "password": {"wrong"}})
	b.POST("/login", url.Values{"email": {"my password"}, "password": {"wrong"}})
	got := audited(t, site, "session.%")
	want := []string{
		"session.failed  by  from 192.0.2.1",
		"session.failed ada@example.com by  from 192.0.2.1",
		"session.signed_out ada@example.com by Ada Lovelace from 192.0.2.1",
		"session.signed_in ada@example.com by Ada Lovelace from 192.0.2.1",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// audited returns the audit records whose action is like the pattern, newest first.
func audited(t *testing.T, site *webtest.Site, action string) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT action, subject, actor_name, actor_address FROM audit_records WHERE action LIKE ? ORDER BY id DESC`, action)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var records []string
	for rows.Next() {
		var action, subject, name, address string
		if err := rows.Scan(&action, &subject, &name, &address); err != nil {
			t.Fatal(err)
		}
		records = append(records, action+" "+subject+" by "+name+" from "+address)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// TestLogsTellNoSecrets: whoever reads the log must not be able to sign in with it.
func TestLogsTellNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	site := webtest.Offline(t, func(c *web.Config) {
		c.Handlers.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	b := site.As(t, "admin")
	b.GET("/setup?token=one-time-token")
	b.POST("/setup", url.Values{"token": {"one-time-token"}, "password": {"chosen password"}})
	lines := log.String()
	if !strings.Contains(lines, `"path":"/setup"`) || !strings.Contains(lines, `"requestID":"`) {
		t.Errorf("the requests are not logged:\n%s", lines)
	}
	for _, secret := range []string{"one-time-token", "chosen password", webtest.Password, b.Cookies()[0].Value} {
		if strings.Contains(lines, secret) {
			t.Errorf("%q is in the log:\n%s", secret, lines)
		}
	}
}
