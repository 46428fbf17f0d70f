package web_test

import (
	"crypto/sha256"
	"encoding/hex"
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

// exchanged is an attempt with all that can be known of it.
func exchanged(w models.Webhook) models.Attempt {
	return models.Attempt{
		URL: w.EndpointURL, Code: 503, Reason: models.Reason5xx, Detail: "The receiver answered 503 Service Unavailable.",
		Address: "203.0.113.80:443", Protocol: "HTTP/2.0", TLSVersion: "TLS 1.3",
		CertificateExpiresAt: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC),
		DNS:                  4 * time.Millisecond, Connect: 18 * time.Millisecond, TLS: 31 * time.Millisecond,
		FirstByte: 2135 * time.Millisecond, Body: 2 * time.Millisecond, Total: 2190 * time.Millisecond,
		Exchange: models.Exchange{
			RequestHeaders:  []models.Header{{Name: "Host", Value: w.EndpointHost}, {Name: "X-Signature", Value: "sha1=0a"}},
			ResponseHeaders: []models.Header{{Name: "Retry-After", Value: "60"}},
			ResponseBody:    []byte("no healthy server"),
		},
	}
}

// oneDelivery is a stack with one webhook, which got one state.
func oneDelivery(t *testing.T, site *webtest.Site) (models.Stack, models.Webhook, string) {
	t.Helper()
	stack := storetest.Stack(t, site.Store, "net")
	w := storetest.Webhook(t, site.Store, stack, "https://good.example/a/b?c=d", "s3cret")
	return stack, w, storetest.Run(t, site.Store, stack).Deliveries[0]
}

func TestDeliveryShowsWhatWentOverTheWire(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, w, id := oneDelivery(t, site)
	for range 2 {
		deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
			_, o := busy(job)
			return exchanged(w), o
		})
	}
	d, err := site.Store.Delivery(t.Context(), stack, id)
	if err != nil {
		t.Fatal(err)
	}
	event, err := site.Store.Event(t.Context(), d.EventID)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(event.Payload)

	page := site.As(t, "admin").GET(views.DeliveryPath(stack.ID, id))
	if got := page.Text("h1"); got != "Failed twice: the receiver answered 503 Service Unavailable. Next attempt now." {
		t.Errorf("the sentence is %s", got)
	}
	attempts := page.Doc.Find("details.attempt")
	if attempts.Length() != 2 || attempts.First().Find(".attempt-title").Text() != "Attempt 2" {
		t.Fatalf("attempts are %q", texts(page.Doc.Find(".attempt-title")))
	}
	if _, open := attempts.First().Attr("open"); !open {
		t.Error("the newest attempt is closed")
	}
	if _, open := attempts.Last().Attr("open"); open {
		t.Error("an older attempt is open")
	}
	newest := strings.Join(strings.Fields(attempts.First().Text()), " ")
	for _, want := range []string{
		"DNS 4 ms", "Connect 18 ms", "TLS 31 ms", "First byte 2,135 ms", "Body 2 ms", "Total2,190 ms",
		"Dialled 203.0.113.80:443 over HTTP/2.0 and TLS 1.3, on a new connection. The certificate expires on 1 March 2027.",
		"POST /a/b?c=d HTTP/2.0 Host: good.example X-Signature: sha1=0a",
		"HTTP/2.0 503 Service Unavailable Retry-After: 60", "no healthy server", "Complete: nothing was cut.",
		hex.EncodeToString(sum[:]), "curl --globoff",
	} {
		if !strings.Contains(newest, want) {
			t.Errorf("the newest attempt does not say “%s”:\n%s", want, newest)
		}
	}
	if got := page.Doc.Find("pre[aria-label='Request body, exactly as sent']").Text(); strings.TrimSpace(got) != string(event.Payload) {
		t.Errorf("the body is %s", got)
	}
	if n := page.Doc.Find("pre[aria-label^='Request body']").Length(); n != 2 {
		t.Errorf("the body is there %d times, not once in each form", n)
	}
	if got := texts(page.Doc.Find(".schedule li")); len(got) != 4 || !strings.Contains(got[2], "next+30 s") {
		t.Errorf("the schedule is %q", got)
	}
}

func TestDeliveryThatWasNotAttemptedShowsItsPayload(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, _, id := oneDelivery(t, site)
	page := site.As(t, "admin").GET(views.DeliveryPath(stack.ID, id))
	if page.Text("h1") != "Waiting for its first attempt." || page.Doc.Find("details.attempt").Length() != 0 {
		t.Errorf("%s", page.Text("h1"))
	}
	if got := page.Text("#payload"); got != "Payload" {
		t.Errorf("no payload: %s", page.Text("main"))
	}
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, _, id := oneDelivery(t, site)
	deliver(t, site, accepted)
	admin := site.As(t, "admin")
	path := views.DeliveryPath(stack.ID, id)
	form := admin.GET(path).Doc.Find("main form[method=post]")
	if got := form.AttrOr("action", ""); got != views.RedeliverPath(stack.ID, id) {
		t.Fatalf("the button posts to %q", got)
	}
	answer := admin.POST(form.AttrOr("action", ""), url.Values{})
	if answer.Status != http.StatusSeeOther || answer.Location() != path {
		t.Fatalf("%d to %s", answer.Status, answer.Location())
	}
	page := admin.Follow(answer)
	if !strings.HasPrefix(page.Text(".flash"), "It is sent again now") || page.Text("h1") != "Redelivery asked for by Ada Lovelace. The attempt starts now." {
		t.Errorf("%s / %s", page.Text(".flash"), page.Text("h1"))
	}
	deliver(t, site, accepted)
	if page := admin.GET(path); page.Text("h1") != "Delivered again at attempt 2: the receiver answered 204 No Content." || page.Doc.Find(".flash").Length() != 0 {
		t.Errorf("then: %s", page.Text("h1"))
	}
}

func TestRedeliverIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	admin := site.As(t, "admin")
	for name, c := range map[string]struct {
		prepare func(t *testing.T, stack models.Stack, w models.Webhook) (id string)
		reason  string
	}{
		"in-flight": {func(t *testing.T, stack models.Stack, w models.Webhook) string {
			id := storetest.Run(t, site.Store, stack).Deliveries[0]
			storetest.Claim(t, site.Store, "somebody")
			return id
		}, "It is being sent now. Wait for the result."},
		"disabled": {func(t *testing.T, stack models.Stack, w models.Webhook) string {
			id := storetest.Run(t, site.Store, stack).Deliveries[0]
			if _, err := site.Store.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint}); err != nil {
				t.Fatal(err)
			}
			return id
		}, "Its webhook is disabled. Enable it first, then redeliver."},
		"deleted": {func(t *testing.T, stack models.Stack, w models.Webhook) string {
			id := storetest.Run(t, site.Store, stack).Deliveries[0]
			if err := site.Store.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil {
				t.Fatal(err)
			}
			return id
		}, "Its webhook was deleted. Nothing can be sent to it any more."},
		"test": {func(t *testing.T, stack models.Stack, w models.Webhook) string {
			d, err := site.Store.SendTest(t.Context(), storetest.Shell, stack, w.ID)
			if err != nil {
				t.Fatal(err)
			}
			return d.ID
		}, "This was a test. Send another one from the webhook's page."},
	} {
		stack := storetest.Stack(t, site.Store, name)
		id := c.prepare(t, stack, storetest.Webhook(t, site.Store, stack, "https://a.example/", ""))
		if n := admin.GET(views.DeliveryPath(stack.ID, id)).Doc.Find("main form[method=post]").Length(); n != 0 {
			t.Errorf("%s: a button is there that would be refused", name)
		}
		page := admin.POST(views.RedeliverPath(stack.ID, id), url.Values{})
		if page.Status != http.StatusConflict || page.Text("main [role=alert] p") != c.reason || page.Text("main h1") == "" {
			t.Errorf("%s: %d %s", name, page.Status, page.Text("main"))
		}
	}
}

func TestReadersCannotRedeliver(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, _, id := oneDelivery(t, site)
	deliver(t, site, unavailable)
	reader := site.As(t, "reader")
	site.Grant(t, stack)
	page := reader.GET(views.DeliveryPath(stack.ID, id))
	if page.Status != http.StatusOK || page.Doc.Find("main form").Length() != 0 || strings.Contains(page.Text("main"), "Redeliver") {
		t.Errorf("%d, with %s", page.Status, page.Text(".verdict"))
	}
	if page := reader.POST(views.RedeliverPath(stack.ID, id), url.Values{}); page.Status != http.StatusForbidden {
		t.Errorf("posted all the same: %d", page.Status)
	}
	if d, err := site.Store.Delivery(t.Context(), stack, id); err != nil || !d.RedeliveredAt.IsZero() {
		t.Errorf("it was redelivered: %v %v", d.RedeliveredAt, err)
	}
}

func TestTestDeliveriesAreMarked(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, w, _ := oneDelivery(t, site)
	d, err := site.Store.SendTest(t.Context(), storetest.Shell, stack, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, site, accepted)
	admin := site.As(t, "admin")
	page := admin.GET(views.DeliveryPath(stack.ID, d.ID))
	if page.Text(".verdict .label") != "Test" || page.Text("h1") != "Test delivered in 84 ms: the receiver answered 204 No Content." {
		t.Errorf("%s %s", page.Text(".verdict .label"), page.Text("h1"))
	}
	if page.Doc.Find("main a[href*='/runs/']").Length() != 0 || page.Doc.Find(".schedule").Length() != 0 {
		t.Error("a test has no run and no schedule")
	}
	log := admin.GET(views.DeliveriesPath(stack.ID))
	if got := listedDeliveries(log); got[0] != d.ID || !slices.Equal(texts(log.Doc.Find("tbody tr:first-child .label")), []string{"Test"}) {
		t.Errorf("the log does not mark it: %s", log.Text("tbody tr:first-child"))
	}
}

func TestDeliveryOfADeletedWebhookRemains(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, w, id := oneDelivery(t, site)
	deliver(t, site, unavailable)
	if err := site.Store.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil {
		t.Fatal(err)
	}
	page := site.As(t, "admin").GET(views.DeliveryPath(stack.ID, id))
	if page.Text("h1") != "Ended after 1 failed attempt: its webhook was deleted. Nothing can be sent to it any more." || !strings.Contains(page.Text("aside"), "Deleted") {
		t.Errorf("%s / %s", page.Text("h1"), page.Text("aside"))
	}
}
