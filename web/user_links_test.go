package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func TestANewUserSignsInWithTheLink(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	page := admin.POST("/users", url.Values{"email": {" Alan@Example.com"}, "name": {"Alan Turing"}, "role": {"reader"}, "all_stacks": {"on"}})
	if page.Status != http.StatusOK || page.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d, Cache-Control %q", page.Status, page.Header.Get("Cache-Control"))
	}
	if got := cells(personRow(page, "alan@example.com")); got != "Reader | All stacks | Link not used yet" {
		t.Errorf("the line is %q", got)
	}
	link := shownLink(t, site, page)
	if later := admin.GET("/users"); strings.Contains(later.Body, "token=") {
		t.Error("the link is shown again")
	}
	used := site.As(t, "").POST("/setup", url.Values{"token": {link.Query().Get("token")}, "password": {webtest.Password}})
	if used.Status != http.StatusSeeOther {
		t.Fatalf("use the link: %d\n%s", used.Status, used.Text("main"))
	}
	alan := site.As(t, "")
	alan.SignIn("alan@example.com")
	if page := alan.GET("/users"); page.Status != http.StatusForbidden {
		t.Errorf("the new reader gets %d", page.Status)
	}
}

// shownLink is the one-time link that a page shows.
func shownLink(t *testing.T, site *webtest.Site, page *webtest.Page) *url.URL {
	t.Helper()
	text := page.Text("[data-copy-from] .secret-value")
	link, err := url.Parse(text)
	if err != nil || !strings.HasPrefix(text, site.URL+"/setup?token=") {
		t.Fatalf("the link is %q, %v", text, err)
	}
	return link
}

func TestANewLinkEndsTheOneBefore(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	path := views.UserLinkPath(site.Reader.ID)
	first, page := admin.POST(path, nil), admin.POST(path, nil)
	if page.Status != http.StatusOK || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d, Cache-Control %q", page.Status, page.Header.Get("Cache-Control"))
	}
	for token, want := range map[string]bool{
		shownLink(t, site, first).Query().Get("token"): false,
		shownLink(t, site, page).Query().Get("token"):  true,
	} {
		if _, user, err := site.Store.Link(t.Context(), token); (err == nil && user.ID == site.Reader.ID) != want {
			t.Errorf("a link opens for user %d, %v; want %t", user.ID, err, want)
		}
	}
	site.Reader.Active = false
	if err := site.Store.UpdateUser(t.Context(), storetest.Shell, site.Reader); err != nil {
		t.Fatal(err)
	}
	if page := admin.POST(path, nil); page.Status != http.StatusConflict {
		t.Errorf("a link for somebody who is deactivated: %d", page.Status)
	}
	if page := admin.GET(views.UserPath(site.Reader.ID)); page.Doc.Find(`form[action="`+path+`"]`).Length() != 0 {
		t.Error("the page of somebody who is deactivated offers a link")
	}
}
