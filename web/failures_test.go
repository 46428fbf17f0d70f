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

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// giveUp starts runs of a stack whose deliveries are all given up so.
func giveUp(t *testing.T, site *webtest.Site, stack models.Stack, runs int, a models.Attempt) {
	t.Helper()
	for range runs {
		storetest.Run(t, site.Store, stack)
	}
	deliver(t, site, func(store.Job) (models.Attempt, store.Outcome) {
		return a, store.Outcome{Status: models.Failed, Reason: a.Reason}
	})
}

// failureRows are the rows of the view of failures without its times.
func failureRows(page *webtest.Page) []string {
	return page.Doc.Find("tbody tr").Map(func(_ int, row *goquery.Selection) string {
		row.Find("time").Remove()
		row.Find("th, td, a, .version").AppendHtml(" ")
		return strings.Join(strings.Fields(row.Text()), " ")
	})
}

func TestFailuresAreShownByWebhookAndReason(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	net, dns := storetest.Stack(t, site.Store, "net"), storetest.Stack(t, site.Store, "dns")
	w := storetest.Webhook(t, site.Store, net, "https://one.example/hook?k=1", "")
	other := storetest.Webhook(t, site.Store, dns, "https://two.example/", "")
	giveUp(t, site, net, 2, models.Attempt{Reason: models.Reason4xx, Code: 404})
	giveUp(t, site, net, 3, models.Attempt{Reason: models.ReasonTimeout})
	giveUp(t, site, dns, 1, models.Attempt{Reason: models.Reason4xx, Code: 404})
	storetest.Run(t, site.Store, net)
	deliver(t, site, accepted)
	timeouts, notFound := "3 failures QUEUED v0 Show all Redeliver", "2 failures QUEUED v0 Show all Redeliver"
	admin := site.As(t, "admin")
	ofNet := admin.GET(views.FailuresPath("net"))
	if got, want := failureRows(ofNet), []string{"one.example/hook?k=1 Timed out " + timeouts, "one.example/hook?k=1 404 Not found " + notFound}; ofNet.Status != http.StatusOK || !slices.Equal(got, want) {
		t.Errorf("%d %q, want %q", ofNet.Status, got, want)
	}
	ofAll := admin.GET(views.AllFailuresPath)
	if got, want := failureRows(ofAll), []string{
		"one.example/hook?k=1 net Timed out " + timeouts, "one.example/hook?k=1 net 404 Not found " + notFound,
		"two.example/ dns 404 Not found 1 failure QUEUED v0 Show all Redeliver",
	}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	site.Grant(t, dns)
	if got := failureRows(site.As(t, "reader").GET(views.AllFailuresPath)); len(got) != 1 || !strings.Contains(got[0], "two.example") {
		t.Errorf("a reader sees %q", got)
	}
	// One click shows exactly these in the log, and another the newest of them.
	for path, links := range map[*webtest.Page]map[string]int{
		ofNet: {views.DeliveriesPath("net") + "?" + url.Values{"status": {"failed"}, "webhook": {w.ID}, "reason": {"timeout"}, "time": {"ended-24h"}}.Encode(): 3, views.DeliveriesPath("net") + "?" + url.Values{"status": {"failed"}, "webhook": {w.ID}, "reason": {"status_4xx"}, "code": {"404"}, "time": {"ended-24h"}}.Encode(): 2},
		ofAll: {views.AllDeliveriesPath + "?" + url.Values{"status": {"failed"}, "webhook": {other.ID}, "reason": {"status_4xx"}, "code": {"404"}, "stack": {"dns"}, "time": {"ended-24h"}}.Encode(): 1},
	} {
		for link, want := range links {
			if path.Doc.Find("tbody td:last-child a").FilterFunction(func(_ int, a *goquery.Selection) bool { return a.AttrOr("href", "") == link }).Length() != 1 {
				t.Errorf("%s does not lead to %s", path.Path, link)
			}
			if got := listedDeliveries(admin.GET(link)); len(got) != want {
				t.Errorf("%s: %d, want %d", link, len(got), want)
			}
		}
	}
	newest := listedDeliveries(admin.GET(views.DeliveriesPath("net") + "?reason=timeout"))[0]
	if got := listedDeliveries(ofNet); got[0] != newest {
		t.Errorf("the example is %s, want %s", got[0], newest)
	}
	if got := ofNet.Doc.Find("tbody td:last-child a").First().AttrOr("aria-label", ""); got != "Show all: 3 failures of one.example/hook?k=1, Timed out" {
		t.Errorf("the link is called %q", got)
	}
}

func TestFailuresOfATime(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	storetest.Webhook(t, site.Store, stack, "https://one.example/", "")
	admin := site.As(t, "admin")
	path := views.FailuresPath("net")
	if page := admin.GET(path); page.Text(".empty h2") != "No failures" || page.Doc.Find(".empty a").AttrOr("href", "") != views.DeliveriesPath("net") {
		t.Errorf("without any: %s", page.Text("main"))
	}
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	giveUp(t, site, stack, 1, models.Attempt{Reason: models.ReasonDNS})
	within := map[string]time.Duration{"24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}
	for age, shown := range map[time.Duration]int{time.Hour: 3, 25 * time.Hour: 2, 8 * 24 * time.Hour: 1, 40 * 24 * time.Hour: 0} {
		// It was given up then; its event was long before.
		if _, err := db.Exec(`UPDATE deliveries SET ended_at = ?, created_at = ?`, time.Now().Add(-age).UnixMicro(), time.Now().Add(-age-60*time.Hour).UnixMicro()); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"30d", "7d", "24h"} {
			page := admin.GET(path + "?within=" + name)
			if got := len(failureRows(page)); got != map[bool]int{true: 1}[i < shown] {
				t.Errorf("after %s, within %s: %d rows", age, name, got)
			}
			want := map[bool]string{true: path + "?within=30d", false: views.DeliveriesPath("net") + "?status=failed"}[name != "30d"]
			if i >= shown && (page.Text(".empty h2") != "No failures in this time" || page.Doc.Find(".empty a").AttrOr("href", "") != want) {
				t.Errorf("after %s, within %s: %s", age, name, page.Text("main"))
			}
			// The log has what ended in that time, and the link leads to just that.
			log := path[:len(path)-len("failures")] + "deliveries?status=failed&time=ended-" + name
			if got, want := len(listedDeliveries(admin.GET(log))), map[bool]int{true: 1}[age < within[name]]; got != want {
				t.Errorf("after %s, %s: %d deliveries, want %d", age, log, got, want)
			}
			if link := page.Doc.Find("tbody td:last-child a").AttrOr("href", "time=ended-"+name); !strings.Contains(link, "time=ended-"+name) {
				t.Errorf("within %s: the link leads to %s", name, link)
			}
			if current := page.Doc.Find(".segments a[aria-current]").AttrOr("href", ""); current != path+"?within="+name {
				t.Errorf("within %s: %q is current", name, current)
			}
		}
	}
	for _, odd := range []string{"", "?within=", "?within=1y", "?within=%00"} {
		if page := admin.GET(path + odd); page.Status != http.StatusOK || page.Text(".segments a[aria-current]") != "24 hours" {
			t.Errorf("%q: %d %s", odd, page.Status, page.Text(".segments a[aria-current]"))
		}
	}
}

// However many failures there are, a page looks through the newest, and says so.
func TestManyFailures(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	db := many(t, site, 10_500)
	// Each ended a microsecond after the one before it.
	ended := time.Now().Add(-time.Hour).Truncate(time.Second)
	if _, err := db.Exec(`UPDATE deliveries SET status = 'failed', reason = 'dns', ended_at = ? + state_version`, ended.UnixMicro()); err != nil {
		t.Fatal(err)
	}
	admin := site.As(t, "admin")
	for _, path := range []string{views.FailuresPath("net"), views.AllFailuresPath} {
		page := admin.GET(path)
		if rows := failureRows(page); len(rows) != 1 || !strings.Contains(rows[0], " 10,000 failures") {
			t.Errorf("%s: %q", path, rows)
		}
		want := "There are more than are counted at once: these were given up after " + ended.UTC().Format("2 Jan 2006, 15:04:05") + " UTC. Older ones are not counted."
		if note := page.Text(".notice-info"); note != want {
			t.Errorf("%s says %q, want %q", path, note, want)
		}
	}
	if _, err := db.Exec(`UPDATE deliveries SET status = 'delivered' WHERE state_version > 9990`); err != nil {
		t.Fatal(err)
	}
	page := admin.GET(views.AllFailuresPath)
	if rows := failureRows(page); len(rows) != 1 || !strings.Contains(rows[0], " 9,991 failures") || page.Doc.Find(".notice-info").Length() != 0 {
		t.Errorf("%q %s", rows, page.Text(".notice-info"))
	}
}

func TestManyKindsOfFailures(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	for i := range store.FailureGroups + 1 {
		storetest.Webhook(t, site.Store, stack, fmt.Sprintf("https://%d.example/", i), "")
	}
	giveUp(t, site, stack, 1, models.Attempt{Reason: models.ReasonDNS})
	page := site.As(t, "admin").GET(views.FailuresPath("net"))
	if n := len(failureRows(page)); n != store.FailureGroups || !strings.Contains(page.Text("main"), "The 100 largest are shown. There are more.") {
		t.Errorf("%d rows: %s", n, page.Text("main .small"))
	}
}

func TestFailuresOfHostileTextDoNoHarm(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	admin := site.As(t, "admin")
	harmless := admin.GET(views.AllFailuresPath)
	for name, c := range hostile {
		for path, stack := range map[string]string{views.AllFailuresPath: c.received, views.FailuresPath(l.stack.ID): "net"} {
			_, err := db.Exec(`UPDATE stacks SET name = ?`, stack)
			if err == nil {
				_, err = db.Exec(`UPDATE webhooks SET endpoint = ?`, c.received)
			}
			if err != nil {
				t.Fatal(err)
			}
			page := admin.GET(path)
			if page.Status != http.StatusOK || len(failureRows(page)) != 1 {
				t.Errorf("%s: %s: %d", name, path, page.Status)
			}
			for _, element := range []string{"script", "style", "img", "form", "h1", "main"} {
				if got, want := page.Doc.Find(element).Length(), harmless.Doc.Find(element).Length(); got != want {
					t.Errorf("%s: %s: %d <%s>, not %d", name, path, got, element, want)
				}
			}
			if page.Doc.Find("[onmouseover], [onerror]").Length() != 0 {
				t.Errorf("%s: an attribute came through", name)
			}
			expectReadable(t, page)
		}
	}
}
