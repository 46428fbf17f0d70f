package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func TestAWebhooksPageShowsItsOwnLog(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/hook", "s")
	storetest.Webhook(t, site.Store, stack, "https://other.example.com/", "s")
	admin := site.As(t, "admin")
	if page := admin.GET(views.WebhookPath(stack.ID, w.ID)); page.Text("h1") != "Webhook to https://example.com/hook" || !strings.Contains(page.Text(".empty"), "Nothing delivered yet") {
		t.Errorf("%q, %q", page.Text("h1"), page.Text(".empty"))
	}
	var ids []string
	for range store.PageSize + 5 {
		ids = append(ids, storetest.Run(t, site.Store, stack).Deliveries[0])
	}
	page := admin.GET(views.WebhookPath(stack.ID, w.ID))
	if rows := page.Doc.Find("#log ~ * .log-columns tbody tr").Length(); rows != store.PageSize {
		t.Errorf("the first page has %d lines", rows)
	}
	if newest := page.Doc.Find("#log ~ * .log-columns tbody a").First().AttrOr("href", ""); newest != views.DeliveryPath(stack.ID, ids[len(ids)-1]) {
		t.Errorf("the first line leads to %s", newest)
	}
	older := admin.GET(page.Doc.Find(".pager a").AttrOr("href", ""))
	if rows := older.Doc.Find("#log ~ * .log-columns tbody tr").Length(); rows != 5 || older.Doc.Find(".pager a").Length() != 1 {
		t.Errorf("the second page has %d lines", rows)
	}
	if beyond := admin.GET(views.WebhookPath(stack.ID, w.ID) + "?older=" + ids[0]); beyond.Text(".empty h2") != "No older deliveries" {
		t.Errorf("beyond the end: %d %s", beyond.Status, beyond.Text("main"))
	}
}

func TestATestLeadsToItsDelivery(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	w, err := site.Store.CreateWebhook(t.Context(), storetest.Shell, stack, models.WebhookForm{Endpoint: "https://example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	answerTests(t, site.Store, store.Outcome{Status: models.Failed, Reason: models.Reason5xx})
	admin := site.As(t, "admin")
	page := admin.POST(views.WebhookTestPath(stack.ID, w.ID), nil)
	id := strings.TrimPrefix(page.Location(), views.DeliveriesPath(stack.ID)+"/")
	d, err := site.Store.Delivery(t.Context(), stack, id)
	if page.Status != http.StatusSeeOther || err != nil || !d.Test || d.Status != models.Failed {
		t.Fatalf("%d to %q, %+v, %v", page.Status, page.Location(), d, err)
	}
	for range 4 {
		admin.POST(views.WebhookTestPath(stack.ID, w.ID), nil)
	}
	page = admin.POST(views.WebhookTestPath(stack.ID, w.ID), nil)
	if refused := page.Text("[role=alert]"); page.Status != http.StatusConflict || refused != "5 tests were sent within a minute. Wait a minute, then send another." {
		t.Errorf("the sixth: %d, %q", page.Status, refused)
	}
}

func TestATestThatTakesLongLeadsToItsDeliveryAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t)
		stack := storetest.Stack(t, site.Store, "a")
		w := storetest.Webhook(t, site.Store, stack, "https://example.com/", "s")
		admin := site.As(t, "admin")
		sent := time.Now()
		page := admin.POST(views.WebhookTestPath(stack.ID, w.ID), nil) // and nobody sends it on
		if waited := time.Since(sent); waited != 12*time.Second {
			t.Errorf("waited %s", waited)
		}
		result := admin.Follow(page)
		if !strings.HasPrefix(page.Location(), views.DeliveriesPath(stack.ID)+"/") || result.Text(".flash") != "The test has not ended yet. Load this page again for its result." {
			t.Errorf("%d to %q, which says %q", page.Status, page.Location(), result.Text(".flash"))
		}
	})
}

func TestASavedEndpointThatCannotBeReachedIsPointedOut(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	site.Handlers.Hint = func(_ context.Context, e models.Endpoint) string {
		if e.Host != "10.0.0.1" {
			return ""
		}
		return "Nothing can be sent to this endpoint: 10.0.0.1 is private."
	}
	admin := site.As(t, "admin")
	list := admin.Follow(admin.POST(views.WebhooksPath(stack.ID), url.Values{"endpoint": {"http://10.0.0.1/"}, "enabled": {"on"}}))
	if done := list.Text(".flash.notice-ok"); done != "Saved. Each run state change is sent to 10.0.0.1." {
		t.Error(done)
	}
	if hint := list.Text(".flash.notice-info"); hint != "Nothing can be sent to this endpoint: 10.0.0.1 is private." {
		t.Error(hint)
	}
	if w := newest(t, site, stack); w.EndpointURL != "http://10.0.0.1/" {
		t.Errorf("stored %q", w.EndpointURL)
	}
}

func TestWhoeverMayNotChangeAWebhookIsRefused(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/", "s")
	reader := site.As(t, "reader")
	requests := map[string]string{
		views.NewWebhookPath(stack.ID): http.MethodGet, views.EditWebhookPath(stack.ID, w.ID): http.MethodGet,
		views.WebhooksPath(stack.ID): http.MethodPost, views.WebhookPath(stack.ID, w.ID): http.MethodPost,
		views.DeleteWebhookPath(stack.ID, w.ID): http.MethodPost, views.WebhookTestPath(stack.ID, w.ID): http.MethodPost,
		views.StackPath(stack.ID): http.MethodPost, views.DeleteStackPath(stack.ID): http.MethodPost,
		views.AccessPath(stack.ID): http.MethodPost, views.RevokeAccessPath(stack.ID, site.Admin.ID): http.MethodPost,
	}
	for _, want := range []int{http.StatusNotFound, http.StatusForbidden} {
		for path, method := range requests {
			page := reader.GET
			if method == http.MethodPost {
				page = func(path string) *webtest.Page {
					return reader.POST(path, url.Values{"endpoint": {"https://example.org/"}, "name": {"x"}, "id": {"x"}, "user": {strconv.FormatInt(site.Reader.ID, 10)}})
				}
			}
			if got := page(path).Status; got != want {
				t.Errorf("%s %s: %d, want %d", method, path, got, want)
			}
		}
		site.Grant(t, stack)
	}
	if target, err := site.Store.Target(t.Context(), w.ID, 0); err != nil || target.Webhook.Endpoint != "https://example.com/" {
		t.Errorf("%+v, %v", target, err)
	}
}

// answerTests ends each delivery as soon as it is there, until the test ends.
func answerTests(t *testing.T, s *store.Store, o store.Outcome) {
	t.Helper()
	work := make(chan struct{}, 1)
	s.OnCommit(func() {
		select {
		case work <- struct{}{}:
		default:
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-work:
				for _, job := range storetest.Claim(t, s, "me") {
					a := models.Attempt{DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: time.Now(), Reason: o.Reason, Code: 503, Total: time.Millisecond}
					if _, err := s.RecordAttempt(t.Context(), "me", a, o); err != nil {
						t.Error(err)
					}
				}
			case <-t.Context().Done():
				return
			}
		}
	}()
	t.Cleanup(func() { <-done })
}
