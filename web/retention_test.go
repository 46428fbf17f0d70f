package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// retire removes all that has ended.
func retire(t *testing.T, site *webtest.Site) {
	t.Helper()
	before := time.Now().Add(time.Hour)
	if _, _, err := site.Store.PurgeDeliveries(t.Context(), before, "", 100); err != nil {
		t.Fatal(err)
	}
	if _, _, err := site.Store.PurgeRuns(t.Context(), before, 0, 100); err != nil {
		t.Fatal(err)
	}
}

func TestPagesOfWhatIsNotKept(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	l := fillLog(t, site, "net")
	b := site.As(t, "admin")
	reader := program{t, site, token(t, site, models.ScopeRead, l.stack.Key)}
	const stack, api = "/stacks/net", "/api/v1/stacks/net"
	run, delivery := views.RunPath("net", l.run.ID), views.DeliveryPath("net", l.goodQueued)
	lists := []string{
		"/stacks", stack, stack + "/deliveries", "/deliveries", stack + "/deliveries?run=" + l.run.ID, stack + "/deliveries?older=" + l.goodFinished,
		stack + "/settings/integrations", views.WebhookPath("net", l.good.ID),
	}
	check := func(want int, words string, paths ...string) {
		t.Helper()
		for _, path := range paths {
			if page := b.GET(path); page.Status != want || !strings.Contains(page.Text("main"), words) {
				t.Errorf("%s: %d, want %d with %q\n%s", path, page.Status, want, words, page.Text("main"))
			}
		}
	}

	retire(t, site) // one delivery still waits, and its run with it
	check(http.StatusOK, "", lists...)
	check(http.StatusOK, "No delivery", run)
	check(http.StatusOK, "", views.DeliveryPath("net", l.badFinished))
	check(http.StatusNotFound, "This delivery is not here", delivery)
	if a := reader.call("GET", api+"/runs/"+l.run.ID, ""); a.status != http.StatusOK || len(a.body["states"].([]any)) != 2 {
		t.Errorf("%d %s", a.status, a.text)
	}
	if page := b.POST(delivery+"/redeliver", nil); page.Status != http.StatusNotFound {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}

	if err := site.Store.DeleteWebhook(t.Context(), storetest.Shell, l.stack, l.bad.ID); err != nil {
		t.Fatal(err)
	}
	retire(t, site) // nothing is left
	check(http.StatusOK, "", lists...)
	check(http.StatusOK, "good.example", views.WebhookPath("net", l.good.ID))
	check(http.StatusNotFound, "by default 30 days", run, views.DeliveryPath("net", l.badFinished))
	for _, path := range []string{"/runs/" + l.run.ID, "/deliveries/" + l.goodQueued} {
		if a := reader.call("GET", api+path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
}
