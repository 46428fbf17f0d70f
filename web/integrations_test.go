package web_test

import (
	"cmp"
	"net/http"
	"net/url"
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

func TestReadersSeeTheSameCardsWithoutTheControls(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	site.Grant(t, stack)
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/hook", "s")
	const controls = ".webhook-actions, .option, form[action$='/test'], a[href$='/edit'], a[href*='delete=']"
	for who, want := range map[string]bool{"admin": true, "reader": false} {
		for _, path := range []string{
			views.IntegrationsPath(stack.ID), views.AskDeleteWebhookPath(stack.ID, w.ID), views.WebhookPath(stack.ID, w.ID),
		} {
			page := site.As(t, who).GET(path)
			if page.Status != http.StatusOK || page.Doc.Find(controls).Length() > 0 != want {
				t.Errorf("%s at %s: %d with %d controls", who, path, page.Status, page.Doc.Find(controls).Length())
			}
			if asks := page.Doc.Find(".confirm").Length() > 0; asks != (want && strings.Contains(path, "delete=")) {
				t.Errorf("%s at %s: asks whether to delete: %t", who, path, asks)
			}
			card := page.Doc.Find("#webhook-" + w.ID)
			if card.Find(".mask").Length() != 1 || card.Find("form[action*='/secret']").Length() != 1 || card.Find(".enabled-yes").Length() != 1 {
				t.Errorf("%s at %s: the card lacks something: %s", who, path, card.Text())
			}
		}
	}
}

func TestASecretIsShownOnceItIsAskedForAndThatIsRecorded(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	site.Grant(t, stack)
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/one", "first-secret")
	storetest.Webhook(t, site.Store, stack, "https://example.com/two", "second-secret")
	for _, who := range []string{"admin", "reader"} {
		browser := site.As(t, who)
		for _, path := range []string{
			views.IntegrationsPath(stack.ID), views.WebhookPath(stack.ID, w.ID), views.StackPath(stack.ID), views.StacksPath,
		} {
			if page := browser.GET(path); strings.Contains(page.Body, "-secret") {
				t.Errorf("%s at %s: a secret that nobody asked for", who, path)
			}
		}
		page := browser.POST(views.WebhookSecretPath(stack.ID, w.ID), nil)
		shown := page.Doc.Find("[data-secret]")
		if page.Status != http.StatusOK || page.Header.Get("Cache-Control") != "no-store" || shown.Length() != 1 || shown.Text() != "first-secret" {
			t.Errorf("%s: %d, %q", who, page.Status, shown.Text())
		}
		if strings.Contains(page.Body, "second-secret") {
			t.Errorf("%s: the other secret is there too", who)
		}
		if note := page.Text(".secret-note"); !strings.HasPrefix(note, "Recorded: you viewed this secret on ") || !strings.HasSuffix(note, " from 127.0.0.1.") {
			t.Errorf("%s: the record reads %q", who, note)
		}
		if newest := page.Text(".ledger[open] tbody tr:first-child"); !strings.Contains(newest, "(you)") || !strings.HasSuffix(newest, "127.0.0.1") {
			t.Errorf("%s: the ledger begins with %q", who, newest)
		}
	}
	if viewed := site.As(t, "admin").GET(views.IntegrationsPath(stack.ID)).Text("#webhook-" + w.ID + " .ledger summary"); viewed != "Secret viewed by 2 people" {
		t.Error(viewed)
	}
	records, err := site.Store.Reveals(t.Context(), w)
	if err != nil || len(records) != 2 || records[0].Actor.Name != site.Reader.Name || records[0].StackID != stack.ID {
		t.Errorf("%+v, %v", records, err)
	}
}

// The ledger names whoever may read the stack, tokens included, and nobody else.
func TestTheLedgerSaysWhoCouldViewASecret(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack, other := storetest.Stack(t, site.Store, "a"), storetest.Stack(t, site.Store, "b")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/one", "first-secret")
	for _, token := range []models.Token{
		{Name: "exporter", Scope: models.ScopeRead, StackKey: stack.Key},
		{Name: "everywhere", Scope: models.ScopeAdmin},
		{Name: "pipeline", Scope: models.ScopeReport, StackKey: stack.Key},
		{Name: "of-b", Scope: models.ScopeRead, StackKey: other.Key},
		{Name: "expired", Scope: models.ScopeRead, ExpiresAt: time.Now().Add(-time.Second)},
	} {
		if _, _, err := site.Store.CreateToken(t.Context(), storetest.Shell, token); err != nil {
			t.Fatal(err)
		}
	}
	admin := site.As(t, "admin")
	for _, granted := range []bool{false, true} {
		want := "could view it: " + site.Admin.Label()
		if granted {
			site.Grant(t, stack)
			want += ", " + site.Reader.Label()
		}
		want += ", the token everywhere, the token exporter. Access"
		for _, path := range []string{views.IntegrationsPath(stack.ID), views.WebhookPath(stack.ID, w.ID)} {
			if ledger := admin.GET(path).Text(".ledger"); !strings.HasPrefix(ledger, "Secret viewed by nobody") || !strings.HasSuffix(ledger, want) {
				t.Errorf("%s says %q, want %q", path, ledger, want)
			}
		}
	}
}

func TestWithoutASecretThePageSaysWhatThatMeans(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/", "")
	admin := site.As(t, "admin")
	if card := admin.GET(views.IntegrationsPath(stack.ID)).Text("#webhook-" + w.ID); !strings.Contains(card, "None. Anyone can forge its signature. Set a secret") || strings.Contains(card, "Reveal") {
		t.Error(card)
	}
	page := admin.POST(views.WebhookSecretPath(stack.ID, w.ID), nil)
	if list := admin.Follow(page); page.Status != http.StatusSeeOther || list.Text(".flash") != "The webhook to example.com has no secret." {
		t.Errorf("%d, %q", page.Status, list.Text(".flash"))
	}
}

func TestDeletingAsksInPlaceAndKeepsTheLog(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	site.Grant(t, stack)
	admin := site.As(t, "admin")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/hook", "s3cret")
	run := storetest.Run(t, site.Store, stack)
	storetest.State(t, site.Store, stack, run.Run.ID, models.Planning)

	page := admin.GET(views.AskDeleteWebhookPath(stack.ID, w.ID))
	form := page.Doc.Find(".confirm form")
	if form.AttrOr("action", "") != views.DeleteWebhookPath(stack.ID, w.ID) || !strings.Contains(page.Text(".confirm"), "2 pending deliveries end as failed and are not sent.") {
		t.Errorf("it asks %q", page.Text(".confirm"))
	}
	list := admin.Follow(admin.POST(form.AttrOr("action", ""), nil))
	if list.Doc.Find(".webhook").Length() != 0 || list.Text(".flash") != "Deleted the webhook to example.com. What was sent stays in the delivery log." {
		t.Errorf("the list says %q", list.Text(".flash"))
	}
	for _, who := range []string{"admin", "reader"} {
		page := site.As(t, who).GET(views.WebhookPath(stack.ID, w.ID))
		if page.Status != http.StatusOK || !strings.Contains(page.Text(".webhook-note"), "Deleted on ") || page.Doc.Find("#log ~ * .log-columns tbody tr").Length() != 2 {
			t.Errorf("%s: %d, %q, %d lines", who, page.Status, page.Text(".webhook-note"), page.Doc.Find("#log ~ * .log-columns tbody tr").Length())
		}
		if page.Doc.Find("main .webhook button, .webhook-actions, .mask").Length() != 0 || strings.Contains(page.Body, "Secret") {
			t.Errorf("%s: a deleted webhook has controls", who)
		}
	}
	for _, path := range []string{"", "/delete", "/secret", "/test"} {
		if page := admin.POST(views.WebhookPath(stack.ID, w.ID)+path, url.Values{"endpoint": {"https://example.com/"}}); page.Status != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, page.Status)
		}
	}
	if page := admin.GET(views.EditWebhookPath(stack.ID, w.ID)); page.Status != http.StatusNotFound {
		t.Errorf("edit: %d", page.Status)
	}
	if page := admin.POST(views.WebhooksPath(stack.ID), url.Values{"endpoint": {"https://example.com/hook"}}); page.Status != http.StatusSeeOther {
		t.Errorf("its endpoint is not free again: %d", page.Status)
	}
}

func TestAWebhookIsNotFoundThroughAnotherStack(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	a, b := storetest.Stack(t, site.Store, "a"), storetest.Stack(t, site.Store, "b")
	site.Grant(t, b)
	w := storetest.Webhook(t, site.Store, a, "https://example.com/", "s")
	for _, who := range []string{"admin", "reader"} {
		browser := site.As(t, who)
		pages := []*webtest.Page{browser.GET(views.WebhookPath(b.ID, w.ID)), browser.POST(views.WebhookSecretPath(b.ID, w.ID), nil)}
		if who == "admin" {
			valid := url.Values{"endpoint": {"https://example.org/"}, "enabled": {"on"}}
			pages = append(pages, browser.GET(views.EditWebhookPath(b.ID, w.ID)), browser.POST(views.WebhookPath(b.ID, w.ID), valid),
				browser.POST(views.WebhookPath(b.ID, w.ID), url.Values{"endpoint": {"bad"}}), browser.POST(views.WebhookPath(b.ID, w.ID), url.Values{"generate": {"1"}}),
				browser.POST(views.WebhookTestPath(b.ID, w.ID), nil), browser.POST(views.DeleteWebhookPath(b.ID, w.ID), nil))
		}
		for _, page := range pages {
			if page.Status != http.StatusNotFound {
				t.Errorf("%s at %s: %d", who, page.Path, page.Status)
			}
		}
	}
	if target, err := site.Store.Target(t.Context(), w.ID, 0); err != nil || target.Webhook.Endpoint != "https://example.com/" || target.Webhook.Deleted() {
		t.Errorf("%+v, %v", target, err)
	}
}

func TestWhatACardPointsOut(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	near := storetest.Webhook(t, site.Store, stack, "https://example.com/hooks", "s")
	other := storetest.Webhook(t, site.Store, stack, "https://example.com/Hooks/?a=1", "s")
	idn := storetest.Webhook(t, site.Store, stack, "https://bücher.example/", "s")
	puny := storetest.Webhook(t, site.Store, stack, "https://xn--mnchen-3ya.example/", "s")
	page := site.As(t, "admin").GET(views.IntegrationsPath(stack.ID))
	for id, want := range map[string]string{
		near.ID:  "Nearly the same as https://example.com/Hooks/?a=1. If only one is meant, delete the other.",
		other.ID: "Nearly the same as https://example.com/hooks. If only one is meant, delete the other.",
		idn.ID:   "The host bücher.example is sent as xn--bcher-kva.example.",
		puny.ID:  "The host münchen.example is sent as xn--mnchen-3ya.example.",
	} {
		notes := page.Doc.Find("#webhook-" + id + " .webhook-note").Map(func(_ int, s *goquery.Selection) string {
			return strings.Join(strings.Fields(s.Text()), " ")
		})
		if len(notes) != 2 || notes[1] != want {
			t.Errorf("%q, want %q", notes, want)
		}
	}
}

func TestACardTellsWhyNothingArrivesAndWhyItIsDisabled(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	failing := storetest.Webhook(t, site.Store, stack, "https://failing.example.com/", "s")
	gone := storetest.Webhook(t, site.Store, stack, "https://gone.example.com/", "s")
	storetest.Run(t, site.Store, stack)
	attempt(t, site.Store, map[string]store.Outcome{
		failing.ID: {Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(time.Hour)},
		gone.ID:    {Status: models.Failed, Reason: models.ReasonGone, Disable: models.DisabledByGone},
	}, 29*time.Hour+time.Minute)
	admin := site.As(t, "admin")
	off := url.Values{"endpoint": {"https://off.example.com/"}, "secret": {"s"}}
	admin.POST(views.WebhooksPath(stack.ID), off)

	page := admin.GET(views.IntegrationsPath(stack.ID))
	card := page.Text("#webhook-" + failing.ID)
	for _, want := range []string{"Failing for 29 hours: the receiver answers 503 Service Unavailable", "1 delivery is waiting", "Failing since ", "Last failure"} {
		if !strings.Contains(card, want) {
			t.Errorf("%q lacks %q", card, want)
		}
	}
	if why := page.Text("#webhook-" + gone.ID + " .enabled-no + .small"); !strings.HasPrefix(why, "The receiver asks for no more (410 Gone), since ") {
		t.Errorf("gone: %q", why)
	}
	if why := page.Text("#webhook-" + newest(t, site, stack).ID + " .enabled-no + .small"); !strings.HasPrefix(why, "By Ada Lovelace since ") {
		t.Errorf("off: %q", why)
	}
}

func TestAStackWithoutWebhooksSaysWhatToDo(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	site.Grant(t, stack)
	for who, want := range map[string]string{"admin": "Add a webhook and each run state change", "reader": "An administrator can add a webhook here."} {
		page := site.As(t, who).GET(views.IntegrationsPath(stack.ID))
		if empty := page.Text(".empty"); !strings.Contains(empty, "No webhooks yet") || !strings.Contains(empty, want) {
			t.Errorf("%s: %q", who, empty)
		}
	}
}

// attempt makes the due first attempts end so long ago, each as its webhook's outcome says; without
// one it is delivered.
func attempt(t *testing.T, s *store.Store, outcomes map[string]store.Outcome, ago time.Duration) {
	t.Helper()
	for _, job := range storetest.Claim(t, s, "me") {
		o := cmp.Or(outcomes[job.Delivery.WebhookID], store.Outcome{Status: models.Delivered})
		code := map[models.Reason]int{models.Reason5xx: 503, models.ReasonGone: 410, "": 200}[o.Reason]
		_, err := s.RecordAttempt(t.Context(), "me", models.Attempt{
			DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: time.Now().Add(-ago), Reason: o.Reason, Code: code, Total: time.Millisecond,
		}, o)
		if err != nil {
			t.Fatal(err)
		}
	}
}
