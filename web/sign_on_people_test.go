package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store/storetest"
	"stackhook/web"
	"stackhook/web/webtest"
)

const notLetIn = "You are not let in"

func TestWhoIsNotLetIn(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	gone := site.User(t, models.User{Email: "gone@example.com", Role: models.Administrator})
	gone.Active = false
	if err := site.Store.UpdateUser(t.Context(), storetest.Shell, gone); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		claims map[string]any
		says   string
	}{
		"unverified":   {map[string]any{"email": "new@example.com", "email_verified": false}, "not verified"},
		"not said":     {map[string]any{"email": "new@example.com"}, "not verified"},
		"no email":     {map[string]any{"name": "Nobody"}, "did not tell your email address"},
		"other domain": {claims("new@evil.example"), "of your domain are not let in"},
		"subdomain":    {claims("new@mail.example.com"), "of your domain are not let in"},
		"suffix":       {claims("new@notexample.com"), "of your domain are not let in"},
		"two domains":  {claims("new@example.com@evil.example"), "of your domain are not let in"},
		"deactivated":  {claims("gone@example.com", "ops"), "deactivated"},
	} {
		login := "refused " + name
		p.Account(t, login, c.claims)
		b := site.As(t, "")
		page := come(t, p, b, login)
		refused(t, b, page, http.StatusForbidden, notLetIn)
		if !strings.Contains(page.Text("main"), c.says) {
			t.Errorf("%s: the page does not say why: %s", name, page.Text("main"))
		}
	}
	if users, err := site.Store.Users(t.Context()); err != nil || len(users) != 3 {
		t.Errorf("somebody was added: %+v, %v", users, err)
	}
	if got := strings.Join(audited(t, site, "session.failed"), "\n"); !strings.Contains(got, "session.failed new@evil.example by  from 192.0.2.1") {
		t.Errorf("it is not in the audit log:\n%s", got)
	}
}

func TestSomebodyKnownComesBySingleSignOn(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, models.SignOnRules{Domains: []string{models.AnyDomain}}))
	p.Account(t, "known", claims("GRACE@example.com"))
	before := site.As(t, "reader").Cookies()
	b := site.As(t, "")
	b.SetCookies(before...) // a session that was planted is worth nothing afterwards
	if page := come(t, p, b, "known"); page.Status != http.StatusSeeOther {
		t.Fatalf("%d\n%s", page.Status, page.Text("main"))
	}
	planted := site.As(t, "")
	planted.SetCookies(before...)
	if page := b.GET("/profile"); page.Text(".menu-who strong") != "Grace Hopper" || signedIn(planted) {
		t.Errorf("%s, planted %t", page.Text(".menu-who"), signedIn(planted))
	}
	// The provider gave the address to somebody else, who does not get what was Grace's.
	p.Account(t, "other", claims("grace@example.com"))
	c := site.As(t, "")
	refused(t, c, come(t, p, c, "other"), http.StatusForbidden, notLetIn)
	// Grace has another address now: she is known by the subject, and the old one is free.
	p.Account(t, "known", claims("hopper@example.com"))
	if page := come(t, p, b, "known"); page.Status != http.StatusSeeOther {
		t.Fatalf("%d\n%s", page.Status, page.Text("main"))
	}
	if u, err := site.Store.User(t.Context(), site.Reader.ID); err != nil || u.Email != "hopper@example.com" {
		t.Errorf("%+v, %v", u, err)
	}
	if page := come(t, p, c, "other"); page.Status != http.StatusSeeOther {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	if users, err := site.Store.Users(t.Context()); err != nil || len(users) != 3 {
		t.Errorf("%+v, %v", users, err)
	}
}

func TestGroupsAreFollowed(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	storetest.Stack(t, site.Store, "net")
	p.Account(t, "follower", claims("follower@example.com", "ops"))
	first, second := site.As(t, ""), site.As(t, "")
	come(t, p, first, "follower")
	if page := first.GET("/users"); page.Status != http.StatusOK {
		t.Fatalf("a member of ops is no administrator: %d", page.Status)
	}
	p.Account(t, "follower", claims("follower@example.com", "platform"))
	come(t, p, second, "follower")
	if signedIn(first) {
		t.Error("the session of an administrator lives, who is none any more")
	}
	if users, net := second.GET("/users"), second.GET("/stacks/net"); users.Status != http.StatusForbidden || net.Status != http.StatusOK {
		t.Errorf("/users %d, /stacks/net %d", users.Status, net.Status)
	}
	p.Account(t, "follower", claims("follower@example.com"))
	come(t, p, first, "follower")
	if page := second.GET("/stacks/net"); page.Status != http.StatusNotFound {
		t.Errorf("a stack is read through a group that is gone: %d", page.Status)
	}
}

func TestTheLastAdministratorByGroupStays(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Empty(t, withProvider(p.Issuer, rules))
	p.Account(t, "early", claims("early@example.com"))
	b := site.As(t, "")
	refused(t, b, come(t, p, b, "early"), http.StatusForbidden, notLetIn) // a reader alone could change nothing
	if has, err := site.Store.HasUsers(t.Context()); err != nil || has {
		t.Fatal(has, err)
	}
	p.Account(t, "last", claims("last@example.com", "ops"))
	come(t, p, b, "last")
	if page := b.GET("/users"); page.Status != http.StatusOK {
		t.Fatalf("the first of ops is no administrator: %d", page.Status)
	}
	p.Account(t, "last", claims("last@example.com"))
	page := b.Follow(b.Follow(come(t, p, b, "last"))) // over "/" to the stacks
	if !strings.Contains(page.Text(".flash"), "You stay one because you are the last") {
		t.Errorf("it is not said: %s", page.Text("main"))
	}
	if page := b.GET("/users"); page.Status != http.StatusOK {
		t.Errorf("nobody is an administrator any more: %d", page.Status)
	}
}

func TestAFormWaitsForSingleSignOn(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	p.Account(t, "writer", claims(site.Admin.Email))
	b := site.As(t, "admin")
	cookie := b.Cookies()
	b.POST("/profile/sessions", nil)
	if err := site.Store.UpdateUser(t.Context(), storetest.Shell, models.User{ID: site.Admin.ID, Email: site.Admin.Email, Role: models.Administrator, Active: true}); err != nil {
		t.Fatal(err)
	}
	for _, s := range sessionsOf(t, site, site.Admin) { // the session ends, and the browser keeps its cookie
		if err := site.Store.DeleteSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	b.SetCookies(cookie...)
	page := b.POST("/stacks", url.Values{"name": {"Half typed"}, "description": {strings.Repeat("long ", 150)}})
	sealed := page.Doc.Find(`form[action="/login/oidc"] [name="form"]`).AttrOr("value", "")
	if page.Status != http.StatusUnauthorized || sealed == "" {
		t.Fatalf("%d\n%s", page.Status, page.Text("main"))
	}
	page = b.GET(back(p.SignIn(t, begin(t, b, url.Values{"form": {sealed}, "next": {"/stacks/new"}}), "writer")))
	if got := page.Doc.Find("#name").AttrOr("value", ""); page.Status != http.StatusOK || got != "Half typed" {
		t.Errorf("%d, the name is %q\n%s", page.Status, got, page.Text("main"))
	}
	if strings.Contains(page.Body, "code=") {
		t.Error("the page leads back to the address with the code")
	}
}

func sessionsOf(t *testing.T, site *webtest.Site, user models.User) []models.Session {
	t.Helper()
	sessions, err := site.Store.Sessions(t.Context(), user, models.SessionIdle)
	if err != nil {
		t.Fatal(err)
	}
	return sessions
}

func TestPasswordsSwitchedOff(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules), func(c *web.Config) { c.Handlers.NoPasswords = true })
	token, err := site.Store.CreateLink(t.Context(), storetest.Shell, site.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.Account(t, "boss", claims(site.Admin.Email))
	b := site.As(t, "")
	if page := b.GET("/login"); page.Doc.Find("[name=password], [name=email]").Length() != 0 || page.Doc.Find(`form[action="/login/oidc"]`).Length() != 1 {
		t.Errorf("the sign-in page asks for a password: %s", page.Text("main"))
	}
	off := func(page *webtest.Page) {
		t.Helper()
		if page.Status != http.StatusForbidden || page.Text("h1") != "Passwords are switched off" {
			t.Errorf("%s: %d\n%s", page.Path, page.Status, page.Text("main"))
		}
	}
	off(b.POST("/login", url.Values{"email": {site.Admin.Email}, "password": {webtest.Password}}))
	off(b.GET("/setup?token=" + token))
	off(b.POST("/setup", url.Values{"token": {token}, "password": {webtest.Password}}))
	if signedIn(b) {
		t.Error("signed in with a password")
	}
	come(t, p, b, "boss")
	off(b.POST("/profile/password", url.Values{"current": {webtest.Password}, "password": {webtest.Password + "!"}}))
	off(b.POST("/users/2/link", nil))
	if page := b.GET("/profile"); page.Status != http.StatusOK || page.Doc.Find("[name=password]").Length() != 0 {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	if page := b.GET("/users/2"); page.Status != http.StatusOK || strings.Contains(page.Text("main"), "link") {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	page := b.POST("/users", url.Values{"email": {"new@example.com"}, "role": {"reader"}})
	if page.Status != http.StatusSeeOther {
		t.Fatalf("%d\n%s", page.Status, page.Text("main"))
	}
	if page = b.Follow(page); !strings.Contains(page.Text(".flash"), "signs in with single sign-on") || strings.Contains(page.Text("main"), "link") {
		t.Errorf("%s", page.Text("main"))
	}
}
