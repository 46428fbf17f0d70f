package web_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
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

// What a log cannot be narrowed by is said, with what to do, on the page and in the API.
func TestLogRefusesAFilterThatMeansNothing(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "a")
	admin, reader := site.As(t, "admin"), program{t, site, token(t, site, models.ScopeRead, l.stack.Key)}
	huge := strings.Repeat("7", 20_000)
	for query, field := range map[string]string{
		"status=odd": "", "state=DONE": "state", "reason=bad+luck": "reason", "state=%00": "state",
		"code=abc": "code", "code=5": "code", "code=1000": "code", "code=-503": "code", "code=0xx": "code", "code=55x": "code", "code=%2B503": "code", "code=" + huge: "code",
		"from=yesterday": "from", "to=2026-02-30T10:00": "to", "from=1969-12-31T23:59": "from", "to=99999-01-01T00:00": "to", "from=" + huge: "from", "to=%00": "to", "from=-1": "from",
		"from=2026-10-06T14:30&to=2026-10-06T14:30": "to", "from=2026-10-06T14:30&to=1": "to",
		"id=U": "", "id=" + huge: "", "id=%00": "", "id=a%ffb": "", "id=8": "", "run=x": "", "run=" + huge: "", "webhook=x": "webhook", "webhook=%00": "webhook",
		"q=7K3M9QXR": "q", "q=%00%1b": "q", "q=<script>alert(1)</script>": "q", "q=" + huge: "q", "q=0!": "q", "q=%E2%80%AE01": "q",
		"time=yesterday": "time", "time=1h&from=2026-10-06T14:30": "time",
		"older=x": "", "newer=%00": "", "older=" + huge: "",
	} {
		page := admin.GET(views.DeliveriesPath(l.stack.ID) + "?" + query)
		query = fmt.Sprintf("%.60s", query)
		if page.Status != http.StatusUnprocessableEntity || len(listedDeliveries(page)) > 0 || page.Doc.Find("[role=alert] p").Length() != 1 || len(page.Body) > 60_000 {
			t.Errorf("%s: %d %s", query, page.Status, page.Text("main"))
		}
		if message := page.Text("[role=alert] p"); !slices.Contains([]string{"Choose", "Enter", "There"}, strings.Split(message, " ")[0]) {
			t.Errorf("%s: %s", query, message)
		}
		if field != "" && page.Doc.Find("#"+field+"[aria-describedby]").Length() != 1 {
			t.Errorf("%s: the field is not marked", query)
		}
		if page.Doc.Find("main script").Length() != 0 {
			t.Errorf("%s: a script came through", query)
		}
		expectReadable(t, page)
	}
	if page := admin.GET(views.AllDeliveriesPath + "?stack=unknown"); page.Status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown stack: %d", page.Status)
	}
	for query, field := range map[string]string{
		"status=odd": "status", "state=DONE": "state", "reason=none": "reason", "code=5": "code", "code=" + huge: "code", "from=yesterday": "from", "to=2026-02-30T10:00": "to",
		"from=2&to=1": "to", "id=U": "id", "id=" + huge: "id", "run=x": "run", "webhook=x": "webhook", "cursor=x": "cursor", "cursor=~x": "cursor", "cursor=" + huge: "cursor",
	} {
		a := reader.call("GET", "/api/v1/stacks/a/deliveries?"+query, "")
		errs, _ := a.body["errors"].([]any)
		if a.status != http.StatusUnprocessableEntity || len(errs) != 1 || errs[0].(map[string]any)["location"] != field || strings.Contains(a.text, huge[:100]) {
			t.Errorf("%.60s: %d %s", query, a.status, a.text)
		}
	}
}

// What was searched and not found is told from what does not exist, with the way on.
func TestLogSaysHowFarItSearched(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	w := storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	crowd(t, site, stack, w, store.MaxLooked+50)
	admin, reader := site.As(t, "admin"), program{t, site, token(t, site, models.ScopeRead, stack.Key)}
	for _, path := range []string{views.DeliveriesPath("a"), views.AllDeliveriesPath, views.WebhookPath("a", w.ID)} {
		page := admin.GET(path + "?code=4xx")
		if page.Text(".empty h2") != "Nothing found so far" || page.Text(".empty p") != "Looked for status code 4xx. Searched back to 1 Jan 2100, 00:00:00 UTC." {
			t.Errorf("%s: %s", path, page.Text(".empty"))
		}
		on := admin.GET(page.Doc.Find(".empty a").First().AttrOr("href", ""))
		if on.Text(".empty h2") != "No older deliveries" {
			t.Errorf("%s, then: %s", path, on.Text("main"))
		}
		back := admin.GET(on.Doc.Find(".pager a").AttrOr("href", ""))
		if !strings.HasSuffix(back.Text(".empty p"), "Searched up to 1 Jan 2100, 00:00:00 UTC.") {
			t.Errorf("%s, back: %s", path, back.Text("main"))
		}
		some := admin.GET(path + "?code=5xx")
		if len(listedDeliveries(some)) != 1 || some.Text(".log-searched p") != "Searched back to 1 Jan 2100, 00:00:00 UTC." ||
			!strings.Contains(some.Doc.Find(".log-searched a").AttrOr("href", ""), "older=") || some.Doc.Find(".pager").Length() != 0 {
			t.Errorf("%s: some were found: %s", path, some.Text(".stack"))
		}
	}
	a := reader.call("GET", "/api/v1/stacks/a/deliveries?code=4xx", "")
	if a.body["searchedTo"] != float64(4102444800) || a.body["next"] == nil || len(a.ids()) != 0 {
		t.Errorf("the API: %s", a.text)
	}
	if a = reader.call("GET", fmt.Sprintf("/api/v1/stacks/a/deliveries?code=4xx&cursor=%s", a.body["next"]), ""); a.status != 200 || a.body["searchedTo"] != nil || a.body["next"] != nil {
		t.Errorf("the API, then: %s", a.text)
	}
}

// crowd writes so many deliveries past the store, of the first moment of the year 2100: the newest got a 503, all others a 204.
func crowd(t *testing.T, site *webtest.Site, stack models.Stack, w models.Webhook, n int) {
	t.Helper()
	event := storetest.Run(t, site.Store, stack).Event
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	begin := models.LeastID(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))[:10]
	_, err = db.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO deliveries (id, stack_key, webhook_id, event_id, run_key, run_id, state, state_version, test, silent, attempt, tries, lease_owner,
			duration, expire_from, redelivered_by, created_at, status, reason, code)
		SELECT ? || printf('%016d', i), ?, ?, ?, NULL, ?, 'QUEUED', i, 0, 0, 1, 1, '', 1000000, 1, '', 4102444800000000, 'delivered', '',
			CASE WHEN i = ? THEN 503 ELSE 204 END FROM n`, n, begin, stack.Key, w.ID, event.ID, event.RunID, n)
	if err != nil {
		t.Fatal(err)
	}
}
