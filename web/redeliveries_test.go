package web_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
	"stackhook/web/webtest"
)

// fields are those of a page's form, as a browser without a script sends them by its button with that label.
func fields(t *testing.T, page *webtest.Page, button string) (path string, values url.Values) {
	t.Helper()
	values = url.Values{}
	pressed := page.Doc.Find("main button").FilterFunction(func(_ int, s *goquery.Selection) bool { return strings.TrimSpace(s.Text()) == button }).First()
	form := pressed.Closest("form")
	if form.Length() == 0 {
		t.Fatalf("no button %q:\n%s", button, page.Text("main"))
	}
	all := form.Find("input").AddSelection(page.Doc.Find("input[form='" + form.AttrOr("id", "none") + "']"))
	all.Each(func(_ int, input *goquery.Selection) {
		_, checked := input.Attr("checked")
		if name := input.AttrOr("name", ""); name != "" && (checked || input.AttrOr("type", "") != "checkbox") {
			values.Add(name, input.AttrOr("value", ""))
		}
	})
	if name := pressed.AttrOr("name", ""); name != "" {
		values.Add(name, pressed.AttrOr("value", ""))
	}
	return form.AttrOr("action", ""), values
}

// press sends a page's form.
func press(t *testing.T, b *webtest.Browser, page *webtest.Page, button string, change ...func(url.Values)) *webtest.Page {
	t.Helper()
	path, values := fields(t, page, button)
	for _, f := range change {
		f(values)
	}
	return b.POST(path, values)
}

func set(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }

// previewed are the titles of the parts of a preview.
func previewed(page *webtest.Page) string {
	return strings.Join(texts(page.Doc.Find(".preview h2")), "; ")
}

// workOff works redeliveries off without the pauses of their speeds.
func workOff(t *testing.T, site *webtest.Site) {
	t.Helper()
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for {
		next, err := site.Store.RedeliverDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if next.IsZero() {
			return
		}
		if _, err := db.Exec(`UPDATE redeliveries SET due_at = 1`); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheSelectedAreRedelivered(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin := site.As(t, "admin")
	log := admin.GET(views.DeliveriesPath("net"))
	if n := log.Doc.Find("td.cell-check input[form=redeliver]").Length(); n != 4 {
		t.Errorf("%d boxes", n)
	}
	if name := log.Doc.Find("td.cell-check input").First().AttrOr("aria-label", ""); !strings.HasPrefix(name, "Select the delivery FINISHED of run "+views.ShortID(l.run.ID)+" to ") {
		t.Errorf("a box is called %q", name)
	}
	nothing := press(t, admin, log, "Redeliver selected")
	if nothing.Status != http.StatusUnprocessableEntity || nothing.Text("main .notice h2") != "Nothing is selected" || nothing.Doc.Find("main .row a").AttrOr("href", "") != views.DeliveriesPath("net") {
		t.Errorf("without a selection: %d %s", nothing.Status, nothing.Text("main"))
	}
	preview := press(t, admin, log, "Redeliver selected", func(v url.Values) { v["delivery"] = []string{l.badQueued, l.goodQueued} })
	if preview.Status != http.StatusOK || preview.Header.Get("Cache-Control") != "no-store" || preview.Text("h1") != "Redeliver 2 deliveries" {
		t.Errorf("%d %v %s", preview.Status, preview.Header, preview.Text("h1"))
	}
	if got, want := previewed(preview), "1 goes out; 1 is older than what the receiver has"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if list, err := site.Store.Redeliveries(t.Context(), nil, store.Page{}); err != nil || len(list.Rows) != 0 {
		t.Errorf("before the start: %+v, %v", list, err)
	}
	first := press(t, admin, preview, "Start to redeliver")
	second := press(t, admin, preview, "Start to redeliver")
	if first.Status != http.StatusSeeOther || first.Location() == "" || second.Location() != first.Location() || second.Status != http.StatusSeeOther {
		t.Errorf("%d to %s, then %d to %s", first.Status, first.Location(), second.Status, second.Location())
	}
	running := admin.Follow(first)
	if running.Text("h1") != "Redelivering" || running.Doc.Find("[data-refresh]").Length() != 1 || !strings.Contains(running.Text("main"), "0 of 2 looked at") {
		t.Errorf("%s", running.Text("main"))
	}
	workOff(t, site)
	done := admin.Follow(first)
	for _, want := range []string{"Redelivered 1 delivery", "2 chosen deliveries.", "2 of 2 looked at", "Sent again1", "Left out1", "By Ada Lovelace"} {
		if !strings.Contains(done.Text("main"), want) {
			t.Errorf("no %q in %s", want, done.Text("main"))
		}
	}
	if done.Doc.Find("[data-refresh], main form").Length() != 0 {
		t.Error("it goes on")
	}
	if d, err := site.Store.Delivery(t.Context(), l.stack, l.badQueued); err != nil || d.Status != models.Pending || d.RedeliveredBy != "Ada Lovelace" {
		t.Errorf("%+v, %v", d, err)
	}
	list := admin.GET(views.RedeliveriesPath)
	if rows := list.Doc.Find("tbody tr"); rows.Length() != 1 || list.Doc.Find("tbody a").AttrOr("href", "") != first.Location() || !strings.Contains(list.Text("tbody"), "Done2 chosen deliveries.Ada Lovelace11") {
		t.Errorf("%s", list.Text("tbody"))
	}
}

// From each log and from a group of failures, all that the filter shows and nothing else is asked for.
func TestAllThatMatchAreRedelivered(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	fillLog(t, site, "other")
	admin := site.As(t, "admin")
	for path, c := range map[string]struct{ button, title, words string }{
		views.AllDeliveriesPath:                          {"Redeliver all of this log", "Redeliver 8 deliveries", ""},
		views.AllDeliveriesPath + "?stack=net":           {"Redeliver all that match", "Redeliver 4 deliveries", "All that match stack net"},
		views.DeliveriesPath("net"):                      {"Redeliver all of this log", "Redeliver 4 deliveries", "All that match stack net"},
		views.DeliveriesPath("net") + "?status=failed":   {"Redeliver all that match", "Redeliver 1 delivery", "All that match status failed, stack net"},
		views.DeliveriesPath("net") + "?time=24h":        {"Redeliver all that match", "Redeliver 4 deliveries", "All that match stack net, from "},
		views.WebhookPath("net", l.bad.ID):               {"Redeliver all of this log", "Redeliver 2 deliveries", "All that match webhook bad.example, stack net"},
		views.WebhookPath("net", l.bad.ID) + "?code=5xx": {"Redeliver all that match", "Redeliver 1 delivery", "All that match status code 5xx, webhook bad.example, stack net"},
		views.AllFailuresPath:                            {"Redeliver", "Redeliver 1 delivery", ", webhook bad.example, stack "},
		views.FailuresPath("net"):                        {"Redeliver", "Redeliver 1 delivery", "All that match status failed, response “Timed out”, webhook bad.example, stack net"},
	} {
		preview := press(t, admin, admin.GET(path), c.button)
		if preview.Status != http.StatusOK || preview.Text("h1") != c.title || !strings.Contains(preview.Text("form > p.muted"), c.words) {
			t.Errorf("%s: %d %s: %s", path, preview.Status, preview.Text("h1"), preview.Text("form > p.muted"))
		}
		button := texts(preview.Doc.Find("main .button-primary"))
		if len(button) != 1 {
			t.Fatalf("%s: %q", path, button)
		}
		started := press(t, admin, preview, button[0])
		r, err := site.Store.Redelivery(t.Context(), nil, strings.TrimPrefix(started.Location(), views.RedeliveriesPath+"/"))
		if err != nil || !strings.HasPrefix(c.title, "Redeliver "+strconv.Itoa(r.Expected)+" ") || len(r.Chosen) != 0 {
			t.Errorf("%s: %d %+v, %v", path, started.Status, r, err)
		}
		if page := admin.Follow(started); page.Status != http.StatusOK || !strings.Contains(page.Text("main"), " of "+strconv.Itoa(r.Expected)+" looked at") {
			t.Errorf("%s: %s", path, page.Text("main"))
		}
	}
}

func TestARedeliveryIsCanceled(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	fillLog(t, site, "net")
	admin := site.As(t, "admin")
	started := press(t, admin, press(t, admin, admin.GET(views.AllDeliveriesPath), "Redeliver all of this log"), "Start to redeliver")
	canceled := press(t, admin, admin.Follow(started), "Cancel")
	if canceled.Status != http.StatusSeeOther || canceled.Location() != started.Location() {
		t.Errorf("%d %s", canceled.Status, canceled.Location())
	}
	page := admin.Follow(canceled)
	if page.Text("h1") != "Canceled after 0 deliveries" || !strings.Contains(page.Text("main"), "Canceled by Ada Lovelace") {
		t.Errorf("%s", page.Text("main"))
	}
	workOff(t, site)
	if after := admin.Follow(canceled); after.Text("h1") != "Canceled after 0 deliveries" {
		t.Errorf("%s", after.Text("h1"))
	}
	again := press(t, admin, press(t, admin, admin.GET(views.AllDeliveriesPath), "Redeliver all of this log"), "Start to redeliver")
	late := admin.Follow(again)
	workOff(t, site)
	if page := admin.Follow(press(t, admin, late, "Cancel")); !strings.HasPrefix(page.Text("h1"), "Redelivered ") || !strings.Contains(page.Text("main"), "It had ended before") {
		t.Errorf("too late: %s", page.Text("main"))
	}
	if page := admin.GET(views.RedeliveryPath("none")); page.Status != http.StatusNotFound {
		t.Errorf("%d", page.Status)
	}
	if page := admin.POST(views.CancelRedeliveryPath("none"), nil); page.Status != http.StatusNotFound {
		t.Errorf("%d", page.Status)
	}
}
