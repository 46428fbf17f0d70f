package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func TestReadersSeeAStacksSettingsWithoutAForm(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := addStack(t, site, models.Stack{ID: "net", Name: "Networking", Description: "VPCs", Labels: []string{"aws"}})
	site.Grant(t, stack)
	for _, path := range []string{views.GeneralPath(stack.ID), views.AskDeleteStackPath(stack.ID)} {
		page := site.As(t, "reader").GET(path)
		if page.Doc.Find("main form, main button, main .button").Length() != 0 {
			t.Errorf("%s has controls for a reader", path)
		}
		if facts := page.Text("main .facts"); facts != "NameNetworking Idnet DescriptionVPCs Labelsaws" {
			t.Errorf("%s: %q", path, facts)
		}
	}
}

func TestChangingAStack(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := addStack(t, site, models.Stack{ID: "net", Name: "Networking", Labels: []string{"a", "b"}})
	storetest.Stack(t, site.Store, "taken")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/", "s")
	admin := site.As(t, "admin")
	if page := admin.GET(views.GeneralPath(stack.ID)); page.Doc.Find("#labels").AttrOr("value", "") != "a, b" {
		t.Errorf("the labels read %q", page.Doc.Find("#labels").AttrOr("value", ""))
	}
	page := admin.POST(views.StackPath(stack.ID), url.Values{"id": {"taken"}, "name": {"Other"}})
	if page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Text("#id-error"), "Another stack has this id.") || page.Doc.Find("#name").AttrOr("value", "") != "Other" {
		t.Errorf("%d, %q", page.Status, page.Text("#id-error"))
	}
	page = admin.POST(views.StackPath(stack.ID), url.Values{"id": {"network"}, "name": {"Network"}, "labels": {"c"}})
	if page.Status != http.StatusSeeOther || page.Location() != views.GeneralPath("network") {
		t.Fatalf("%d to %q", page.Status, page.Location())
	}
	if after := admin.Follow(page); after.Text(".stack-name") != "Network" || !strings.HasPrefix(after.Text(".flash"), "Saved.") || !strings.Contains(after.Text(".flash"), "network") {
		t.Errorf("%q, %q", after.Text(".stack-name"), after.Text(".flash"))
	}
	if old := admin.GET(views.GeneralPath("net")); old.Status != http.StatusNotFound {
		t.Errorf("under its old id: %d", old.Status)
	}
	if kept := admin.GET(views.WebhookPath("network", w.ID)); kept.Status != http.StatusOK {
		t.Errorf("its webhook: %d", kept.Status)
	}
}

func TestDeletingAStackSaysWhatGoes(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	storetest.Webhook(t, site.Store, stack, "https://example.com/", "s")
	storetest.Webhook(t, site.Store, stack, "https://example.org/", "s")
	storetest.Run(t, site.Store, stack)
	site.Grant(t, stack)
	if _, _, err := site.Store.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeReport, StackKey: stack.Key}); err != nil {
		t.Fatal(err)
	}
	inlet(t, site, stack)
	admin := site.As(t, "admin")
	page := admin.GET(views.AskDeleteStackPath(stack.ID))
	for _, want := range []string{"Its 2 webhooks go with their secrets.", "not sent any more: 2 deliveries", "1 token for this stack, access of 1 reader, the inlet for HCP Terraform", "The audit log stays"} {
		if !strings.Contains(page.Text(".confirm"), want) {
			t.Errorf("%q lacks %q", page.Text(".confirm"), want)
		}
	}
	list := admin.Follow(admin.POST(page.Doc.Find(".confirm form").AttrOr("action", ""), nil))
	if list.Text(".flash") != "Deleted the stack a." || len(listed(list)) != 0 {
		t.Errorf("%q, %v", list.Text(".flash"), listed(list))
	}
	for _, who := range []string{"admin", "reader"} {
		if page := site.As(t, who).GET(views.IntegrationsPath(stack.ID)); page.Status != http.StatusNotFound {
			t.Errorf("%s: %d", who, page.Status)
		}
	}
	storetest.Stack(t, site.Store, "a")
	if page := site.As(t, "reader").GET(views.GeneralPath("a")); page.Status != http.StatusNotFound {
		t.Errorf("a new stack with the same id inherits its readers: %d", page.Status)
	}
}

func TestWhoMayReadAStackAndWhy(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	all := site.User(t, models.User{Email: "alan@example.com", Name: "Alan Turing", Role: models.Reader, AllStacks: true})
	admin := site.As(t, "admin")
	reader := url.Values{"user": {strconv.FormatInt(site.Reader.ID, 10)}}

	page := admin.GET(views.AccessPath(stack.ID))
	if options := page.Text("#user option"); options != "Choose a personGrace Hopper (grace@example.com)" {
		t.Errorf("to choose from: %q", options)
	}
	if people := page.Text("main tbody"); !strings.Contains(people, "Reads all stacks") || !strings.Contains(people, all.Name) || strings.Contains(people, "Grace") {
		t.Error(people)
	}
	page = admin.Follow(admin.POST(views.AccessPath(stack.ID), reader))
	if page.Text(".flash") != "Saved. Grace Hopper may read this stack." || !strings.Contains(page.Text("main tbody"), "Reads this stack") {
		t.Errorf("%q, %q", page.Text(".flash"), page.Text("main tbody"))
	}
	theirs := site.As(t, "reader").GET(views.AccessPath(stack.ID))
	if theirs.Status != http.StatusOK || !strings.Contains(theirs.Text("main tbody"), "Grace Hopper (you)") || theirs.Doc.Find("main form, main button").Length() != 0 {
		t.Errorf("the reader sees %d, %q", theirs.Status, theirs.Text("main tbody"))
	}
	revoke := page.Doc.Find("form[action$='/revoke']")
	if revoke.Length() != 1 || revoke.AttrOr("action", "") != views.RevokeAccessPath(stack.ID, site.Reader.ID) {
		t.Fatalf("%d can be revoked", revoke.Length())
	}
	if page := admin.POST(revoke.AttrOr("action", ""), nil); page.Status != http.StatusSeeOther {
		t.Errorf("revoke: %d", page.Status)
	}
	if page := site.As(t, "reader").GET(views.AccessPath(stack.ID)); page.Status != http.StatusNotFound {
		t.Errorf("after that the reader gets %d", page.Status)
	}
}

func TestGrantingToNobodySaysSo(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	for _, user := range []string{"", "x", "-1", "999", "1; DROP TABLE users"} {
		page := admin.POST(views.AccessPath(stack.ID), url.Values{"user": {user}})
		if page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Text("#user-error"), "Choose who may read this stack.") {
			t.Errorf("%q: %d, %q", user, page.Status, page.Text("#user-error"))
		}
	}
	if page := admin.POST(views.RevokeAccessPath(stack.ID, 999), nil); page.Status != http.StatusNotFound {
		t.Errorf("revoke from nobody: %d", page.Status)
	}
}
