package web_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func startRun(t *testing.T, site *webtest.Site, stack models.Stack, message string) models.Run {
	t.Helper()
	branch, by, link := "main", "ada@example.com", "https://git.example.com/c/1"
	rec, err := site.Store.StartRun(t.Context(), stack, models.RunReport{
		Branch: &branch, TriggeredBy: &by, Commit: &models.CommitReport{Message: &message, URL: &link},
	})
	if err != nil {
		t.Fatal(err)
	}
	return rec.Run
}

func texts(s *goquery.Selection) []string {
	return s.Map(func(_ int, s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") })
}

func TestRunsSayHowTheirDeliveriesStand(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	startRun(t, site, stack, "Nobody listens")
	storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	w := storetest.Webhook(t, site.Store, stack, "https://b.example/", "")
	startRun(t, site, stack, "\n  First line  \n\nand more")
	deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
		if job.Delivery.WebhookID == w.ID {
			return gone(job)
		}
		return accepted(job)
	})
	startRun(t, site, stack, "")

	page := site.As(t, "admin").GET(views.StackPath(stack.ID))
	titles, tallies := texts(page.Doc.Find(".cell-main")), texts(page.Doc.Find("tbody td:nth-of-type(4)"))
	if len(titles) != 3 || !strings.HasPrefix(titles[0], "Run ") || titles[1] != "First line" || titles[2] != "Nobody listens" {
		t.Errorf("runs are %q", titles)
	}
	if want := []string{"1 pending 1 skipped", "1 failed 1 delivered", "None"}; !slices.Equal(tallies, want) {
		t.Errorf("deliveries are %q, not %q", tallies, want)
	}
	if page.Doc.Find(".pager").Length() != 0 {
		t.Error("one page of runs has a pager")
	}
}

func TestRunsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	for i := range store.PageSize + 3 {
		startRun(t, site, stack, strconv.Itoa(i))
	}
	admin := site.As(t, "admin")
	first := admin.GET(views.StackPath(stack.ID))
	older := first.Doc.Find(".pager a").AttrOr("href", "")
	second := admin.GET(older)
	if got := texts(second.Doc.Find(".cell-main")); !slices.Equal(got, []string{"2", "1", "0"}) {
		t.Errorf("the second page, %s, has %q", older, got)
	}
	newer := admin.GET(second.Doc.Find(".pager a").AttrOr("href", ""))
	if got, want := texts(newer.Doc.Find(".cell-main")), texts(first.Doc.Find(".cell-main")); !slices.Equal(got, want) {
		t.Errorf("back on the first page are %q", got)
	}
	end := admin.GET(views.StackPath(stack.ID) + "?older=1")
	if end.Text(".empty h2") != "No older runs" || end.Doc.Find(".empty a").AttrOr("href", "") != views.StackPath(stack.ID) {
		t.Errorf("beyond the end: %s", end.Text("main"))
	}
	if page := admin.GET(views.StackPath(stack.ID) + "?older=x"); page.Status != http.StatusUnprocessableEntity {
		t.Errorf("a cursor that is none: %d", page.Status)
	}
}

func TestRunShowsWhoGotWhat(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	good := storetest.Webhook(t, site.Store, stack, "https://good.example/", "")
	run := startRun(t, site, stack, "Rotate <b>addresses</b>")
	deliver(t, site, accepted)
	leaving := storetest.Webhook(t, site.Store, stack, "https://leaving.example/", "")
	storetest.State(t, site.Store, stack, run.ID, models.Preparing)
	deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
		if job.Delivery.WebhookID == leaving.ID {
			return gone(job)
		}
		return busy(job)
	})
	storetest.State(t, site.Store, stack, run.ID, models.Finished)
	deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
		if job.Delivery.State == models.Preparing {
			return unavailable(job)
		}
		return accepted(job)
	})

	page := site.As(t, "admin").GET(views.RunPath(stack.ID, run.ID))
	if page.Text("h1") != "Rotate <b>addresses</b>" || page.Doc.Find("h1 b").Length() != 0 {
		t.Errorf("the title is %s", page.Text("h1"))
	}
	if got := page.Text(".run-meta"); !strings.Contains(got, "main") || !strings.Contains(got, "ada@example.com") || !strings.Contains(got, "Tracked") {
		t.Errorf("about the run: %s", got)
	}
	if got := page.Text(".notice"); !strings.HasPrefix(got, "3 of 5 have not arrived") ||
		!strings.Contains(got, "good.example: 1 pending; up to date.") || !strings.Contains(got, "leaving.example: 1 failed, 1 skipped; nothing confirmed. Its receiver answered 410 Gone") {
		t.Errorf("the notice says %s", got)
	}
	var rows [][]string
	page.Doc.Find(".run-grid tbody tr").Each(func(_ int, row *goquery.Selection) { rows = append(rows, texts(row.Find("td"))) })
	for i, want := range [][2]string{
		{"Delivered", "No delivery"},
		{"Pending retry 2 attempts, 503 Service Unavailable", "Failed 410 Gone Webhook disabled from here"},
		{"Delivered", "Skipped disabled"},
	} {
		if len(rows) != 3 || !strings.HasPrefix(rows[i][0], want[0]) || rows[i][1] != want[1] {
			t.Fatalf("the grid is %q", rows)
		}
	}
	if n := page.Doc.Find("td.gap").Length(); n != 2 {
		t.Errorf("%d cells are hatched, not 2", n)
	}
	if link := page.Doc.Find(".run-grid td a").First().AttrOr("href", ""); site.As(t, "admin").GET(link).Status != http.StatusOK {
		t.Errorf("a cell leads to %s", link)
	}
	if host := page.Text(".run-grid thead .host"); host != good.EndpointHost+leaving.EndpointHost {
		t.Errorf("the columns are %s", host)
	}
}

func TestRunMarksWhatArrivedAfterSomethingNewer(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	run := startRun(t, site, stack, "")
	deliver(t, site, busy)
	late := storetest.Claim(t, site.Store, "slow")[0] // the first state's second attempt takes its time
	storetest.State(t, site.Store, stack, run.ID, models.Finished)
	deliver(t, site, accepted)
	if _, err := site.Store.RecordAttempt(t.Context(), "slow", models.Attempt{
		DeliveryID: late.Delivery.ID, Number: late.Delivery.Attempt, Code: 200, StartedAt: late.Delivery.ClaimedAt, Total: 1e12,
	}, store.Outcome{Status: models.Delivered}); err != nil {
		t.Fatal(err)
	}
	page := site.As(t, "admin").GET(views.RunPath(stack.ID, run.ID))
	if got := texts(page.Doc.Find(".mark")); !slices.Equal(got, []string{"Arrived after v1"}) {
		t.Errorf("marks are %q", got)
	}
	if page.Doc.Find("main .notice").Length() != 0 {
		t.Errorf("everything has arrived, but %s", page.Text("main .notice"))
	}
}

func TestRunOfAnotherStackIsNotFound(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	mine, other := storetest.Stack(t, site.Store, "mine"), storetest.Stack(t, site.Store, "other")
	storetest.Webhook(t, site.Store, other, "https://a.example/", "")
	run := startRun(t, site, other, "")
	delivery := storetest.State(t, site.Store, other, run.ID, models.Finished).Deliveries[0]
	admin := site.As(t, "admin")
	for _, path := range []string{views.RunPath(mine.ID, run.ID), views.RunPath(mine.ID, "nothing"), views.DeliveryPath(mine.ID, delivery), views.DeliveryPath(mine.ID, "nothing")} {
		if page := admin.GET(path); page.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, page.Status)
		}
	}
	if page := admin.POST(views.RedeliverPath(mine.ID, delivery), nil); page.Status != http.StatusNotFound {
		t.Errorf("redeliver it: %d", page.Status)
	}
}
