package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

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

func TestLogIsNarrowedByItsAddress(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin := site.As(t, "admin")
	for query, want := range map[string][]string{
		"":                              {l.badFinished, l.goodFinished, l.badQueued, l.goodQueued},
		"status=delivered":              {l.goodFinished, l.goodQueued},
		"status=pending":                {l.badFinished},
		"status=failed&state=QUEUED":    {l.badQueued},
		"status=skipped":                nil,
		"state=FINISHED":                {l.badFinished, l.goodFinished},
		"reason=timeout":                {l.badQueued},
		"reason=status_5xx":             {l.badFinished},
		"code=503":                      {l.badFinished},
		"code=+204+":                    {l.goodFinished, l.goodQueued},
		"webhook=" + l.good.ID:          {l.goodFinished, l.goodQueued},
		"webhook=nothing":               nil,
		"run=" + l.run.ID:               {l.badFinished, l.goodFinished, l.badQueued, l.goodQueued},
		"id=" + l.badQueued:             {l.badQueued},
		"id=" + l.run.ID:                nil,
		"state=&reason=&code=&webhook=": {l.badFinished, l.goodFinished, l.badQueued, l.goodQueued},
	} {
		for _, path := range []string{views.DeliveriesPath(l.stack.ID), views.AllDeliveriesPath} {
			page := admin.GET(path + "?" + query)
			if got := listedDeliveries(page); page.Status != http.StatusOK || !slices.Equal(got, want) {
				t.Errorf("%s?%s: %d %v, not %v", path, query, page.Status, got, want)
			}
			narrowed := strings.Trim(query, "=&") != "" && query != "state=&reason=&code=&webhook="
			if clear := page.Doc.Find(".page-head a[href='" + path + "']"); clear.Length() == 1 != narrowed {
				t.Errorf("%s?%s: %d links that clear the filter", path, query, clear.Length())
			}
			if want == nil && page.Text(".empty h2") != "No delivery matches" {
				t.Errorf("%s?%s: %s", path, query, page.Text(".empty"))
			}
		}
	}
}

// The charts are of what the log is of, and above its first page only.
func TestChartsAboveALog(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	for path, want := range map[string]string{
		views.AllDeliveriesPath:                                           "Delivered 2 Skipped 0 Failed 1",
		views.DeliveriesPath(l.stack.ID) + "?span=30d":                    "Delivered 2 Skipped 0 Failed 1",
		views.DeliveriesPath(l.stack.ID) + "?span=1h&webhook=" + l.bad.ID: "Delivered 0 Skipped 0 Failed 1",
		views.DeliveriesPath(l.stack.ID) + "?span=nothing&status=failed":  "Delivered 2 Skipped 0 Failed 1",
		views.DeliveriesPath(l.stack.ID) + "?older=" + l.badFinished:      "",
	} {
		page := site.As(t, "admin").GET(path)
		if got := page.Text("#chart-ends-text"); page.Status != http.StatusOK || strings.Join(strings.Fields(got), " ") != want {
			t.Errorf("%s: %d, %q, want %q", path, page.Status, got, want)
		}
		if current := page.Doc.Find(".charts a[aria-current]"); want != "" && current.Length() != 1 {
			t.Errorf("%s: %d spans are the current one", path, current.Length())
		}
	}
	if got := site.As(t, "reader").GET(views.AllDeliveriesPath).Text("#chart-ends-text"); strings.Join(strings.Fields(got), " ") != "Delivered 0 Skipped 0 Failed 0" {
		t.Errorf("somebody without a grant sees %q", got)
	}
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

func TestLogFindsAnIDOfEitherKind(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l, other := fillLog(t, site, "net"), fillLog(t, site, "other")
	admin := site.As(t, "admin")
	path := views.DeliveriesPath(l.stack.ID)
	for typed, want := range map[string]string{
		l.run.ID:                                 "run=" + l.run.ID,
		" " + strings.ToLower(l.badQueued) + " ": "id=" + l.badQueued,
		other.badQueued:                          "run=" + other.badQueued, // not of this stack: nothing matches
		strings.Repeat("7", 26):                  "run=" + strings.Repeat("7", 26),
	} {
		page := admin.GET(path + "?" + url.Values{"q": {typed}, "state": {"QUEUED"}}.Encode())
		if got, wanted := page.Location(), path+"?"+want+"&state=QUEUED"; page.Status != http.StatusSeeOther || got != wanted {
			t.Errorf("%q: %d to %s, not %s", typed, page.Status, got, wanted)
		}
	}
	found := admin.Follow(admin.GET(views.AllDeliveriesPath + "?q=" + other.badQueued))
	if got := listedDeliveries(found); !slices.Equal(got, []string{other.badQueued}) || found.Doc.Find("#q").AttrOr("value", "") != other.badQueued {
		t.Errorf("in all stacks: %v", got)
	}
}

func TestLogRefusesAFilterThatMeansNothing(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin := site.As(t, "admin")
	for query, field := range map[string]string{
		"status=odd": "", "state=DONE": "", "reason=bad+luck": "",
		"code=abc": "code", "code=5": "code", "code=1000": "code", "code=-503": "code",
		"q=7K3M9QXR": "q", "q=%00%1b": "q", "q=<script>alert(1)</script>": "q",
	} {
		page := admin.GET(views.DeliveriesPath(l.stack.ID) + "?" + query)
		if page.Status != http.StatusUnprocessableEntity || len(listedDeliveries(page)) > 0 || page.Doc.Find("[role=alert] p").Length() != 1 {
			t.Errorf("%s: %d %s", query, page.Status, page.Text("main"))
		}
		if field != "" && page.Doc.Find("#"+field+"[aria-invalid=true][aria-describedby]").Length() != 1 {
			t.Errorf("%s: the field is not marked", query)
		}
		if page.Doc.Find("main script").Length() != 0 {
			t.Errorf("%s: a script came through", query)
		}
	}
	if page := admin.GET(views.AllDeliveriesPath + "?stack=unknown"); page.Status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown stack: %d", page.Status)
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
	for query, status := range map[string]int{"stack=other": 422, "webhook=" + other.good.ID: 200, "id=" + other.goodQueued: 200, "run=" + other.run.ID: 200} {
		if page := reader.GET(views.AllDeliveriesPath + "?" + query); page.Status != status || len(listedDeliveries(page)) != 0 || strings.Contains(page.Body, "other") != strings.Contains(query, "other") {
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
	newer := admin.GET(second.Doc.Find(".pager a").AttrOr("href", ""))
	if got := listedDeliveries(newer); !slices.Equal(got, want[:store.PageSize]) {
		t.Errorf("back: %v", got)
	}
	end := admin.GET(views.DeliveriesPath(stack.ID) + "?status=pending&older=0")
	if end.Text(".empty h2") != "No older deliveries" || end.Doc.Find(".empty a").AttrOr("href", "") != views.DeliveriesPath(stack.ID)+"?status=pending" {
		t.Errorf("beyond the end: %s", end.Text("main"))
	}
}

func TestLogWithoutDeliveriesLeadsToWebhooks(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	page := site.As(t, "admin").GET(views.DeliveriesPath(stack.ID))
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
	if got := texts(page.Doc.Find("tbody tr td:nth-of-type(3)")); got[0] != "Webhook deleted" || got[1] != "Timed out" {
		t.Errorf("the responses are %q", got)
	}
}
