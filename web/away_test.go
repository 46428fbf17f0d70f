package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs/line"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// While PostgreSQL is away programs and people are told to come back, and it goes on by itself when that is back.
func TestPagesWhilePostgresIsAway(t *testing.T) {
	t.Parallel()
	l := line.New(t, storetest.NewPostgres(t))
	site := webtest.Over(t, storetest.OnPostgres(t, store.Options{Database: l.URL()}))
	stack := storetest.Stack(t, site.Store, "a")
	p := program{t, site, token(t, site, models.ScopeReport, stack.Key)}
	b, stranger := site.As(t, "admin"), site.As(t, "")
	const webhooks, runs = "/stacks/a/settings/integrations/webhooks", "/api/v1/stacks/a/runs"
	webhook := url.Values{"endpoint": {"https://example.com/typed"}, "enabled": {"on"}}
	signIn := url.Values{"email": {site.Reader.Email}, "password": {webtest.Password}}
	id := models.NewID(time.Now())
	body := `{"id":"` + id + `"}`

	l.Cut()
	for _, call := range [][3]string{{"POST", runs, body}, {"GET", runs, ""}, {"GET", runs + "/" + id, ""}} {
		if a := p.call(call[0], call[1], call[2]); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" ||
			a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %v %s", call[0], call[1], a.status, a.header, a.text)
		}
	}
	for _, page := range []*webtest.Page{b.GET("/stacks"), b.GET("/stacks/a/deliveries"), b.POST(webhooks, webhook), stranger.POST("/login", signIn)} {
		if page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") != "5" || !strings.Contains(page.Text("body"), "The database cannot commit at the moment") {
			t.Errorf("%d %v\n%s", page.Status, page.Header, page.Text("body"))
		}
	}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
		if page := stranger.GET(path); page.Status != want {
			t.Errorf("%s: %d, want %d", path, page.Status, want)
		}
	}

	l.Lay()
	if a := p.call("POST", runs, body); a.status != http.StatusCreated {
		t.Errorf("%d %s", a.status, a.text)
	}
	for _, path := range []string{"/stacks", "/stacks/a/deliveries", "/readyz"} {
		if page := b.GET(path); page.Status != http.StatusOK {
			t.Errorf("%s: %d", path, page.Status)
		}
	}
	if page := b.POST(webhooks, webhook); page.Status != http.StatusSeeOther {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	if page := stranger.POST("/login", signIn); page.Status != http.StatusSeeOther {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
}
