package web_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func TestWhatIsRefusedOfARedelivery(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin := site.As(t, "admin")
	log := admin.GET(views.DeliveriesPath("net"))
	preview := press(t, admin, log, "Redeliver all of this log")
	for what, c := range map[string]struct {
		change func(url.Values)
		says   string
	}{
		"too fast":     {set("perSecond", "201"), "from 1 to 200"},
		"not at all":   {set("perSecond", "0"), "from 1 to 200"},
		"no number":    {set("perSecond", "many"), "from 1 to 200"},
		"an old one":   {set("redelivery", models.NewID(time.Now())[:2]+"000000000000000000000000"), "older than a day"},
		"no id":        {set("redelivery", ""), "older than a day"},
		"of tomorrow":  {set("redelivery", models.LeastID(time.Now().Add(time.Hour))), "older than a day"},
		"nothing":      {set("which", ""), "Nothing is selected"},
		"another word": {set("which", "some"), "Nothing is selected"},
	} {
		page := press(t, admin, preview, "Start to redeliver", c.change)
		if page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Text("main"), c.says) {
			t.Errorf("%s: %d %s", what, page.Status, page.Text("main"))
		}
		if what == "too fast" {
			if speed := page.Doc.Find("[name=perSecond]"); speed.AttrOr("value", "") != "201" || speed.AttrOr("aria-invalid", "") != "true" {
				t.Error("what was typed is not kept")
			}
			_, before := fields(t, preview, "Start to redeliver")
			if _, after := fields(t, page, "Start to redeliver"); after.Get("redelivery") != before.Get("redelivery") {
				t.Error("it is another redelivery now")
			}
		}
	}
	for what, change := range map[string]func(url.Values){
		"an unknown status": set("status", "lost"), "an unknown stack": set("stack", "none"), "a search": set("q", "01"),
		"a bad id": func(v url.Values) { v.Set("which", "selected"); v["delivery"] = []string{"<script>"} },
		"too many": func(v url.Values) {
			v.Set("which", "selected")
			for range models.MaxChosen + 1 {
				v.Add("delivery", l.badQueued)
			}
		},
	} {
		for _, button := range []struct {
			page *webtest.Page
			name string
		}{{log, "Redeliver all of this log"}, {preview, "Start to redeliver"}} {
			if page := press(t, admin, button.page, button.name, change); page.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d %s", what, page.Status, page.Text("main"))
			}
		}
	}
	if list, err := site.Store.Redeliveries(t.Context(), nil, store.Page{}); err != nil || len(list.Rows) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	// The same form changed and sent again is another order, which is not what was answered.
	if page := press(t, admin, preview, "Start to redeliver"); page.Status != http.StatusSeeOther {
		t.Fatal(page.Status)
	}
	page := press(t, admin, preview, "Start to redeliver", set("overtaken", "on"))
	if page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Text("[role=alert]"), "Another redelivery has this id") {
		t.Errorf("%d %s", page.Status, page.Text("main"))
	}
	if page := press(t, admin, page, "Start to redeliver"); page.Status != http.StatusSeeOther {
		t.Errorf("and then: %d", page.Status)
	}
}

func TestThePreviewSaysWhatIsRefused(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin := site.As(t, "admin")
	if _, err := site.Store.UpdateWebhook(t.Context(), storetest.Shell, l.stack, l.bad.ID, models.WebhookForm{Endpoint: l.bad.Endpoint}); err != nil {
		t.Fatal(err)
	}
	if err := site.Store.DeleteWebhook(t.Context(), storetest.Shell, l.stack, l.good.ID); err != nil {
		t.Fatal(err)
	}
	preview := press(t, admin, admin.GET(views.DeliveriesPath("net")), "Redeliver all of this log")
	if got := previewed(preview); got != "2 are refused; 2 are refused" || !strings.Contains(preview.Text(".preview"), "The webhook is disabled") || !strings.Contains(preview.Text(".preview"), "The webhook was deleted") {
		t.Errorf("%q: %s", got, preview.Text(".preview"))
	}
	if preview.Doc.Find("main button").Length() != 0 {
		t.Error("it can be started")
	}
	if page := admin.POST(views.PreviewRedeliveryPath, url.Values{"which": {"all"}, "status": {"skipped"}}); page.Status != http.StatusOK || page.Text("main .notice h2") != "No delivery matches" {
		t.Errorf("%d %s", page.Status, page.Text("main"))
	}
}

func TestReadersSeeNothingToRedeliverWith(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	site.Grant(t, l.stack)
	reader := site.As(t, "reader")
	for _, path := range []string{views.AllDeliveriesPath, views.DeliveriesPath("net"), views.WebhookPath("net", l.bad.ID), views.AllFailuresPath, views.FailuresPath("net")} {
		page := reader.GET(path)
		if page.Status != http.StatusOK || strings.Contains(page.Text("main"), "Redeliver") || page.Doc.Find("main input[type=checkbox], main form[method=post]").Length() != 0 {
			t.Errorf("%s: %d %s", path, page.Status, page.Text("main"))
		}
	}
}

// Whatever somebody calls an endpoint or a stack, it is text.
func TestRedeliveriesOfHostileTextDoNoHarm(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	fillLog(t, site, "net")
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	admin := site.As(t, "admin")
	all := url.Values{"which": {"all"}, "code": {"5xx"}}
	harmless := admin.POST(views.PreviewRedeliveryPath, all)
	started := press(t, admin, harmless, "Redeliver 1")
	workOff(t, site)
	pages := map[string]func() *webtest.Page{
		"the preview": func() *webtest.Page { return admin.POST(views.PreviewRedeliveryPath, all) },
		"its page":    func() *webtest.Page { return admin.Follow(started) },
		"the list":    func() *webtest.Page { return admin.GET(views.RedeliveriesPath) },
	}
	before := map[string]*webtest.Page{}
	for what, get := range pages {
		before[what] = get()
	}
	for name, c := range hostile {
		for _, text := range []string{`UPDATE stacks SET name = ?`, `UPDATE webhooks SET endpoint = ?`, `UPDATE webhooks SET endpoint_host = ?`, `UPDATE redeliveries SET by_name = ?`} {
			if _, err := db.Exec(text, c.received); err != nil {
				t.Fatal(err)
			}
		}
		for what, get := range pages {
			page := get()
			if page.Status != http.StatusOK {
				t.Errorf("%s: %s: %d", name, what, page.Status)
			}
			for _, element := range []string{"script", "style", "img", "form", "h1", "main"} {
				if got, want := page.Doc.Find(element).Length(), before[what].Doc.Find(element).Length(); got != want {
					t.Errorf("%s: %s: %d <%s>, not %d", name, what, got, element, want)
				}
			}
			if page.Doc.Find("[onmouseover], [onerror]").Length() != 0 {
				t.Errorf("%s: %s: an attribute came through", name, what)
			}
			expectReadable(t, page)
		}
	}
}
