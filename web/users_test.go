package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// personRow is the line of the person with that address or name.
func personRow(page *webtest.Page, who string) *goquery.Selection {
	return page.Doc.Find(".people-table tbody tr").FilterFunction(func(_ int, row *goquery.Selection) bool {
		return strings.Contains(row.Find("th").Text(), who)
	})
}

// cells are the texts of a row, without the person and the actions.
func cells(row *goquery.Selection) string {
	var texts []string
	row.Find("td:not(.cell-corner)").Each(func(_ int, cell *goquery.Selection) {
		texts = append(texts, strings.Join(strings.Fields(cell.Text()), " "))
	})
	return strings.Join(texts, " | ")
}

func TestUsersAreListed(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	for _, id := range []string{"d", "b", "a", "c"} {
		site.Grant(t, storetest.Stack(t, site.Store, id))
	}
	site.User(t, models.User{Email: "all@example.com", Role: models.Reader, AllStacks: true})
	site.User(t, models.User{Email: "none@example.com", Role: models.Reader})
	gone := site.User(t, models.User{Email: "gone@example.com", Role: models.Reader})
	gone.Active = false
	if err := site.Store.UpdateUser(t.Context(), storetest.Shell, gone); err != nil {
		t.Fatal(err)
	}
	if _, err := site.Store.CreateUser(t.Context(), storetest.Shell, models.User{Email: "new@example.com", Role: models.Reader}, ""); err != nil {
		t.Fatal(err)
	}
	page := site.As(t, "admin").GET("/users")
	for who, want := range map[string]string{
		"ada@example.com":   "Administrator | All stacks | just now",
		"grace@example.com": "Reader | a b c and 1 more | never",
		"all@example.com":   "Reader | All stacks | never",
		"none@example.com":  "Reader | No stack yet | never",
		"gone@example.com":  "Reader | No stack yet | Deactivated",
		"new@example.com":   "Reader | No stack yet | Link not used yet",
	} {
		if got := cells(personRow(page, who)); got != want {
			t.Errorf("%s: %q, want %q", who, got, want)
		}
	}
	if you := personRow(page, "(you)").Find(".cell-sub").Text(); you != site.Admin.Email {
		t.Errorf("you are %q", you)
	}
	if to, _ := personRow(page, "grace").Find(".label").First().Attr("href"); to != views.AccessPath("a") {
		t.Errorf("a stack leads to %q", to)
	}
}

func TestUsersThatAreRefused(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	for field, values := range map[string]url.Values{
		"email": {"email": {site.Reader.Email}, "name": {"Twin"}, "role": {"admin"}, "all_stacks": {"on"}},
		"name":  {"email": {"x@example.com"}, "name": {strings.Repeat("x", 101)}, "role": {"admin"}, "all_stacks": {"on"}},
		"role":  {"email": {"x@example.com"}, "name": {"X"}, "role": {"owner"}},
	} {
		page := admin.POST("/users", values)
		if page.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", field, page.Status)
		}
		if page.Doc.Find("#"+field+"-error").Length() != 1 || page.Doc.Find(`[role=alert] a[href="#`+field+`"]`).Length() != 1 {
			t.Errorf("%s: the page says %q", field, page.Text("[role=alert], .field-error"))
		}
		for _, kept := range []string{"email", "name"} {
			if got := page.Doc.Find("#"+kept).AttrOr("value", ""); got != values.Get(kept) {
				t.Errorf("%s: the field %s holds %q", field, kept, got)
			}
		}
		if got := page.Doc.Find("#all_stacks option[selected]").AttrOr("value", ""); got != values.Get("all_stacks") {
			t.Errorf("%s: all stacks is %q", field, got)
		}
	}
	if users, err := site.Store.Users(t.Context()); err != nil || len(users) != 2 {
		t.Errorf("%d users, %v", len(users), err)
	}
}

func TestAUserIsChanged(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin, reader := site.As(t, "admin"), site.As(t, "reader")
	path := views.UserPath(site.Reader.ID)
	for _, step := range []struct {
		values url.Values
		want   models.User
		says   string
	}{
		{
			url.Values{"name": {"Amazing Grace"}, "role": {"reader"}, "all_stacks": {"on"}, "active": {"on"}},
			models.User{Name: "Amazing Grace", Role: models.Reader, AllStacks: true, Active: true},
			"Saved the changes to Amazing Grace.",
		},
		{
			url.Values{"name": {"Grace"}, "role": {"reader"}, "all_stacks": {""}},
			models.User{Name: "Grace", Role: models.Reader},
			"signed out and cannot sign in",
		},
		{
			url.Values{"name": {"Grace"}, "role": {"reader"}, "active": {"on"}},
			models.User{Name: "Grace", Role: models.Reader, Active: true},
			"can sign in again",
		},
		{
			url.Values{"name": {""}, "role": {"admin"}, "active": {"on"}},
			models.User{Role: models.Administrator, Active: true},
			"has the new role",
		},
	} {
		answer := admin.POST(path, step.values)
		if says := admin.Follow(answer).Text(".notice-ok"); answer.Location() != "/users" || !strings.Contains(says, step.says) {
			t.Errorf("to %q, where it says %q, want %q", answer.Location(), says, step.says)
		}
		user, err := site.Store.User(t.Context(), site.Reader.ID)
		got := models.User{Name: user.Name, Role: user.Role, AllStacks: user.AllStacks, Active: user.Active}
		if err != nil || got != step.want || user.Email != site.Reader.Email {
			t.Errorf("stored %+v, %v, want %+v", got, err, step.want)
		}
		if shown := editForm(admin.GET(path)); shown != step.want {
			t.Errorf("the form shows %+v, want %+v", shown, step.want)
		}
	}
	if page := reader.GET("/stacks"); page.Status != http.StatusSeeOther {
		t.Errorf("a session from before answers %d", page.Status)
	}
}

// editForm is what the form of a person holds.
func editForm(page *webtest.Page) models.User {
	return models.User{
		Name: page.Doc.Find("#name").AttrOr("value", ""), Role: models.Role(page.Doc.Find("#role option[selected]").AttrOr("value", "")),
		AllStacks: page.Doc.Find("#all_stacks option[selected]").AttrOr("value", "") == "on", Active: page.Doc.Find("#active[checked]").Length() == 1,
	}
}

func TestAChangeThatIsWrongComesBack(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	long := strings.Repeat("x", 101)
	page := site.As(t, "admin").POST(views.UserPath(site.Reader.ID), url.Values{"name": {long}, "role": {"admin"}, "all_stacks": {"on"}})
	want := models.User{Name: long, Role: models.Administrator, AllStacks: true}
	if got := editForm(page); page.Status != http.StatusUnprocessableEntity || got != want || page.Doc.Find("#name-error").Length() != 1 {
		t.Errorf("%d, %+v", page.Status, got)
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	for name, values := range map[string]url.Values{
		"as reader":   {"role": {"reader"}, "active": {"on"}},
		"deactivated": {"role": {"admin"}},
	} {
		page := admin.POST(views.UserPath(site.Admin.ID), values)
		if page.Status != http.StatusConflict || !strings.Contains(page.Text("main"), "the last active administrator") {
			t.Errorf("%s: %d, %s", name, page.Status, page.Text("main"))
		}
	}
	second := site.User(t, models.User{Email: "second@example.com", Role: models.Administrator})
	if page := admin.POST(views.UserPath(site.Admin.ID), url.Values{"role": {"reader"}, "active": {"on"}}); page.Status != http.StatusSeeOther {
		t.Errorf("with %s there: %d", second.Email, page.Status)
	}
	if page := admin.GET("/users"); page.Status != http.StatusSeeOther || !strings.HasPrefix(page.Location(), "/login") {
		t.Errorf("whoever gave the role up is still signed in: %d", page.Status)
	}
}

func TestUnknownUsers(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	for _, id := range []string{"x", "0", "-1", strconv.FormatInt(site.Reader.ID+1, 10), "99999999999999999999"} {
		for _, page := range []*webtest.Page{
			admin.GET("/users/" + id), admin.POST("/users/"+id, url.Values{"role": {"reader"}}), admin.POST("/users/"+id+"/link", nil),
		} {
			if page.Status != http.StatusNotFound {
				t.Errorf("%s: %d", page.Path, page.Status)
			}
		}
	}
}
