package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// shownToken returns the token that the answer shows, "" if it shows none.
func shownToken(page *webtest.Page) string { return page.Doc.Find(".notice-ok .secret-value").Text() }

// An administrator sets an inlet up, replaces its token and turns it off; each token is shown once, and works.
func TestSettingUpAnInlet(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin, path := site.As(t, "admin"), views.InletsPath("a")
	if page := admin.GET(path); page.Doc.Find("input#secret").Length() != 1 || !strings.Contains(page.Text("main"), "Nothing came in yet") {
		t.Errorf("before: %s", page.Text("main"))
	}
	works := func(when, token string, want int) {
		t.Helper()
		if got := notify(t, site, hcpAddress, token, `{"notifications":[{"trigger":"verification"}]}`); got.status != want {
			t.Errorf("%s: %d, want %d", when, got.status, want)
		}
	}
	page := admin.POST(views.InletHCPPath("a"), nil)
	first := shownToken(page)
	if page.Status != http.StatusOK || !strings.HasPrefix(first, models.InletTokenPrefix) || len(first) < len(models.InletTokenPrefix)+43 ||
		!strings.Contains(page.Text(".facts"), site.URL+hcpAddress) {
		t.Fatalf("%d, %q\n%s", page.Status, first, page.Text("main"))
	}
	works("set up", first, 200)
	if page = admin.POST(views.InletHCPPath("a"), nil); page.Status != http.StatusConflict || shownToken(page) != "" || !strings.Contains(page.Text(".notice"), "there already") {
		t.Errorf("once more: %d %s", page.Status, page.Text("main"))
	}
	if page = admin.GET(path); strings.Contains(page.Body, first) || !strings.Contains(page.Text("table"), "Verification") {
		t.Errorf("afterwards: %s", page.Text("main"))
	}
	print := page.Doc.Find("input[name=fingerprint]").AttrOr("value", "")

	form := url.Values{"fingerprint": {print}, "secret": {"too short"}}
	if page = admin.POST(views.ReplaceInletHCPPath("a"), form); page.Status != http.StatusUnprocessableEntity || page.Doc.Find("#secret").AttrOr("value", "") != "too short" ||
		page.Doc.Find("details[open] #secret-error").Length() != 1 {
		t.Errorf("too short: %d\n%s", page.Status, page.Text("main"))
	}
	works("refused", first, 200)
	form.Set("secret", "a token of my own")
	if page = admin.POST(views.ReplaceInletHCPPath("a"), form); page.Status != http.StatusOK || shownToken(page) != "a token of my own" {
		t.Errorf("of my own: %d %q", page.Status, shownToken(page))
	}
	works("replaced", first, 401)
	works("replaced", "a token of my own", 200)
	form.Set("secret", "sent twice, sent twice")
	if page = admin.POST(views.ReplaceInletHCPPath("a"), form); page.Status != http.StatusConflict || shownToken(page) != "" {
		t.Errorf("about the token before: %d", page.Status)
	}
	works("sent twice", "a token of my own", 200)

	if page = admin.GET(views.AskRemoveInletPath("a")); page.Doc.Find("#confirm-off").Length() != 1 {
		t.Errorf("it does not ask: %s", page.Text("main"))
	}
	page = admin.Follow(admin.POST(views.RemoveInletHCPPath("a"), nil))
	if !strings.Contains(page.Text(".flash"), "Turned off") || page.Doc.Find("input#secret").Length() != 1 || !strings.Contains(page.Text("table"), "Verification") {
		t.Errorf("turned off: %s", page.Text("main"))
	}
	works("turned off", "a token of my own", 401)
	if records, err := site.Store.AuditRecords(t.Context(), store.AuditFilter{Stack: stack.ID}, store.Page{}); err != nil || len(records.Rows) < 3 || records.Rows[0].Action != models.InletRemoved || records.Rows[0].Actor.ID != site.Admin.ID {
		t.Errorf("%+v, %v", records.Rows, err)
	}
}

func TestReadersSeeWhatCameIn(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	site.Grant(t, stack)
	inlet(t, site, stack)
	notify(t, site, hcpAddress, inletToken, hcpBody("run-1", "run:planning", "planning"))
	notify(t, site, hcpAddress, inletToken, hcpBody("run-1", "run:dreaming", "dreamt"))
	reader := site.As(t, "reader")
	page := reader.GET(views.AskRemoveInletPath("a"))
	if page.Doc.Find("main form, main button[type!=button]").Length() != 0 || strings.Contains(page.Body, inletToken) {
		t.Errorf("a reader has controls: %s", page.Text("main"))
	}
	rows := page.Doc.Find("#notifications ~ .stack .card tbody tr")
	if rows.Length() != 2 {
		t.Fatalf("%d rows\n%s", rows.Length(), page.Text("main"))
	}
	for i, want := range [][]string{{"run:dreaming", "dreamt", "run-1", "acme-org/my-workspace", "Kept."}, {"run:planning", "planning", "PLANNING", "Started the run"}} {
		for _, text := range want {
			if !strings.Contains(rows.Eq(i).Text(), text) {
				t.Errorf("row %d has no %q: %s", i, text, rows.Eq(i).Text())
			}
		}
	}
	run, _ := rows.Eq(1).Find("a.cell-main").Attr("href")
	if shown := reader.GET(run); shown.Status != http.StatusOK || !strings.Contains(shown.Text("main"), "Add five new queue workers") {
		t.Errorf("the run at %s: %d", run, shown.Status)
	}
	body, _ := rows.Eq(0).Find(".button").Attr("href")
	if shown := reader.GET(strings.TrimSuffix(body, "#body")); !strings.Contains(shown.Text("#body pre"), `"trigger":"run:dreaming"`) {
		t.Errorf("the body at %s: %s", body, shown.Text("#body"))
	}
	other := storetest.Stack(t, site.Store, "b")
	site.Grant(t, other)
	for _, path := range []string{strings.Replace(body, "/a/", "/b/", 1), views.InletsPath("a") + "?body=x", views.InletsPath("a") + "?body=999"} {
		if shown := reader.GET(strings.TrimSuffix(path, "#body")); shown.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, shown.Status)
		}
	}
}

// The list leads through all that is kept.
func TestPagesOfNotifications(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "a")
	for i := range 60 {
		if _, err := site.Store.ReceiveHCP(t.Context(), stack, models.HCPNotification{Trigger: fmt.Sprintf("number:%02d", i)}, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	admin := site.As(t, "admin")
	page := admin.GET(views.InletsPath("a"))
	if text := page.Text("table"); !strings.Contains(text, "number:59") || strings.Contains(text, "number:09") {
		t.Errorf("the first page: %s", text)
	}
	older, _ := page.Doc.Find(".pager a").Attr("href")
	page = admin.GET(older)
	if text := page.Text("table"); !strings.Contains(text, "number:09") || strings.Contains(text, "number:10") {
		t.Errorf("the second page %s: %s", older, text)
	}
	if page = admin.GET(views.InletsPath("a") + "?older=1"); !strings.Contains(page.Text("main"), "This page of the list is empty") {
		t.Errorf("beyond the end: %s", page.Text("main"))
	}
	if page = admin.GET(views.InletsPath("a") + "?older=x"); page.Status != http.StatusUnprocessableEntity {
		t.Errorf("no cursor: %d", page.Status)
	}
}

// What a notification says is text, wherever it is shown.
func TestNotificationsTextDoesNoHarm(t *testing.T) {
	t.Parallel()
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := webtest.New(t)
			stack := storetest.Stack(t, site.Store, "a")
			inlet(t, site, stack)
			page := func(text string) (inlets, run *webtest.Page) {
				quoted := quoteJSON(text)
				body := strings.NewReplacer(`"Add five new queue workers"`, quoted, `"sample-user"`, quoted, `"my-workspace"`, quoted, `"acme-org"`, quoted, `"dreamt"`, quoted, `"run:dreaming"`, quoted, `"run-1"`, quoted).
					Replace(hcpBody("run-1", "run:dreaming", "dreamt"))
				for _, body := range []string{body, strings.Replace(body, `"trigger":`+quoted, `"trigger":"run:planning"`, 1)} {
					if got := notify(t, site, hcpAddress, inletToken, body); got.status != 200 {
						t.Fatalf("%d %s", got.status, got.text)
					}
				}
				kept, err := site.Store.Notifications(t.Context(), stack, models.InletHCP, store.Page{})
				if err != nil {
					t.Fatal(err)
				}
				admin := site.As(t, "admin")
				inlets = admin.GET(strings.TrimSuffix(views.NotificationPath("a", kept.Rows[0].Key), "#body"))
				return inlets, admin.GET(views.RunPath("a", kept.Rows[0].RunID))
			}
			_, harmless := page("x")
			shown, run := page(c.received)
			for _, p := range []*webtest.Page{shown, run} {
				if p.Status != 200 || p.Doc.Find("[onmouseover], [onerror]").Length() != 0 || p.Doc.Find("h1").Length() != 1 || p.Doc.Find("img, style, main script").Length() != 0 {
					t.Errorf("%d\n%.3000s", p.Status, p.Body)
				}
				expectReadable(t, p)
			}
			if run.Doc.Find("form").Length() != harmless.Doc.Find("form").Length() {
				t.Error("a form came through")
			}
		})
	}
}

// quoteJSON writes a text as a JSON value. Bytes that are no UTF-8 stay as they are, which no library does.
func quoteJSON(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		if c < ' ' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\u%04x`, c)
			continue
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}
