package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func TestANewTokenIsShownOnce(t *testing.T) {
	t.Parallel()
	for _, choice := range []struct{ stack, scope, line string }{
		{"b", "report", "Report runs | b | Created just now by Ada Lovelace | never | never"},
		{"a", "read", "Read | a | Created just now by Ada Lovelace | never | never"},
		{"b", "admin", "Administer | b | Created just now by Ada Lovelace | never | never"},
		{views.AllStacksChoice, "report", "Report runs | All stacks | Created just now by Ada Lovelace | never | never"},
	} {
		t.Run(choice.scope+" "+choice.stack, func(t *testing.T) {
			t.Parallel()
			site := webtest.New(t)
			admin := site.As(t, "admin")
			a, b := storetest.Stack(t, site.Store, "a"), storetest.Stack(t, site.Store, "b")
			page := admin.POST("/tokens", url.Values{"name": {" ci "}, "scope": {choice.scope}, "stack": {choice.stack}})
			if page.Status != http.StatusOK || page.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%d, Cache-Control %q: %s", page.Status, page.Header.Get("Cache-Control"), page.Text("[role=alert]"))
			}
			text := page.Text(".secret-value")
			v, err := site.Store.TokenViewer(t.Context(), text)
			if err != nil || string(v.Token.Scope) != choice.scope || v.Token.Name != "ci" {
				t.Fatalf("%q makes %+v, %v", text, v.Token, err)
			}
			if v.Sees(a.Key) != (choice.stack != "b") || v.Sees(b.Key) != (choice.stack != "a") {
				t.Errorf("for %q it sees a: %t, b: %t", choice.stack, v.Sees(a.Key), v.Sees(b.Key))
			}
			readable := strings.Replace(choice.stack, views.AllStacksChoice, "a", 1)
			if command := page.Text(".token-use pre"); !strings.Contains(command, "'"+site.URL+"/api/v1/stacks/"+readable+"/runs'") || strings.Contains(command, text) {
				t.Errorf("the command is %s", command)
			}
			if got := strings.Replace(cells(page.Doc.Find("tbody tr")), "just now", "Created just now", 1); got != choice.line {
				t.Errorf("the line is %q, want %q", got, choice.line)
			}
			if later := admin.GET("/tokens"); strings.Contains(later.Body, text) || !strings.Contains(later.Text("tbody th"), text[:len("shk_")+6]+"…") {
				t.Errorf("later the page shows %s", later.Text("tbody th"))
			}
		})
	}
}

// Whoever has an expired token is told what to do; the list says which it is.
func TestAnExpiredTokenIsRefused(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	storetest.Stack(t, site.Store, "a")
	text, _, err := site.Store.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "old", Scope: models.ScopeRead, ExpiresAt: time.Now().Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	a := program{t, site, text}.call("GET", "/api/v1/stacks/a/runs", "")
	if a.status != http.StatusUnauthorized || !strings.Contains(a.text, "This token has expired.") || strings.Contains(a.text, text) {
		t.Errorf("%d %s", a.status, a.text)
	}
	admin := site.As(t, "admin")
	if page := admin.GET("/tokens"); !strings.Contains(page.Text("tbody tr"), "Expired") {
		t.Errorf("the list says %s", page.Text("tbody tr"))
	}
	page := admin.POST("/tokens", url.Values{"name": {"new"}, "scope": {"read"}, "stack": {"a"}, "expires": {"90d"}})
	if page.Status != http.StatusOK || !regexp.MustCompile(`never\d+ \w+ 20\d\d`).MatchString(page.Text("tbody tr")) {
		t.Errorf("%d: %s", page.Status, page.Text("tbody tr"))
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	for _, c := range []struct {
		values url.Values
		bad    []string
	}{
		{url.Values{"name": {""}, "scope": {"read"}, "stack": {"a"}}, []string{"name"}},
		{url.Values{"name": {strings.Repeat("x", 101)}, "scope": {"read"}, "stack": {"*"}}, []string{"name"}},
		{url.Values{"name": {"ci"}, "scope": {"all"}, "stack": {"a"}}, []string{"scope"}},
		{url.Values{"name": {"ci"}, "scope": {"admin"}, "stack": {""}}, []string{"stack"}},
		{url.Values{"name": {"ci"}, "scope": {"admin"}, "stack": {"gone"}}, []string{"stack"}},
		{url.Values{"name": {"ci"}, "scope": {"admin"}, "stack": {"a"}, "expires": {"1s"}}, []string{"expires"}},
		{url.Values{}, []string{"name", "scope", "stack"}},
	} {
		page := admin.POST("/tokens", c.values)
		if page.Status != http.StatusUnprocessableEntity || page.Doc.Find(".field-error").Length() != len(c.bad) {
			t.Errorf("%v: %d, %q", c.values, page.Status, page.Text(".field-error"))
		}
		for _, field := range c.bad {
			if page.Doc.Find(`#`+field+`[aria-invalid="true"]`).Length() != 1 || page.Doc.Find(`[role=alert] a[href="#`+field+`"]`).Length() != 1 {
				t.Errorf("%v: nothing is said about %s", c.values, field)
			}
		}
		if got := page.Doc.Find("#name").AttrOr("value", ""); got != c.values.Get("name") {
			t.Errorf("the name comes back as %q", got)
		}
		if got := page.Doc.Find("#stack option[selected]").AttrOr("value", ""); got != strings.Replace(c.values.Get("stack"), "gone", "", 1) {
			t.Errorf("the stack comes back as %q", got)
		}
	}
	if tokens, err := site.Store.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

func TestATokenIsRevoked(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	text, token, err := site.Store.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeReport})
	if err != nil {
		t.Fatal(err)
	}
	list := admin.GET("/tokens")
	ask, _ := list.Doc.Find("tbody a.button-danger").Attr("href")
	asked := admin.GET(strings.TrimSuffix(ask, "#confirm-revoke"))
	if list.Doc.Find("#confirm-revoke").Length() != 0 || asked.Text("#confirm-revoke") != "Revoke ci" || !strings.Contains(asked.Text(".confirm"), "It was never used.") {
		t.Errorf("%s asks %q", ask, asked.Text(".confirm"))
	}
	if _, err := site.Store.TokenViewer(t.Context(), text); err != nil {
		t.Errorf("asking has ended the token: %v", err)
	}
	action, _ := asked.Doc.Find(".confirm form").Attr("action")
	answer := admin.POST(action, nil)
	if page := admin.Follow(answer); answer.Location() != "/tokens" || page.Doc.Find("tbody tr").Length() != 0 || !strings.Contains(page.Text(".notice-ok"), "Revoked") {
		t.Errorf("afterwards, at %q: %s", answer.Location(), page.Text("main"))
	}
	if v, err := site.Store.TokenViewer(t.Context(), text); err == nil {
		t.Errorf("the token still makes %+v", v.Token)
	}
	if again := admin.POST(views.RevokeTokenPath(token.ID), nil); again.Status != http.StatusNotFound {
		t.Errorf("again: %d", again.Status)
	}
}

func TestNoTokensSaysWhatToDoFirst(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	if page := admin.GET("/tokens"); page.Doc.Find(`.empty a[href="/stacks/new"]`).Length() != 1 {
		t.Errorf("without a stack: %s", page.Text(".empty"))
	}
	stack := storetest.Stack(t, site.Store, "a")
	if page := admin.GET("/tokens"); page.Text(".empty h2") != "No tokens yet" || page.Doc.Find(`.empty a[href="/stacks/new"]`).Length() != 0 {
		t.Errorf("with a stack: %s", page.Text(".empty"))
	}
	if _, _, err := site.Store.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeRead, StackKey: stack.Key}); err != nil {
		t.Fatal(err)
	}
	if page := admin.GET("/tokens"); page.Doc.Find(".empty").Length() != 0 || page.Doc.Find("tbody tr").Length() != 1 {
		t.Errorf("with a token: %s", page.Text("main"))
	}
}
