package web_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
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

// conclude ends the only delivery that is due.
func conclude(t *testing.T, s *store.Store, status models.Status, reason models.Reason) {
	t.Helper()
	for _, job := range storetest.Claim(t, s, "me") {
		a := models.Attempt{DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: time.Now(), Total: time.Millisecond, Reason: reason, Code: 204}
		if _, err := s.RecordAttempt(t.Context(), "me", a, store.Outcome{Status: status, Reason: reason}); err != nil {
			t.Fatal(err)
		}
	}
}

// A stream begins with what there is, and goes on with what changes, each topic with its own.
func TestLiveTellsWhatChanges(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, other := storetest.Stack(t, site.Store, "net"), storetest.Stack(t, site.Store, "other")
	hook := storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	storetest.Webhook(t, site.Store, other, "https://b.example/", "")
	first := storetest.Run(t, site.Store, stack)
	log, pending, one, run := views.DeliveriesPath("net"), views.WebhookPath("net", hook.ID)+"?status=pending",
		views.DeliveryPath("net", first.Deliveries[0]), views.RunPath("net", first.Run.ID)
	s := listen(t, site.As(t, "admin"), log, pending, one, run, views.AllDeliveriesPath)
	begun := map[string]liveEvent{}
	for len(begun) < 5 {
		e, _ := s.next()
		begun[e.Topic] = e
	}
	for _, name := range []string{log, pending, views.AllDeliveriesPath} {
		if e := begun[name]; !e.Whole || len(e.Rows) != 1 || !e.has(first.Deliveries[0], "Pending") {
			t.Errorf("%s begins with %s", name, e.raw)
		}
	}
	if has := strings.Contains(begun[views.AllDeliveriesPath].raw, "log-stack-cell"); !has || strings.Contains(begun[log].raw, "log-stack-cell") {
		t.Error("the columns are not those of the page")
	}

	elsewhere := storetest.Run(t, site.Store, other).Deliveries[0]
	for _, e := range s.until("the other stack's", func(e liveEvent) bool { return e.has(elsewhere, "Pending") }) {
		if e.Topic != views.AllDeliveriesPath || e.Whole || len(e.Rows) != 1 {
			t.Errorf("of a run of another stack: %s", e.raw)
		}
	}

	conclude(t, site.Store, models.Delivered, "")
	left := map[string]bool{log: true, pending: true, one: true, run: true, views.AllDeliveriesPath: true}
	for len(left) > 0 {
		e, more := s.next()
		if !more {
			t.Fatalf("ended without %v", left)
		}
		if e.Version == "" && !e.has(first.Deliveries[0], "Delivered") {
			continue // of the claim before
		}
		switch e.Topic {
		case one, run:
			if e.Version == "" || e.Version == begun[e.Topic].Version {
				t.Errorf("%s has not changed: %s", e.Topic, e.raw)
			}
		case pending: // it is not in the list any more, but may be on a page
			if slices.ContainsFunc(e.Rows, func(r liveRow) bool { return r.Listed }) {
				t.Errorf("what left the list: %s", e.raw)
			}
		default:
			if slices.ContainsFunc(e.Rows, func(r liveRow) bool { return !r.Listed }) {
				t.Errorf("what changed: %s", e.raw)
			}
		}
		delete(left, e.Topic)
	}
}

// Nobody is sent a byte of a stack that they do not read: not at the beginning, and not after it was taken from them.
func TestLiveKeepsToWhatIsGranted(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	mine, other := storetest.Stack(t, site.Store, "mine"), storetest.Stack(t, site.Store, "secret-stack")
	storetest.Webhook(t, site.Store, mine, "https://mine.example/", "")
	hook := storetest.Webhook(t, site.Store, other, "https://secret.example/", "")
	hidden := storetest.Run(t, site.Store, other)
	site.Grant(t, mine)
	reader := site.As(t, "reader")
	for _, topic := range []string{
		views.DeliveriesPath(other.ID), views.WebhookPath(other.ID, hook.ID), views.DeliveryPath(other.ID, hidden.Deliveries[0]),
		views.RunPath(other.ID, hidden.Run.ID), views.AllDeliveriesPath + "?stack=" + other.ID, views.WebhookPath(mine.ID, hook.ID), views.DeliveryPath(mine.ID, hidden.Deliveries[0]),
	} {
		answer, end := openStream(t, reader, topic)
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", topic, answer.Status)
		}
		end()
	}

	s := listen(t, reader, views.AllDeliveriesPath, views.AllDeliveriesPath+"?webhook="+hook.ID, views.DeliveriesPath(mine.ID), views.DeliveriesPath(other.ID))
	storetest.Run(t, site.Store, other)
	shown := storetest.Run(t, site.Store, mine).Deliveries[0]
	seen := map[string]bool{}
	came := s.until("their own", func(e liveEvent) bool {
		seen[e.Topic] = seen[e.Topic] || e.has(shown, "")
		return seen[views.AllDeliveriesPath] && seen[views.DeliveriesPath(mine.ID)]
	})
	gone := slices.ContainsFunc(came, func(e liveEvent) bool { return e.kind == "gone" && e.Topic == views.DeliveriesPath(other.ID) })
	if !gone {
		t.Error("it is not told what it cannot have")
	}
	for _, e := range came {
		if strings.Contains(e.raw, "secret.example") || strings.Contains(e.raw, hidden.Deliveries[0]) {
			t.Errorf("it is told %s", e.raw)
		}
	}

	if err := site.Store.RevokeStack(t.Context(), storetest.Shell, site.Reader, mine); err != nil {
		t.Fatal(err)
	}
	after := storetest.Run(t, site.Store, mine).Deliveries[0]
	site.Grant(t, other) // so that something comes
	last := storetest.Run(t, site.Store, other).Deliveries[0]
	for _, e := range s.until("the other stack's", func(e liveEvent) bool { return e.has(last, "") }) {
		if strings.Contains(e.raw, "mine.example") || strings.Contains(e.raw, after) {
			t.Errorf("after the grant was withdrawn it is told %s", e.raw)
		}
	}
}

// A stream ends with the session, however that ends.
func TestLiveEndsWithTheSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *webtest.Site, *webtest.Browser){
		"signed out": func(_ *testing.T, _ *webtest.Site, b *webtest.Browser) { b.POST("/logout", nil) },
		"deactivated": func(t *testing.T, site *webtest.Site, _ *webtest.Browser) {
			user := site.Reader
			user.Active = false
			if err := site.Store.UpdateUser(t.Context(), storetest.Shell, user); err != nil {
				t.Error(err)
			}
		},
		"another password": func(t *testing.T, site *webtest.Site, _ *webtest.Browser) {
			if err := site.Store.SetPassword(t.Context(), storetest.Shell, site.Reader, "another correct horse"); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := webtest.New(t)
			stack := storetest.Stack(t, site.Store, "net")
			storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
			site.Grant(t, stack)
			reader := site.As(t, "reader")
			s, other := listen(t, reader, views.DeliveriesPath("net")), listen(t, site.As(t, "admin"), views.DeliveriesPath("net"))
			s.until("the beginning", func(e liveEvent) bool { return e.Whole })
			end(t, site, reader)
			came := storetest.Run(t, site.Store, stack).Deliveries[0]
			for _, e := range s.ended() {
				t.Errorf("afterwards it is told %s", e.raw)
			}
			other.until("the run, for somebody else", func(e liveEvent) bool { return e.has(came, "") })
		})
	}
}

// The server's limits are those of answers that end. A stream goes on beyond them.
func TestLiveOutlastsTheServersLimits(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "net")
	storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	strict := httptest.NewUnstartedServer(site.Echo)
	strict.Config.ReadTimeout, strict.Config.WriteTimeout = limit, limit
	strict.Start()
	t.Cleanup(strict.Close)
	admin := site.As(t, "admin")
	site.URL = strict.URL
	other := site.As(t, "")
	other.SetCookies(admin.Cookies()...)
	s := listen(t, other, views.DeliveriesPath("net"))
	for began := time.Now(); time.Since(began) < 4*limit; {
		came := storetest.Run(t, site.Store, stack).Deliveries[0]
		s.until("a run", func(e liveEvent) bool { return e.has(came, "") })
	}
}

func TestLiveRefuses(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	storetest.Stack(t, site.Store, "net")
	admin := site.As(t, "admin")
	many := make([]string, 21)
	for i := range many {
		many[i] = views.AllDeliveriesPath + "?code=" + strings.Repeat("5", 2) + string(rune('a'+i))
	}
	refuse := func(b *webtest.Browser, status int, words string, topics ...string) {
		t.Helper()
		answer, end := openStream(t, b, topics...)
		defer end()
		text, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != status || !bytes.Contains(text, []byte(words)) {
			t.Errorf("%s: %s", answer.Status, text)
		}
	}
	refuse(site.As(t, ""), http.StatusUnauthorized, "", views.AllDeliveriesPath)
	refuse(admin, http.StatusBadRequest, "Name the pages")
	refuse(admin, http.StatusBadRequest, "more pages than one stream follows", many...)
	for _, topic := range []string{
		"/users", "/", "", "/stacks/", "/stacks/none", "/stacks/net/settings/general", "/deliveries?status=nonsense", "/deliveries?older=01", "/deliveries?q=1", "%zz",
		"/deliveries?id=" + strings.Repeat("0", 1000), "/stacks/net/runs/01", "https://elsewhere.example/deliveries/",
	} {
		refuse(admin, http.StatusNotFound, "", topic)
	}
	for range 16 {
		listen(t, admin, views.AllDeliveriesPath)
	}
	refuse(admin, http.StatusTooManyRequests, "Close some", views.AllDeliveriesPath)
	listen(t, site.As(t, "admin"), views.AllDeliveriesPath) // another browser
}
