package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
	"stackhook/web/webtest"
)

// actionsOf are what somebody did, newest first.
func actionsOf(t *testing.T, site *webtest.Site, who models.User) (actions []models.Action) {
	t.Helper()
	found, err := site.Store.AuditRecords(t.Context(), store.AuditFilter{Who: who.Label()}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range found.Rows {
		actions = append(actions, r.Action)
	}
	return actions
}

func TestAPersonChangesTheirPassword(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	here, elsewhere, other := site.As(t, "reader"), site.As(t, "reader"), site.As(t, "admin")
	const better = "a much better one"
	for name, c := range map[string]struct{ current, password, says string }{
		"a wrong one":   {"nonsense", better, "This is not your password."},
		"too short":     {webtest.Password, "short", "Use at least"},
		"not even text": {webtest.Password, "\xff\xfe and some more", "not valid UTF-8"},
	} {
		page := here.POST(views.PasswordPath, url.Values{"current": {c.current}, "password": {c.password}})
		if page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Body, c.says) || strings.Contains(page.Body, better) {
			t.Errorf("%s: %d, want 422 with %q\n%s", name, page.Status, c.says, page.Body)
		}
	}
	cookie := here.Cookies()[0].Value
	page := here.POST(views.PasswordPath, url.Values{"current": {webtest.Password}, "password": {better}})
	if page.Status != http.StatusSeeOther || !strings.Contains(here.Follow(page).Body, "You are signed out everywhere else.") {
		t.Errorf("%d", page.Status)
	}
	if !signedIn(here) || signedIn(elsewhere) || !signedIn(other) {
		t.Errorf("signed in: here %t, elsewhere %t, somebody else %t", signedIn(here), signedIn(elsewhere), signedIn(other))
	}
	if here.Cookies()[0].Value == cookie {
		t.Error("the session is the one from before")
	}
	again := site.As(t, "")
	if again.POST("/login", url.Values{"email": {site.Reader.Email}, "password": {webtest.Password}}).Status != http.StatusUnprocessableEntity {
		t.Error("the old password works")
	}
	if again.POST("/login", url.Values{"email": {site.Reader.Email}, "password": {better}}).Status != http.StatusSeeOther {
		t.Error("the new password does not work")
	}
	if done := actionsOf(t, site, site.Reader); done[0] != models.SignedIn || done[1] != models.PasswordSet || done[2] != models.SignInFailed {
		t.Errorf("%v", done)
	}
}

func TestAPersonSignsOutElsewhere(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	here, second, third, other := site.As(t, "reader"), site.As(t, "reader"), site.As(t, "reader"), site.As(t, "admin")
	page := here.GET(views.ProfilePath)
	ends := page.Doc.Find(`form[action$="/end"]`)
	if ends.Length() != 2 || page.Doc.Find("main tbody tr").Length() != 3 || strings.Count(page.Body, "This one") != 1 {
		t.Fatalf("%d to end\n%s", ends.Length(), page.Body)
	}
	action, _ := ends.First().Attr("action")
	if other.POST(action, nil).Status != http.StatusNotFound || !signedIn(second) || !signedIn(third) {
		t.Error("somebody else ended the session")
	}
	if here.POST(action, nil).Status != http.StatusSeeOther || signedIn(second) == signedIn(third) || !signedIn(here) {
		t.Errorf("signed in: second %t, third %t, here %t", signedIn(second), signedIn(third), signedIn(here))
	}
	if here.POST(action, nil).Status != http.StatusNotFound {
		t.Error("it ended twice")
	}
	fourth := site.As(t, "reader")
	done := here.POST(views.SessionsPath, nil)
	if done.Status != http.StatusSeeOther || !strings.Contains(here.Follow(done).Body, "Signed out elsewhere: 2.") {
		t.Errorf("%d", done.Status)
	}
	if signedIn(second) || signedIn(third) || signedIn(fourth) || !signedIn(here) || !signedIn(other) {
		t.Error("the wrong ones are signed in")
	}
	if did := actionsOf(t, site, site.Reader); did[0] != models.SessionsEnded || did[2] != models.SessionsEnded {
		t.Errorf("%v", did)
	}
}
