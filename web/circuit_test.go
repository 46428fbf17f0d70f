package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// fail reports runs whose deliveries to the stack's webhooks fail, each so long ago, and stay pending.
func fail(t *testing.T, site *webtest.Site, stack models.Stack, agos ...time.Duration) {
	t.Helper()
	for _, ago := range agos {
		storetest.Run(t, site.Store, stack)
		for _, job := range storetest.Claim(t, site.Store, "me") {
			a := models.Attempt{
				DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: time.Now().Add(-ago), Reason: models.Reason5xx, Code: 503,
			}
			o := store.Outcome{
				Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(time.Hour), Probe: job.Probe, DisableAfter: 72 * time.Hour,
			}
			if _, err := site.Store.RecordAttempt(t.Context(), "me", a, o); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// lacks reports what of several texts is not in a longer one.
func lacks(t *testing.T, where, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q: %q", where, want, text)
		}
	}
}

func TestPagesSayWhatWaitsForAFailingWebhook(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	w := storetest.Webhook(t, site.Store, stack, "https://hooks.example.com/", "")
	admin := site.As(t, "admin")
	fail(t, site, stack, 0, 0, 0, 0, 0)
	fresh := storetest.Run(t, site.Store, stack)
	lacks(t, "the card", admin.GET(views.WebhookPath(stack.ID, w.ID)).Text("#webhook-"+w.ID),
		"Failing for less than a minute: the receiver answers 503 Service Unavailable",
		"6 deliveries are waiting, without using up tries. The oldest is tried next in ", "; once one arrives, all others follow.")
	page := admin.GET(views.DeliveryPath(stack.ID, fresh.Deliveries[0]))
	lacks(t, "a fresh delivery", page.Text(".verdict"), "Waiting: its webhook keeps failing.", "It uses up no tries meanwhile. One delivery is tried in ")
	lacks(t, "its facts", page.Text("aside"), "Its webhook is tried")

	log, err := site.Store.Deliveries(t.Context(), models.Viewer{}, store.DeliveryFilter{Stack: &stack}, store.Page{})
	if err != nil || len(log.Rows) != 6 {
		t.Fatal(len(log.Rows), err)
	}
	tried := log.Rows[len(log.Rows)-1].Delivery.ID
	lacks(t, "a tried delivery", admin.GET(views.DeliveryPath(stack.ID, tried)).Text(".verdict"),
		"Failed once: the receiver answered 503 Service Unavailable. It waits, because its webhook keeps failing. One delivery is tried in ")

	if page := admin.POST(views.RedeliverPath(stack.ID, tried), nil); page.Status != 303 {
		t.Fatal(page.Status)
	}
	lacks(t, "after a redelivery, the card", admin.GET(views.WebhookPath(stack.ID, w.ID)).Text("#webhook-"+w.ID), "The oldest is tried next now;")
}

func TestACardSaysWhyAndWhenStackhookDisabledIt(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	w := storetest.Webhook(t, site.Store, stack, "https://hooks.example.com/", "")
	admin := site.As(t, "admin")
	agos := make([]time.Duration, 11)
	for i := range agos {
		agos[i] = 80*time.Hour - time.Duration(i)*5*time.Hour
	}
	fail(t, site, stack, agos...)
	lacks(t, "the card before", admin.GET(views.IntegrationsPath(stack.ID)).Text("#webhook-"+w.ID), "Failing for 3 days", "11 deliveries are waiting")
	fail(t, site, stack, 0)
	lacks(t, "the card", admin.GET(views.IntegrationsPath(stack.ID)).Text("#webhook-"+w.ID),
		"Disabled", "By Stackhook, as nothing had arrived for 3 days: the receiver answers 503 Service Unavailable, since ",
		"Once its receiver works again, send a test, then enable the webhook: what waits is sent at once")
	if count := admin.GET(views.StacksPath).Text(".top-failing"); count != "" {
		t.Errorf("it is still counted: %q", count)
	}
}

func TestWhenMostFailTheFaultIsOurs(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	for i := range 3 {
		storetest.Webhook(t, site.Store, stack, fmt.Sprintf("https://%d.example.com/", i), "")
	}
	admin := site.As(t, "admin")
	if notice := admin.GET(views.StacksPath).Text(".notice"); notice != "" {
		t.Errorf("at first: %q", notice)
	}
	fail(t, site, stack, 30*time.Hour, 0)
	page := admin.GET(views.StacksPath)
	lacks(t, "the list of stacks", page.Text(".notice"), "Most webhooks are failing: the fault is probably on this side", "3 webhooks have been failing for more than 24 hours")
	if strings.Contains(page.Text(".notice"), "it is disabled") {
		t.Error("a webhook is said to be disabled soon")
	}
	if count := page.Text(".top-failing"); count != "3 failing" {
		t.Error(count)
	}
}
