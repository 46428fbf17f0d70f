package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// filters are what narrows a log, with the deliveries that pass: the same on pages and in the API.
func (l logged) filters() map[string][]string {
	all := []string{l.badFinished, l.goodFinished, l.badQueued, l.goodQueued}
	minute := func(d time.Duration) string { return url.QueryEscape(time.Now().UTC().Add(d).Format(views.FieldTime)) }
	return map[string][]string{
		"":                                     all,
		"status=delivered":                     {l.goodFinished, l.goodQueued},
		"status=pending":                       {l.badFinished},
		"status=failed&state=QUEUED":           {l.badQueued},
		"status=skipped":                       nil,
		"state=FINISHED":                       {l.badFinished, l.goodFinished},
		"reason=timeout":                       {l.badQueued},
		"reason=status_5xx":                    {l.badFinished},
		"code=503":                             {l.badFinished},
		"code=503&status=failed":               nil,
		"code=+204+":                           {l.goodFinished, l.goodQueued},
		"code=5xx":                             {l.badFinished},
		"code=2XX&state=QUEUED":                {l.goodQueued},
		"code=4xx":                             nil,
		"webhook=" + l.good.ID:                 {l.goodFinished, l.goodQueued},
		"webhook=" + strings.ToLower(l.bad.ID): {l.badFinished, l.badQueued},
		"webhook=" + l.run.ID:                  nil,
		"run=" + l.run.ID:                      all,
		"run=" + l.run.ID + "&status=failed":   {l.badQueued},
		"run=" + l.good.ID:                     nil,
		"id=" + l.badQueued:                    {l.badQueued},
		"id=" + strings.ToLower(l.badQueued):   {l.badQueued},
		"id=" + l.badQueued[:4]:                all,
		"id=" + l.run.ID:                       nil,
		"from=" + minute(-time.Minute):         all,
		"from=" + minute(2*time.Minute):        nil,
		"to=" + minute(2*time.Minute):          all,
		"to=" + minute(-time.Minute):           nil,
		"from=1577836800&to=2020-01-02T00:00:00%2B02:00":                                     nil,
		"from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:30&status=pending":                    {l.badFinished},
		"status=failed&code=&webhook=" + l.bad.ID + "&from=" + minute(-time.Hour) + "&id=01": {l.badQueued},
	}
}

func TestLogIsNarrowedByItsAddress(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin := site.As(t, "admin")
	filters := l.filters()
	filters["state=&reason=&code=&webhook=&time=&from=&to="] = filters[""]
	filters["time=1h"], filters["time=30d&status=failed"] = filters[""], []string{l.badQueued}
	for query, want := range filters {
		for _, path := range []string{views.DeliveriesPath(l.stack.ID), views.AllDeliveriesPath} {
			page := admin.GET(path + "?" + query)
			if got := listedDeliveries(page); page.Status != http.StatusOK || !slices.Equal(got, want) {
				t.Errorf("%s?%s: %d %v, not %v", path, query, page.Status, got, want)
			}
			narrowed := query != "" && query != "state=&reason=&code=&webhook=&time=&from=&to="
			if clear := page.Doc.Find(".page-head a[href='" + path + "']"); clear.Length() == 1 != narrowed {
				t.Errorf("%s?%s: %d links that clear the filter", path, query, clear.Length())
			}
			if want == nil && (page.Text(".empty h2") != "No delivery matches" || !strings.HasPrefix(page.Text(".empty p"), "Looked for ")) {
				t.Errorf("%s?%s: %s", path, query, page.Text(".empty"))
			}
		}
	}
}

// The log of a webhook is narrowed like the others, and never shows another one's.
func TestLogOfAWebhookIsNarrowedByItsAddress(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	admin, path := site.As(t, "admin"), views.WebhookPath(l.stack.ID, l.bad.ID)
	for query, want := range l.filters() {
		if strings.Contains(query, "webhook=") {
			query, want = "webhook="+l.good.ID, []string{l.badFinished, l.badQueued}
		}
		want = slices.DeleteFunc(slices.Clone(want), func(id string) bool { return id == l.goodFinished || id == l.goodQueued })
		page := admin.GET(path + "?" + query)
		if got := listedDeliveries(page); page.Status != http.StatusOK || !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %d %v, not %v", query, page.Status, got, want)
		}
		if page.Doc.Find("form.filters").AttrOr("action", "") != path || page.Doc.Find("#webhook").Length() != 0 {
			t.Errorf("%s: the filter is %s", query, page.Text("form.filters"))
		}
	}
	if page := admin.GET(path + "?webhook=x"); page.Status != http.StatusOK {
		t.Errorf("a webhook is no filter here: %d", page.Status)
	}
	if page := admin.GET(path + "?code=x"); page.Status != http.StatusUnprocessableEntity || page.Text("main [role=alert] p") == "" {
		t.Errorf("a code that is none: %d", page.Status)
	}
}

func TestLogOfTheAPIIsNarrowedAlike(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "a")
	reader := program{t, site, token(t, site, models.ScopeRead, l.stack.Key)}
	for query, want := range l.filters() {
		a := reader.call("GET", "/api/v1/stacks/a/deliveries?"+query, "")
		if got := a.ids(); a.status != http.StatusOK || !slices.Equal(got, want) || a.body["searchedTo"] != nil {
			t.Errorf("%s: %d %v, not %v\n%s", query, a.status, got, want, a.text)
		}
	}
}

// ids are those of the deliveries in an answer.
func (a answered) ids() (ids []string) {
	list, _ := a.body["deliveries"].([]any)
	for _, d := range list {
		ids = append(ids, d.(map[string]any)["id"].(string))
	}
	return ids
}

func TestLogOfTheAPIIsReadBothWays(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	var want []string
	arrive := func(n int) {
		for range n {
			want = append(storetest.Run(t, site.Store, stack).Deliveries, want...)
		}
	}
	arrive(5)
	reader := program{t, site, token(t, site, models.ScopeRead, stack.Key)}
	list := func(cursor any) answered {
		return reader.call("GET", fmt.Sprintf("/api/v1/stacks/a/deliveries?status=pending&limit=2&cursor=%s", cursor), "")
	}
	first := reader.call("GET", "/api/v1/stacks/a/deliveries?status=pending&limit=2", "")
	arrive(1)
	second := list(first.body["next"])
	third := list(second.body["next"])
	if got := slices.Concat(first.ids(), second.ids(), third.ids()); !slices.Equal(got, want[1:]) || first.body["previous"] != nil || third.body["next"] != nil {
		t.Errorf("%v, not %v", got, want[1:])
	}
	var back []string
	for cursor := third.body["previous"]; cursor != nil; {
		a := list(cursor)
		back, cursor = append(a.ids(), back...), a.body["previous"]
	}
	if !slices.Equal(back, want[:5]) {
		t.Errorf("back: %v, not %v", back, want[:5])
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
		strings.ToLower(l.badQueued[:20]):        "id=" + l.badQueued[:20],
		"0":                                      "id=0",
		other.badQueued:                          "run=" + other.badQueued, // not of this stack: nothing matches
		strings.Repeat("0", 26):                  "run=" + strings.Repeat("0", 26),
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
	if got := listedDeliveries(admin.Follow(admin.GET(path + "?q=" + l.goodQueued[:5]))); len(got) != 4 {
		t.Errorf("by what all begin with: %v", got)
	}
}

func TestLogIsNarrowedToATime(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	w := storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	crowd(t, site, stack, w, time.Now().Add(-25*time.Hour), 3) // and one of now
	admin := site.As(t, "admin")
	for query, want := range map[string]int{"time=1h": 1, "time=24h": 1, "time=7d": 4, "time=30d": 4, "time=": 4} {
		page := admin.GET(views.DeliveriesPath("a") + "?" + query)
		if got := len(listedDeliveries(page)); got != want || page.Doc.Find("#time option[selected]").AttrOr("value", "") != strings.TrimPrefix(query, "time=") {
			t.Errorf("%s: %d, not %d", query, got, want)
		}
	}
}

// However a time or an id was written, the page shows it as its fields do, and keeps it when pages are turned.
func TestLogShowsItsFilterAsItsFieldsDo(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	page := site.As(t, "admin").GET(views.DeliveriesPath("net") + "?from=1577836800&to=2100-01-01T01:00:30%2B01:00&webhook=" + strings.ToLower(l.bad.ID) + "&id=" + strings.ToLower(l.badQueued[:6]))
	for field, want := range map[string]string{"from": "2020-01-01T00:00", "to": "2100-01-01T00:00:30", "q": l.badQueued[:6]} {
		if got := page.Doc.Find("#"+field).AttrOr("value", ""); got != want {
			t.Errorf("%s shows %q, not %q", field, got, want)
		}
	}
	if _, open := page.Doc.Find(".filters details").Attr("open"); !open || page.Doc.Find("#webhook option[selected]").AttrOr("value", "") != l.bad.ID {
		t.Errorf("the filter is %s", page.Text("form.filters"))
	}
	if label := page.Text("label[for=from]"); label != "From (UTC)" {
		t.Errorf("the time's zone is not said: %s", label)
	}
	if _, open := site.As(t, "admin").GET(views.DeliveriesPath("net")).Doc.Find(".filters details").Attr("open"); open {
		t.Error("the exact times are open, and there are none")
	}
}
