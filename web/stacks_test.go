package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func listed(page *webtest.Page) []string {
	return page.Doc.Find("main tbody .cell-main").Map(func(_ int, s *goquery.Selection) string { return s.Text() })
}

func addStack(t *testing.T, site *webtest.Site, stack models.Stack) models.Stack {
	t.Helper()
	stack, err := site.Store.CreateStack(t.Context(), storetest.Shell, stack)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

func TestStacksAreThoseThatTheViewerMayRead(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin, reader := site.As(t, "admin"), site.As(t, "reader")
	for who, want := range map[*webtest.Browser]string{admin: "Create one, then report its runs", reader: "An administrator can give you access"} {
		if page := who.GET(views.StacksPath); page.Status != http.StatusOK || !strings.Contains(page.Text(".empty"), want) || page.Doc.Find(".find").Length() != 0 {
			t.Errorf("%d, %q", page.Status, page.Text(".empty"))
		}
	}
	granted := addStack(t, site, models.Stack{ID: "granted", Name: "Granted"})
	addStack(t, site, models.Stack{ID: "secret", Name: "Not granted"})
	site.Grant(t, granted)
	if got := listed(admin.GET(views.StacksPath)); !slices.Equal(got, []string{"Granted", "Not granted"}) {
		t.Errorf("the administrator sees %v", got)
	}
	page := reader.GET(views.StacksPath)
	if got := listed(page); !slices.Equal(got, []string{"Granted"}) || page.Doc.Find("a[href='/stacks/new'], a[href$='webhooks/new']").Length() != 0 {
		t.Errorf("the reader sees %v", got)
	}
}

func TestFindingAStack(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	addStack(t, site, models.Stack{ID: "net", Name: "Networking prod", Labels: []string{"env:prod"}})
	addStack(t, site, models.Stack{ID: "dwh", Name: "Data warehouse", Labels: []string{"Env:Prod", "snow"}})
	addStack(t, site, models.Stack{ID: "box", Name: "Sandbox"})
	admin := site.As(t, "admin")
	for find, want := range map[string][]string{
		"":          {"Data warehouse", "Networking prod", "Sandbox"},
		"prod":      {"Data warehouse", "Networking prod"},
		" NETWORK ": {"Networking prod"},
		"snow":      {"Data warehouse"},
		"box":       {"Sandbox"},
		"%":         nil,
		`<b>"x"`:    nil,
	} {
		page := admin.GET(views.StacksPath + "?" + url.Values{"q": {find}}.Encode())
		if got := listed(page); !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", find, got, want)
		}
		if got := page.Doc.Find("input[name=q]").AttrOr("value", ""); got != strings.TrimSpace(find) {
			t.Errorf("%q is shown as %q", find, got)
		}
		if want == nil && (page.Doc.Find(".empty a[href='/stacks']").Text() == "" || !strings.Contains(page.Text(".empty"), "“"+find+"”")) {
			t.Errorf("%q: %q", find, page.Text(".empty"))
		}
	}
}

func TestFailingStacksComeFirstAndLongFailuresAboveAll(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	quiet := addStack(t, site, models.Stack{ID: "a", Name: "A quiet one"})
	storetest.Webhook(t, site.Store, quiet, "https://ok.example.com/", "")
	storetest.Run(t, site.Store, quiet)
	attempt(t, site.Store, nil, time.Minute)
	long := addStack(t, site, models.Stack{ID: "z", Name: "Zeta"})
	w := storetest.Webhook(t, site.Store, long, "https://hooks.example.com/path?token=t0p", "")
	storetest.Run(t, site.Store, long)
	failed := store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(time.Hour)}
	attempt(t, site.Store, map[string]store.Outcome{w.ID: failed}, 29*time.Hour+time.Minute)
	short := addStack(t, site, models.Stack{ID: "y", Name: "Yps"})
	other := storetest.Webhook(t, site.Store, short, "https://other.example.com/", "")
	storetest.Run(t, site.Store, short)
	attempt(t, site.Store, map[string]store.Outcome{other.ID: failed}, 23*time.Hour)
	site.Grant(t, long)

	admin := site.As(t, "admin")
	page := admin.GET(views.StacksPath)
	if got := listed(page); !slices.Equal(got, []string{"Zeta", "Yps", "A quiet one"}) && !slices.Equal(got, []string{"Yps", "Zeta", "A quiet one"}) {
		t.Errorf("in the order %v", got)
	}
	banner := page.Text("section[aria-labelledby=failing]")
	want := "1 webhook has been failing for 29 hourshooks.example.com on Zeta: the receiver answers 503 Service Unavailable. If nothing arrives until "
	if !strings.HasPrefix(banner, want) || !strings.HasSuffix(banner, " UTC, it is disabled.What was given up, by webhook and reason") ||
		page.Doc.Find("section[aria-labelledby=failing] a[href='/failures']").Length() != 1 {
		t.Errorf("the banner says %q, want %q", banner, want)
	}
	for path, there := range map[string]bool{
		views.StackPath(long.ID): true, views.GeneralPath(long.ID): true, views.IntegrationsPath(long.ID): false, views.StackPath(short.ID): false,
	} {
		page := admin.GET(path)
		if count := page.Text(".top-failing"); count != "1 failing" {
			t.Errorf("the top bar of %s says %q", path, count)
		}
		if says := strings.Contains(page.Text(".notice.flash"), "1 webhook has been failing for 29 hours: hooks.example.com"); says != there {
			t.Errorf("%s: a banner is %t: %q", path, says, page.Text(".notice.flash"))
		}
	}
	rows := page.Text("main tbody")
	for _, want := range []string{"1 of 1 failing since ", "1 of 1 answering"} {
		if !strings.Contains(rows, want) {
			t.Errorf("%q lacks %q", rows, want)
		}
	}
	if strings.Contains(page.Body, "t0p") {
		t.Error("the list shows a query of an endpoint")
	}
	if banner := site.As(t, "reader").GET(views.StacksPath).Text("section[aria-labelledby=failing]"); banner != "" {
		t.Errorf("a reader is shown %q", banner)
	}
	if count := site.As(t, "reader").GET(views.StackPath(long.ID)).Text(".top-failing, .notice"); count != "" {
		t.Errorf("a reader is shown %q", count)
	}
}

func TestHowAStacksWebhooksStand(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	says := func() string {
		t.Helper()
		return admin.GET(views.StacksPath).Text("main tbody td:nth-child(2)")
	}
	steps := []struct {
		do   func()
		want string
	}{
		{func() {}, "No webhooks. Add one"},
		{func() { admin.POST(views.WebhooksPath(stack.ID), url.Values{"endpoint": {"https://off.example.com/"}}) }, "1 of 1 disabled"},
		{func() { storetest.Webhook(t, site.Store, stack, "https://on.example.com/", "") }, "1 of 2 disabled"},
		{func() { storetest.Run(t, site.Store, stack); attempt(t, site.Store, nil, 0) }, "1 of 2 answering, 1 disabled"},
	}
	for _, step := range steps {
		step.do()
		if got := says(); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
}

func TestAddingAStack(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	for _, step := range []struct {
		fields url.Values
		field  string // with a message, "" if it is stored
		id     string
	}{
		{url.Values{"name": {" Networking prod "}, "labels": {"env:prod, ,aws,env:prod"}, "description": {"VPCs"}}, "", "networking-prod"},
		{url.Values{"name": {"Networking  Prod!"}}, "id", ""},
		{url.Values{"name": {"Another"}, "id": {"networking-prod"}}, "id", ""},
		{url.Values{"name": {"New"}}, "id", ""},
		{url.Values{"name": {"x"}, "id": {"Upper"}}, "id", ""},
		{url.Values{"name": {"x"}, "id": {long("a", 64)}}, "id", ""},
		{url.Values{"name": {""}, "id": {"b"}}, "name", ""},
		{url.Values{"name": {long("n", 101)}, "id": {"b"}}, "name", ""},
		{url.Values{"name": {"x"}, "id": {"b"}, "description": {long("d", 1001)}}, "description", ""},
		{url.Values{"name": {"x"}, "id": {"b"}, "description": {"\xff"}}, "description", ""},
		{url.Values{"name": {"x"}, "id": {"b"}, "labels": {long("l", 51)}}, "labels", ""},
		{url.Values{"name": {"пример"}}, "id", ""},
		{url.Values{"name": {"x"}, "id": {"b"}}, "", "b"},
	} {
		page := admin.POST(views.StacksPath, step.fields)
		if step.field == "" {
			if page.Status != http.StatusSeeOther || page.Location() != views.IntegrationsPath(step.id) {
				t.Errorf("%.40v: %d to %q", step.fields, page.Status, page.Location())
			}
			continue
		}
		if page.Status != http.StatusUnprocessableEntity || page.Text("#"+step.field+"-error") == "" || page.Doc.Find(`[role=alert] a[href="#`+step.field+`"]`).Length() != 1 {
			t.Errorf("%.40v: %d, %q", step.fields, page.Status, page.Text("[role=alert]"))
		}
		for field, typed := range step.fields {
			if got := page.Doc.Find("#"+field).AttrOr("value", ""); got != strings.ToValidUTF8(typed[0], "\uFFFD") {
				t.Errorf("%s comes back as %.40q", field, got)
			}
		}
	}
	stack, err := site.Store.Stack(t.Context(), models.Viewer{User: &site.Admin}, "networking-prod")
	if err != nil || stack.Name != "Networking prod" || stack.Description != "VPCs" || !slices.Equal(stack.Labels, []string{"env:prod", "aws"}) {
		t.Errorf("%+v, %v", stack, err)
	}
}
