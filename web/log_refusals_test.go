package web_test

import (
	"database/sql"
	"fmt"
	"net/http"
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
	crowd(t, site, stack, w, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), store.MaxLooked+50)
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
		if back.Doc.Find("main a[href*='newer=']").Length() != 1 || back.Doc.Find(".pager a[href*='older=']").Length() != 1 {
			t.Errorf("%s, back, leads on by %s", path, back.Text(".empty, .pager"))
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

// crowd writes so many deliveries past the store, of one moment: the newest got a 503, all others a 204.
func crowd(t *testing.T, site *webtest.Site, stack models.Stack, w models.Webhook, at time.Time, n int) {
	t.Helper()
	event := storetest.Run(t, site.Store, stack).Event
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO deliveries (id, stack_key, webhook_id, event_id, run_key, run_id, state, state_version, test, silent, attempt, tries, lease_owner,
			duration, expire_from, redelivered_by, created_at, status, reason, code)
		SELECT ? || printf('%016d', i), ?, ?, ?, NULL, ?, 'QUEUED', i, 0, 0, 1, 1, '', 1000000, 1, '', ?, 'delivered', '',
			CASE WHEN i = ? THEN 503 ELSE 204 END FROM n`, n, models.LeastID(at)[:10], stack.Key, w.ID, event.ID, event.RunID, at.UnixMicro(), n)
	if err != nil {
		t.Fatal(err)
	}
}
