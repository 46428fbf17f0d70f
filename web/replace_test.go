package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

// replacing is a site with a webhook whose secret is "first-secret".
type replacing struct {
	*testing.T
	site  *webtest.Site
	stack models.Stack
	id    string
}

func newReplacing(t *testing.T) replacing {
	t.Helper()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "a")
	site.Grant(t, stack)
	return replacing{t, site, stack, storetest.Webhook(t, site.Store, stack, "https://example.com/hook", "first-secret").ID}
}

func (r replacing) webhook() models.Webhook {
	r.Helper()
	w, err := r.site.Store.Webhook(r.Context(), r.stack, r.id)
	if err != nil {
		r.Fatal(err)
	}
	return w
}

func (r replacing) path() string { return views.ReplacePath(r.stack.ID, r.id) }

// press presses the button of the page's form for a step, with what is typed.
func (r replacing) press(b *webtest.Browser, page *webtest.Page, step string, typed url.Values) *webtest.Page {
	r.Helper()
	form := page.Doc.Find("form[action$='/replace/" + step + "'], form:has([formaction$='/replace/" + step + "'])")
	if form.Length() != 1 {
		r.Fatalf("%d forms for %s\n%s", form.Length(), step, page.Text("main"))
	}
	values := url.Values{"fingerprint": {form.Find("[name=fingerprint]").AttrOr("value", "none")}}
	for name, value := range typed {
		values[name] = value
	}
	return b.POST(views.ReplaceStepPath(r.stack.ID, r.id, step), values)
}

// state checks which step is next and what the page says of the secrets.
func (r replacing) state(page *webtest.Page, step string, facts ...string) {
	r.Helper()
	if now := page.Text(".replace-step[aria-current=step] h2"); page.Status != http.StatusOK || now != step {
		r.Errorf("%d, the next step is %q, want %q", page.Status, now, step)
	}
	for _, fact := range facts {
		if text := page.Text(".facts"); !strings.Contains(text, fact) {
			r.Errorf("%q is not in %q", fact, text)
		}
	}
	if strings.Contains(page.Body, "-secret\"") || strings.Contains(page.Body, "first-secret") || strings.Contains(page.Body, "second-secret") {
		r.Error("a secret that nobody asked for is on the page")
	}
}

func TestASecretIsReplacedOnItsPage(t *testing.T) {
	t.Parallel()
	r := newReplacing(t)
	admin := r.site.As(t, "admin")
	list := admin.GET(views.IntegrationsPath(r.stack.ID))
	page := admin.GET(list.Doc.Find("#webhook-"+r.id+" a[href$='/replace']").AttrOr("href", ""))
	old := r.webhook().SecretFingerprint
	r.state(page, "Prepare a new secret", "CurrentFingerprint "+old)
	if edit := admin.GET(views.EditWebhookPath(r.stack.ID, r.id)); edit.Doc.Find("a[href='"+r.path()+"']").Length() != 1 {
		t.Error("the form does not lead there")
	}
	page = admin.Follow(r.press(admin, page, "prepare", url.Values{"secret": {"second-secret"}}))
	next := r.webhook().NextSecret.Fingerprint
	r.state(page, "Promote it", "CurrentFingerprint "+old, "PreparedFingerprint "+next)
	shown := admin.POST(views.WebhookSecretPath(r.stack.ID, r.id), url.Values{"which": {"next"}, "fingerprint": {next}})
	if shown.Status != http.StatusOK || shown.Text("[data-secret]") != "second-secret" || shown.Header.Get("Cache-Control") != "no-store" || strings.Contains(shown.Body, "first-secret") {
		t.Errorf("%d, %q", shown.Status, shown.Text("[data-secret]"))
	}
	if note := shown.Text(".secret-note"); !strings.Contains(note, "Recorded: you viewed this secret on ") || !strings.HasSuffix(note, " from 192.0.2.1.") {
		t.Error(note)
	}
	if card := admin.GET(views.IntegrationsPath(r.stack.ID)).Text("#webhook-" + r.id); !strings.Contains(card, "A new secret is prepared: "+next+".") || !strings.Contains(card, "Secret viewed by nobody") {
		t.Error(card)
	}
	page = admin.Follow(r.press(admin, page, "promote", nil))
	r.state(page, "Retire the previous one", "CurrentFingerprint "+next, "PreviousFingerprint "+old)
	if card := admin.GET(views.IntegrationsPath(r.stack.ID)).Text("#webhook-" + r.id); !strings.Contains(card, "The previous secret signs too: "+old+".") || !strings.Contains(card, "Secret viewed by 1 person") {
		t.Error(card)
	}
	page = admin.Follow(r.press(admin, page, "retire", nil))
	r.state(page, "Prepare a new secret", "CurrentFingerprint "+next)
	if flash := page.Text(".flash"); flash != "Retired. The current secret signs alone." {
		t.Error(flash)
	}
	target, err := r.site.Store.Target(t.Context(), r.id, 0)
	if err != nil || target.Secret != "second-secret" || target.Previous != "" {
		t.Errorf("%+v, %v", target.Webhook, err)
	}
	log := admin.GET(views.AuditPath + "?webhook=" + r.id).Text("tbody")
	for _, line := range []string{"Prepared a secret example.com no secret → " + next, "Promoted the prepared secret example.com " + old + " → " + next, "Retired the previous secret example.com " + old + " → no secret"} {
		if !strings.Contains(log, line) {
			t.Errorf("%q is not in %q", line, log)
		}
	}
	if strings.Contains(log, "-secret") {
		t.Error("a secret is in the audit log")
	}
}

func TestOtherWaysOfReplacing(t *testing.T) {
	t.Parallel()
	r := newReplacing(t)
	admin := r.site.As(t, "admin")
	page := admin.GET(r.path())
	filled := r.press(admin, page, "prepare", url.Values{"generate": {"1"}})
	generated := filled.Doc.Find("#secret").AttrOr("value", "")
	if filled.Status != http.StatusOK || models.SecretStrength(generated) != 4 || filled.Text("#strength b") != "Strong" || r.webhook().NextSecret.Known() {
		t.Errorf("%d, %q", filled.Status, generated)
	}
	for secret, message := range map[string]string{"": "Type a secret, or generate one.", "first-secret": "This is the current secret. Use another one."} {
		for _, step := range []string{"prepare", "now"} {
			bad := r.press(admin, page, step, url.Values{"secret": {secret}})
			if bad.Status != http.StatusUnprocessableEntity || !strings.Contains(bad.Text("#secret-error"), message) || bad.Doc.Find("#secret").AttrOr("value", "") != secret || bad.Doc.Find("[role=alert] a[href='#secret']").Length() != 1 {
				t.Errorf("%s %q: %d, %q", step, secret, bad.Status, bad.Text("#secret-error"))
			}
		}
	}
	page = admin.Follow(r.press(admin, page, "prepare", url.Values{"secret": {"second-secret"}}))
	page = admin.Follow(r.press(admin, page, "discard", nil))
	r.state(page, "Prepare a new secret")
	page = admin.Follow(r.press(admin, page, "now", url.Values{"secret": {"third-secret"}}))
	r.state(page, "Prepare a new secret")
	if target, err := r.site.Store.Target(t.Context(), r.id, 0); err != nil || target.Secret != "third-secret" || target.Next != "" || target.Previous != "" {
		t.Errorf("%+v, %v", target.Webhook, err)
	}
}

// What somebody else was faster with is refused with the reason, and the page shows how things are.
func TestAReplacementThatIsNotSoAnyMoreIsRefused(t *testing.T) {
	t.Parallel()
	r := newReplacing(t)
	ada, eve := r.site.As(t, "admin"), r.site.As(t, "admin")
	refused := func(page *webtest.Page, reason string) {
		t.Helper()
		if page.Status != http.StatusConflict || page.Text("[role=alert]") != reason {
			t.Errorf("%d, %q; want %q", page.Status, page.Text("[role=alert]"), reason)
		}
	}
	before := ada.GET(r.path())
	prepared := ada.Follow(r.press(ada, before, "prepare", url.Values{"secret": {"second-secret"}}))
	old, next := r.webhook().SecretFingerprint, r.webhook().NextSecret.Fingerprint
	already := "Another secret is prepared already: " + next + ". Promote or discard that one first. Nothing was done."
	refused(r.press(eve, before, "prepare", url.Values{"secret": {"second-secret"}}), already)
	refused(r.press(eve, before, "prepare", url.Values{"secret": {"other-secret"}}), already)
	again := r.press(eve, before, "prepare", url.Values{"generate": {"1"}})
	if again.Text("[role=alert]") != already || again.Doc.Find("#secret").Length() != 0 {
		t.Error(again.Text("main"))
	}
	promoted := ada.Follow(r.press(ada, prepared, "promote", nil))
	done := "The secret " + next + " was promoted already: it is the current one. Nothing was done."
	for _, step := range []string{"promote", "discard", "test"} {
		refused(r.press(eve, prepared, step, nil), done)
	}
	refused(eve.POST(views.WebhookSecretPath(r.stack.ID, r.id), url.Values{"which": {"next"}, "fingerprint": {next}}), done)
	for _, step := range []string{"now", "foul-play"} {
		refused(r.press(eve, before, step, url.Values{"secret": {"other-secret"}}), "The secret was replaced meanwhile: the current one is "+next+". Nothing was done.")
	}
	ada.Follow(r.press(ada, promoted, "retire", nil))
	refused(r.press(eve, promoted, "retire", nil), "The previous secret was retired already. Nothing was done.")
	records, err := r.site.Store.AuditRecords(t.Context(), store.AuditFilter{Webhook: r.id}, store.Page{})
	if err != nil || len(records.Rows) != 4 || records.Rows[0].Detail != old+" → no secret" {
		t.Errorf("%+v, %v", records.Rows, err)
	}
}

// A form that is sent twice at once does one thing.
func TestAReplacementThatIsSentTwiceIsDoneOnce(t *testing.T) {
	t.Parallel()
	r := newReplacing(t)
	admin := r.site.As(t, "admin")
	page := admin.GET(r.path())
	statuses := make([]int, 2)
	var wait sync.WaitGroup
	for i := range statuses {
		wait.Go(func() {
			statuses[i] = r.press(admin, page, "now", url.Values{"secret": {"second-secret"}}).Status
		})
	}
	wait.Wait()
	if statuses[0]+statuses[1] != http.StatusSeeOther+http.StatusConflict {
		t.Errorf("answered %v", statuses)
	}
}
