package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

func TestFirstStart(t *testing.T) {
	t.Parallel()
	site := webtest.Empty(t)
	token, err := site.Store.CreateSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := site.As(t, "")
	if page := b.GET("/login"); !strings.Contains(page.Text(".notice"), "Nobody can sign in yet") {
		t.Errorf("the sign-in form does not say how to begin: %s", page.Text("main"))
	}
	path := "/setup?token=" + token
	for range 2 { // looking does not use it up
		if page := b.GET(path); page.Status != http.StatusOK || page.Text("h1") != "Set up acme" {
			t.Fatalf("%d\n%s", page.Status, page.Body)
		}
	}
	form := url.Values{"token": {token}, "email": {"radia@"}, "name": {"Radia Perlman"}, "password": {"short"}}
	page := b.POST("/setup", form)
	if page.Status != http.StatusUnprocessableEntity || page.Doc.Find(`[role="alert"] a`).Length() != 2 {
		t.Fatalf("%d\n%s", page.Status, page.Body)
	}
	if page.Doc.Find("#name").AttrOr("value", "") != "Radia Perlman" || page.Doc.Find("#password").AttrOr("value", "") != "" {
		t.Errorf("%s", page.Body)
	}
	form.Set("email", "Radia@example.com")
	form.Set("password", webtest.Password)
	if page = b.POST("/setup", form); page.Status != http.StatusSeeOther || page.Location() != "/stacks" {
		t.Fatalf("%d\n%s", page.Status, page.Body)
	}
	if page = b.GET("/users"); page.Status != http.StatusOK || page.Text(".menu-who strong") != "Radia Perlman" {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	for _, page := range []*webtest.Page{b.GET(path), b.POST("/setup", form)} {
		if page.Status != http.StatusNotFound || page.Text("h1") != "This link does not work any more" {
			t.Errorf("the link works twice: %d\n%s", page.Status, page.Text("main"))
		}
	}
}

func TestOneTimeLinkOfAPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t)
		token, err := site.Store.CreateLink(t.Context(), storetest.Shell, site.Reader)
		if err != nil {
			t.Fatal(err)
		}
		old := site.As(t, "reader")
		b := site.As(t, "")
		page := b.GET("/setup?token=" + token)
		if page.Status != http.StatusOK || page.Text(".lead") != "For grace@example.com" || page.Doc.Find("#email, #name").Length() != 0 {
			t.Fatalf("%d\n%s", page.Status, page.Body)
		}
		form := url.Values{"token": {token}, "password": {"a whole new password"}, "email": {site.Admin.Email}}
		if page = b.POST("/setup", form); page.Status != http.StatusSeeOther {
			t.Fatalf("%d\n%s", page.Status, page.Body)
		}
		if page = b.GET("/stacks"); page.Text(".menu-who strong") != "Grace Hopper" {
			t.Errorf("somebody else is signed in: %s", page.Body)
		}
		if signedIn(old) {
			t.Error("a session from before the new password lives")
		}

		late, err := site.Store.CreateLink(t.Context(), storetest.Shell, site.Reader)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(73 * time.Hour)
		if page = b.POST("/setup", url.Values{"token": {late}, "password": {webtest.Password}}); page.Status != http.StatusNotFound {
			t.Errorf("a link works after three days: %d", page.Status)
		}
	})
}

func TestLinkOfSomebodyInactive(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	token, err := site.Store.CreateLink(t.Context(), storetest.Shell, site.Reader)
	if err != nil {
		t.Fatal(err)
	}
	site.Reader.Active = false
	if err := site.Store.UpdateUser(t.Context(), storetest.Shell, site.Reader); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"token": {token}, "password": {webtest.Password}}
	if page := site.As(t, "").POST("/setup", form); page.Status != http.StatusNotFound {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
}

// TestSetupLinkIsWorthNothingLater: the link of the first start must not make a second administrator.
func TestSetupLinkIsWorthNothingLater(t *testing.T) {
	t.Parallel()
	site := webtest.Empty(t)
	token, err := site.Store.CreateSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	site.User(t, models.User{Email: "ada@example.com", Role: models.Administrator})
	form := url.Values{"token": {token}, "email": {"eve@example.com"}, "password": {webtest.Password}}
	if page := site.As(t, "").POST("/setup", form); page.Status != http.StatusNotFound {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
}
