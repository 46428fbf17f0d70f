package web_test

import (
	"testing"

	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// The addresses that pages name are those that the stream knows, and of the same state.
func TestPagesNameTheirTopics(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	hook := storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	admin := site.As(t, "admin")
	empty := admin.GET(views.DeliveriesPath("net"))
	storetest.Stack(t, site.Store, "fresh")
	rec := storetest.Run(t, site.Store, stack)
	for _, path := range []string{
		views.AllDeliveriesPath, views.AllDeliveriesPath + "?stack=net&status=pending&time=1h", views.DeliveriesPath("net") + "?webhook=" + hook.ID + "&state=QUEUED",
		views.WebhookPath("net", hook.ID) + "?code=5xx", views.DeliveryPath("net", rec.Deliveries[0]), views.RunPath("net", rec.Run.ID), views.StackPath("fresh"), "",
	} {
		page := empty
		if path != "" {
			page = admin.GET(path)
		}
		part := page.Doc.Find("[data-live]")
		s := listen(t, admin, part.AttrOr("data-live", ""))
		e, _ := s.next()
		s.end()
		rows := part.Find("tr[data-delivery]").Length()
		if path == "" {
			rows = 1 // which came meanwhile
		}
		if e.kind != "state" || e.Version != part.AttrOr("data-live-version", "?") || len(e.Rows) != rows {
			t.Errorf("%s: %s", path, e.raw)
		}
	}
	for _, query := range []string{"?older=" + rec.Deliveries[0], "?newer=" + rec.Deliveries[0], "?status=nonsense"} {
		if page := admin.GET(views.DeliveriesPath("net") + query); page.Doc.Find("[data-live]").Length() > 0 {
			t.Errorf("%s is followed", query)
		}
	}
}
