package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// The forms on users and tokens come back as they were typed when the session has ended, and nothing is stored.
func TestFormsOnUsersAndTokensComeBack(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	storetest.Stack(t, site.Store, "a")
	second := site.User(t, models.User{Email: "second@example.com", Role: models.Administrator})
	browser := site.As(t, "")
	for path, c := range map[string]struct {
		values url.Values
		want   string // the controls that hold what was typed
	}{
		"/users": {
			url.Values{"email": {"x@example.com"}, "name": {"X"}, "role": {"admin"}, "all_stacks": {"on"}},
			`#email[value="x@example.com"], #name[value="X"], #role [value=admin][selected], #all_stacks [value=on][selected]`,
		},
		views.UserPath(site.Reader.ID): {
			url.Values{"name": {"X"}, "role": {"admin"}, "all_stacks": {"on"}},
			`#name[value="X"], #role [value=admin][selected], #all_stacks [value=on][selected], #active:not([checked])`,
		},
		"/tokens": {
			url.Values{"name": {"X"}, "scope": {"admin"}, "stack": {"a"}},
			`#name[value="X"], #scope [value=admin][selected], #stack [value=a][selected]`,
		},
	} {
		browser.SignIn(second.Email)
		endSessions(t, site, second)
		asked := browser.POST(path, c.values)
		if asked.Status != http.StatusUnauthorized {
			t.Fatalf("%s without a session: %d", path, asked.Status)
		}
		sealed := asked.Doc.Find("[name=form]").AttrOr("value", "")
		back := browser.POST("/login", url.Values{"email": {second.Email}, "password": {webtest.Password}, "form": {sealed}})
		if got := back.Doc.Find(c.want).Length(); back.Status != http.StatusOK || got != len(c.values)+back.Doc.Find("#active").Length() {
			t.Errorf("%s: %d, %d controls hold what was typed", path, back.Status, got)
		}
		if back.Doc.Find(`form[action="`+path+`"]`).Length() != 1 {
			t.Errorf("%s: the form that came back is posted elsewhere", path)
		}
	}
	users, err := site.Store.Users(t.Context())
	if err != nil || len(users) != 3 {
		t.Errorf("%d users, %v", len(users), err)
	}
	if tokens, err := site.Store.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
	if reader, err := site.Store.User(t.Context(), site.Reader.ID); err != nil || reader.Name != site.Reader.Name || !reader.Active {
		t.Errorf("stored %+v, %v", reader, err)
	}
}

// endSessions signs somebody out everywhere by taking their role and giving it back.
func endSessions(t *testing.T, site *webtest.Site, user models.User) {
	t.Helper()
	other := user
	other.Role = models.Reader
	for _, u := range []models.User{other, user} {
		if err := site.Store.UpdateUser(t.Context(), storetest.Shell, u); err != nil {
			t.Fatal(err)
		}
	}
}
