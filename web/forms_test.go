package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

const (
	newWebhook  = "/stacks/net/settings/integrations/webhooks/new"
	allWebhooks = "/stacks/net/settings/integrations/webhooks"
)

// sendTooLate signs a person in, lets the session end and sends a webhook's form.
func sendTooLate(t *testing.T, site *webtest.Site, who string) (*webtest.Browser, *webtest.Page) {
	t.Helper()
	storetest.Stack(t, site.Store, "net")
	b := site.As(t, who)
	time.Sleep(25 * time.Hour)
	form := url.Values{"endpoint": {"https://receiver.example/<typed>?a=b"}, "secret": {"s3cret-of-mine"}, "enabled": {"on"}}
	r := b.Request(http.MethodPost, allWebhooks, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Referer", site.URL+newWebhook)
	return b, b.Do(r)
}

// signInForm is the form of a page with its hidden fields, filled by a person.
func signInForm(page *webtest.Page, email string) url.Values {
	form := url.Values{}
	page.Doc.Find("form input").Each(func(_ int, input *goquery.Selection) {
		form.Set(input.AttrOr("name", ""), input.AttrOr("value", ""))
	})
	form.Set("email", email)
	form.Set("password", webtest.Password)
	return form
}

func TestFormComesBackAfterSigningIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t)
		b, page := sendTooLate(t, site, "admin")
		if page.Status != http.StatusUnauthorized || !strings.Contains(page.Text(".flash"), "comes back") {
			t.Fatalf("%d\n%s", page.Status, page.Text("main"))
		}
		if strings.Contains(page.Body, "s3cret-of-mine") || strings.Contains(page.Body, "receiver.example") {
			t.Fatal("what was typed can be read on the sign-in page")
		}

		// A wrong password on the way loses nothing.
		form := signInForm(page, site.Admin.Email)
		form.Set("password", "wrong")
		if page = b.POST("/login", form); page.Status != http.StatusUnprocessableEntity {
			t.Fatalf("%d\n%s", page.Status, page.Text("main"))
		}
		page = b.POST("/login", signInForm(page, site.Admin.Email))
		if page.Status != http.StatusOK {
			t.Fatalf("%d\n%s", page.Status, page.Text("main"))
		}
		if got := page.Doc.Find("#endpoint").AttrOr("value", ""); got != "https://receiver.example/<typed>?a=b" {
			t.Errorf("the endpoint is %q", got)
		}
		if got := page.Doc.Find("#secret").AttrOr("value", ""); got != "" {
			t.Errorf("the secret came back: %q", got)
		}
		if page.Doc.Find("form.form-card").AttrOr("action", "") != allWebhooks {
			t.Error("the form does not go where it went")
		}
		if got := page.Text(".flash.notice-info"); got != "You were signed out meanwhile. Nothing is saved yet: check and save again." {
			t.Errorf("the notice is %q", got)
		}
		stack, err := site.Store.Stack(t.Context(), models.Viewer{User: &site.Admin}, "net")
		if err != nil {
			t.Fatal(err)
		}
		if webhooks, err := site.Store.Webhooks(t.Context(), stack); err != nil || len(webhooks) != 0 {
			t.Errorf("it was saved: %v, %v", webhooks, err)
		}
	})
}

func TestFormComesBackToNobodyElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signIn func(*testing.T, *webtest.Site) string // returns who signs in
		wait   time.Duration
		change func(url.Values)
		want   int
	}{
		"somebody else": {signIn: func(_ *testing.T, s *webtest.Site) string { return s.Reader.Email }, want: http.StatusSeeOther},
		"too late":      {wait: 31 * time.Minute, want: http.StatusSeeOther},
		"forged": {want: http.StatusSeeOther, change: func(v url.Values) {
			v.Set("form", "A"+v.Get("form")[1:])
		}},
		"a cookie as a form": {want: http.StatusSeeOther, change: func(v url.Values) {
			v.Set("form", v.Get("cookie"))
		}},
		"no administrator any more": {want: http.StatusNotFound, signIn: func(t *testing.T, s *webtest.Site) string {
			s.User(t, models.User{Email: "second@example.com", Role: models.Administrator})
			s.Admin.Role, s.Admin.Active = models.Reader, true
			if err := s.Store.UpdateUser(t.Context(), storetest.Shell, s.Admin); err != nil {
				t.Fatal(err)
			}
			return s.Admin.Email
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				site := webtest.Offline(t)
				b, page := sendTooLate(t, site, "admin")
				email := site.Admin.Email
				if c.signIn != nil {
					email = c.signIn(t, site)
				}
				time.Sleep(c.wait)
				form := signInForm(page, email)
				if c.change != nil {
					form.Set("cookie", b.Cookies()[0].Value)
					c.change(form)
				}
				page = b.POST("/login", form)
				if page.Status != c.want || strings.Contains(page.Body, "receiver.example") {
					t.Fatalf("%d\n%s", page.Status, page.Text("main"))
				}
				if page.Status == http.StatusNotFound {
					return
				}
				if page.Location() != newWebhook {
					t.Errorf("leads to %q", page.Location())
				}
				if got := b.GET("/stacks").Text(".flash.notice-info"); !strings.Contains(got, "is gone") {
					t.Errorf("the notice is %q", got)
				}
			})
		})
	}
}

// TestButtonsAreNotPressedAgain: what has no fields is not repeated by signing in.
func TestButtonsAreNotPressedAgain(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "net")
	b := site.As(t, "")
	r := b.Request(http.MethodPost, "/stacks/net/delete", nil)
	r.Header.Set("Referer", site.URL+"/stacks/net/settings/general?delete=yes")
	page := b.Do(r)
	if page.Status != http.StatusUnauthorized || !strings.Contains(page.Text(".flash"), "nothing was done") {
		t.Fatalf("%d\n%s", page.Status, page.Text("main"))
	}
	page = b.POST("/login", signInForm(page, site.Admin.Email))
	if page.Status != http.StatusSeeOther || page.Location() != "/stacks/net/settings/general?delete=yes" {
		t.Errorf("%d %s", page.Status, page.Location())
	}
	if _, err := site.Store.Stack(t.Context(), models.Viewer{User: &site.Admin}, stack.ID); err != nil {
		t.Errorf("the stack is gone: %v", err)
	}
}

// TestFormOfNobodyKnown: without a cookie nobody can say whose form it was, so nobody gets it.
func TestFormOfNobodyKnown(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	storetest.Stack(t, site.Store, "net")
	page := site.As(t, "").POST(allWebhooks, url.Values{"endpoint": {"https://receiver.example/"}})
	if page.Status != http.StatusUnauthorized || page.Doc.Find(`[name="form"]`).Length() != 0 {
		t.Errorf("%d\n%s", page.Status, page.Body)
	}
}

// TestLongFormIsNotCarried: the sign-in form that carries it must not be too long itself.
func TestLongFormIsNotCarried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t)
		storetest.Stack(t, site.Store, "net")
		b := site.As(t, "admin")
		time.Sleep(25 * time.Hour)
		for _, c := range []struct {
			length  int
			carried bool
		}{{20_000, true}, {60_000, false}} {
			page := b.POST(allWebhooks, url.Values{"endpoint": {strings.Repeat("a", c.length)}})
			if page.Status != http.StatusUnauthorized || page.Doc.Find(`[name="form"]`).Length() == 1 != c.carried {
				t.Fatalf("%d bytes: %d\n%.2000s", c.length, page.Status, page.Body)
			}
			if page = b.POST("/login", signInForm(page, site.Admin.Email)); c.carried && page.Status != http.StatusOK {
				t.Errorf("%d bytes: %d\n%.2000s", c.length, page.Status, page.Body)
			}
			b.POST("/logout", nil)
			b.SignIn(site.Admin.Email)
			time.Sleep(25 * time.Hour)
		}
	})
}

// TestThemeAfterAFormThatWasRefused: the menu of such a page must not lead to an address that only takes forms.
func TestThemeAfterAFormThatWasRefused(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	storetest.Stack(t, site.Store, "net")
	b := site.As(t, "admin")
	for referer, want := range map[string]string{newWebhook: newWebhook, allWebhooks: "/", "/nothing": "/", newWebhook + "?a=b": newWebhook + "?a=b"} {
		r := b.Request(http.MethodPost, allWebhooks, nil)
		r.Header.Set("Referer", site.URL+referer)
		page := b.Do(r)
		if got := page.Doc.Find(`[name="back"]`).AttrOr("value", ""); page.Status != http.StatusUnprocessableEntity || got != want {
			t.Errorf("from %s: %d, back to %q, want %q", referer, page.Status, got, want)
		}
	}
}
