package web_test

import (
	"net/http"
	"strings"
	"testing"

	"stackhook/views"
	"stackhook/web/webtest"
)

// The charts are of what the log is of, and above its first page only.
func TestChartsAboveALog(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	l := fillLog(t, site, "net")
	for path, want := range map[string]string{
		views.AllDeliveriesPath:                                           "Delivered 2 Skipped 0 Failed 1",
		views.DeliveriesPath(l.stack.ID) + "?span=30d":                    "Delivered 2 Skipped 0 Failed 1",
		views.DeliveriesPath(l.stack.ID) + "?span=1h&webhook=" + l.bad.ID: "Delivered 0 Skipped 0 Failed 1",
		views.WebhookPath(l.stack.ID, l.good.ID):                          "Delivered 2 Skipped 0 Failed 0",
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
}
