package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// listedDeliveries are the ids of the deliveries that a log shows.
func listedDeliveries(page *webtest.Page) []string {
	return page.Doc.Find(".log-event > a:first-child").Map(func(_ int, s *goquery.Selection) string {
		href := s.AttrOr("href", "")
		return href[strings.LastIndex(href, "/")+1:]
	})
}

func TestLogKeepsItsFilterEverywhere(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	page := site.As(t, "admin").GET(views.DeliveriesPath(l.stack.ID) + "?status=failed&state=QUEUED&reason=timeout&webhook=" + l.bad.ID)
	if got := page.Doc.Find(".filters input[name=status]").AttrOr("value", ""); got != "failed" {
		t.Errorf("the form sends the status %q", got)
	}
	for name, want := range map[string]string{"state": "QUEUED", "reason": "timeout", "webhook": l.bad.ID} {
		if got := page.Doc.Find("select[name="+name+"] option[selected]").AttrOr("value", ""); got != want {
			t.Errorf("%s shows %q, not %q", name, got, want)
		}
	}
	for word, status := range map[string]string{"All": "", "Delivered": "delivered", "Failed": "failed"} {
		link := page.Doc.Find(".segments a").FilterFunction(func(_ int, s *goquery.Selection) bool { return strings.TrimSpace(s.Text()) == word })
		u, err := url.Parse(link.AttrOr("href", "nothing"))
		if err != nil || u.Query().Get("status") != status || u.Query().Get("reason") != "timeout" || u.Query().Get("webhook") != l.bad.ID {
			t.Errorf("%s leads to %s", word, link.AttrOr("href", ""))
		}
		if _, current := link.Attr("aria-current"); current != (word == "Failed") {
			t.Errorf("%s is current: %v", word, current)
		}
	}
}

func TestLogOfAllStacksShowsThoseThatTheViewerReads(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	mine, other := fillLog(t, site, "mine"), fillLog(t, site, "other")
	reader := site.As(t, "reader")
	if page := reader.GET(views.AllDeliveriesPath); page.Text(".empty h2") != "Nothing delivered yet" {
		t.Errorf("without a stack: %s", page.Text("main"))
	}
	site.Grant(t, mine.stack)
	page := reader.GET(views.AllDeliveriesPath)
	if got := listedDeliveries(page); len(got) != 4 || slices.Contains(got, other.goodQueued) {
		t.Errorf("the reader sees %v", got)
	}
	if stacks := texts(page.Doc.Find(".log-stack-cell")); !slices.Equal(stacks, []string{"mine", "mine", "mine", "mine"}) {
		t.Errorf("the stacks are %v", stacks)
	}
	for query, status := range map[string]int{"stack=other": 422, "webhook=" + other.good.ID: 200, "id=" + other.goodQueued: 200, "id=01&status=failed&webhook=" + other.bad.ID: 200, "run=" + other.run.ID: 200} {
		if page := reader.GET(views.AllDeliveriesPath + "?" + query); page.Status != status || len(listedDeliveries(page)) != 0 || strings.Contains(page.Text("main"), "bad.example") {
			t.Errorf("%s: %d", query, page.Status)
		}
	}
	if got := listedDeliveries(site.As(t, "admin").GET(views.AllDeliveriesPath + "?stack=other")); len(got) != 4 || !slices.Contains(got, other.goodQueued) {
		t.Errorf("one of all stacks: %v", got)
	}
}

func TestLogIsReadPageByPage(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	var want []string
	for range store.PageSize + 2 {
		want = append(want, storetest.Run(t, site.Store, stack).Deliveries...)
	}
	slices.Reverse(want)
	admin := site.As(t, "admin")
	first := admin.GET(views.DeliveriesPath(stack.ID) + "?status=pending")
	older := first.Doc.Find(".pager a").AttrOr("href", "")
	second := admin.GET(older)
	if got := append(listedDeliveries(first), listedDeliveries(second)...); !slices.Equal(got, want) || !strings.Contains(older, "status=pending") {
		t.Errorf("%s: %d deliveries, not the %d there are", older, len(got), len(want))
	}
	came := storetest.Run(t, site.Store, stack).Deliveries[0]
	newer := admin.GET(second.Doc.Find(".pager a").AttrOr("href", ""))
	if got := listedDeliveries(newer); !slices.Equal(got, want[:store.PageSize]) {
		t.Errorf("back: %v", got)
	}
	newest := admin.GET(newer.Doc.Find(".pager a").First().AttrOr("href", ""))
	if got := listedDeliveries(newest); !slices.Equal(got, []string{came}) {
		t.Errorf("what came meanwhile: %v", got)
	}
	if top := admin.GET(views.DeliveriesPath(stack.ID) + "?status=pending&newer=" + came); top.Text(".empty h2") != "No newer deliveries" {
		t.Errorf("beyond the newest: %s", top.Text("main"))
	}
	end := admin.GET(views.DeliveriesPath(stack.ID) + "?status=pending&older=" + want[len(want)-1])
	if end.Text(".empty h2") != "No older deliveries" || end.Doc.Find(".empty a").AttrOr("href", "") != views.DeliveriesPath(stack.ID)+"?status=pending" {
		t.Errorf("beyond the end: %s", end.Text("main"))
	}
	if back := listedDeliveries(admin.GET(end.Doc.Find(".pager a").AttrOr("href", ""))); len(back) != store.PageSize || back[len(back)-1] != want[len(want)-1] {
		t.Errorf("back from beyond the end: %v", back)
	}
}

func TestLogWithoutDeliveriesLeadsToWebhooks(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	page := site.As(t, "admin").GET(views.DeliveriesPath(stack.ID))
	if page.Doc.Find(".filters, .segments").Length() != 0 {
		t.Error("there is a filter, and nothing to narrow")
	}
	if page.Text(".empty h2") != "Nothing delivered yet" || page.Doc.Find(".empty a").AttrOr("href", "") != views.IntegrationsPath(stack.ID) {
		t.Errorf("%s", page.Text("main"))
	}
}

func TestLogNamesADeletedWebhook(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	if err := site.Store.DeleteWebhook(t.Context(), storetest.Shell, l.stack, l.bad.ID); err != nil {
		t.Fatal(err)
	}
	page := site.As(t, "admin").GET(views.DeliveriesPath(l.stack.ID) + "?webhook=" + l.bad.ID)
	if got := listedDeliveries(page); !slices.Equal(got, []string{l.badFinished, l.badQueued}) {
		t.Errorf("its log is %v", got)
	}
	if got := page.Text("#webhook option[selected]"); got != "Deleted webhook "+views.ShortID(l.bad.ID) {
		t.Errorf("the filter says %s", got)
	}
	if got := texts(page.Doc.Find(".log-columns tbody tr td:nth-of-type(4)")); got[0] != "Webhook deleted" || got[1] != "Timed out" {
		t.Errorf("the responses are %q", got)
	}
}

// A line says in words what came back, why nothing was sent, or what it waits for.
func TestLogSaysWhyNothingWasSent(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	hook := func(name string) models.Webhook {
		return storetest.Webhook(t, site.Store, stack, "https://"+name+".example/", "")
	}
	fresh, broken, paused, off := hook("fresh"), hook("broken"), hook("paused"), hook("off")
	disable := func(w models.Webhook) {
		if _, err := site.Store.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint}); err != nil {
			t.Fatal(err)
		}
	}
	disable(off)
	storetest.Run(t, site.Store, stack)
	disable(paused)
	for range models.CircuitAfter {
		storetest.Run(t, site.Store, stack)
		deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
			if job.Delivery.WebhookID == broken.ID {
				return unavailable(job)
			}
			return accepted(job)
		})
	}
	last := storetest.Run(t, site.Store, stack)
	page := site.As(t, "admin").GET(views.DeliveriesPath(stack.ID) + "?run=" + last.Run.ID)
	want := map[string]string{"fresh.example/": "No answer yet", "broken.example/": "Waiting, circuit open", "paused.example/": "Not sent: webhook disabled", "off.example/": "Not sent: webhook disabled"}
	page.Doc.Find(".log-columns tbody tr").Each(func(_ int, row *goquery.Selection) {
		name := strings.TrimSpace(row.Find(".log-hook-cell").Text())
		if got := texts(row.Find("td:nth-of-type(4)"))[0]; got != want[name] {
			t.Errorf("%s: %q, not %q", name, got, want[name])
		}
		delete(want, name)
	})
	if len(want) != 0 {
		t.Errorf("no lines of %v: %s", want, page.Text("main"))
	}
	for _, w := range []models.Webhook{broken, off} {
		test, err := site.Store.SendTest(t.Context(), storetest.Shell, stack, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		page := site.As(t, "admin").GET(views.DeliveriesPath(stack.ID) + "?id=" + test.ID)
		if got := texts(page.Doc.Find(".log-columns tbody td:nth-of-type(4)")); !slices.Equal(got, []string{"No answer yet"}) {
			t.Errorf("a test waits for nothing: %q", got)
		}
	}
	first := site.As(t, "admin").GET(views.WebhookPath(stack.ID, paused.ID) + "?status=pending")
	if got := texts(first.Doc.Find(".log-columns tbody td:nth-of-type(3)")); !slices.Equal(got, []string{"Waiting, webhook disabled"}) {
		t.Errorf("from before it was disabled: %q", got)
	}
	answered := site.As(t, "admin").GET(views.WebhookPath(stack.ID, fresh.ID) + "?code=204")
	if got := texts(answered.Doc.Find(".log-columns tbody td:nth-of-type(3)")); len(got) == 0 || got[0] != "204 No content" {
		t.Errorf("answered: %q", got)
	}
	if title := answered.Doc.Find(".log-columns tbody time").AttrOr("title", ""); !strings.HasSuffix(title, " UTC") {
		t.Errorf("the exact time is %q", title)
	}
}
