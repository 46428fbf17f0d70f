package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/views"
	"stackhook/web/webtest"
)

func TestASavedWebhookIsInTheList(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	form := admin.GET(views.NewWebhookPath(stack.ID))
	if form.Status != http.StatusOK || form.Doc.Find("#enabled[checked][role=switch]").Length() != 1 {
		t.Error("the switch is not on by default")
	}
	if first := form.Doc.Find("form.form-card button").First(); first.AttrOr("name", "") != "" {
		t.Errorf("Enter presses %q", first.Text())
	}
	page := admin.POST(form.Doc.Find("form.form-card").AttrOr("action", ""), url.Values{"endpoint": {" HTTPS://Example.com/Hook "}, "secret": {""}, "enabled": {"on"}})
	w := newest(t, site, stack)
	if page.Status != http.StatusSeeOther || page.Location() != views.IntegrationsPath(stack.ID)+"#webhook-"+w.ID {
		t.Fatalf("%d to %q", page.Status, page.Location())
	}
	list := admin.Follow(page)
	if flash := list.Doc.Find(".flash").Text(); !strings.Contains(flash, "Saved. Each run state change is sent to example.com.") {
		t.Errorf("the notice says %q", flash)
	}
	if name := list.Text("#webhook-" + w.ID + " h3"); name != "Webhook to HTTPS://Example.com/Hook" {
		t.Errorf("it is called %q", name)
	}
}

func TestTheSameEndpointIsRefusedAtItsField(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, other := storetest.Stack(t, site.Store, "a"), storetest.Stack(t, site.Store, "b")
	admin := site.As(t, "admin")
	first := storetest.Webhook(t, site.Store, stack, "https://deploys.example.com/hooks", "one")
	second := storetest.Webhook(t, site.Store, stack, "https://other.example.com/", "two")
	for name, path := range map[string]string{"create": views.WebhooksPath(stack.ID), "edit": views.WebhookPath(stack.ID, second.ID)} {
		const typed = "HTTPS://Deploys.Example.com:443/hooks"
		page := admin.POST(path, url.Values{"endpoint": {typed}, "secret": {"mine"}})
		if page.Status != http.StatusUnprocessableEntity || page.Doc.Find("#endpoint").AttrOr("value", "") != typed || page.Doc.Find("#secret").AttrOr("value", "") != "mine" {
			t.Errorf("%s: %d, or what was typed is lost", name, page.Status)
		}
		if !strings.Contains(page.Doc.Find("#endpoint-error").Text(), "Another webhook of this stack sends to this endpoint") ||
			page.Doc.Find("#endpoint-error a").AttrOr("href", "") != views.EditWebhookPath(stack.ID, first.ID) {
			t.Errorf("%s: the clash is not told at the field", name)
		}
	}
	if page := admin.POST(views.WebhooksPath(other.ID), url.Values{"endpoint": {"https://deploys.example.com/hooks"}}); page.Status != http.StatusSeeOther {
		t.Errorf("another stack: %d", page.Status)
	}
	if w, err := site.Store.Target(t.Context(), second.ID, 0); err != nil || w.Webhook.Endpoint != "https://other.example.com/" || w.Secret != "two" {
		t.Errorf("the refused edit left %+v, %v", w, err)
	}
	if page := admin.POST(views.WebhookPath(stack.ID, first.ID), url.Values{"endpoint": {"https://deploys.example.com:443/hooks"}}); page.Status != http.StatusSeeOther {
		t.Errorf("its own endpoint in other words: %d", page.Status)
	}
}

func TestAFormThatIsSentTwiceMakesOneWebhook(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	var wait sync.WaitGroup
	statuses := make([]int, 2)
	for i := range statuses {
		wait.Go(func() {
			statuses[i] = admin.POST(views.WebhooksPath(stack.ID), url.Values{"endpoint": {"https://example.com/"}, "enabled": {"on"}}).Status
		})
	}
	wait.Wait()
	if statuses[0]+statuses[1] != http.StatusSeeOther+http.StatusUnprocessableEntity {
		t.Errorf("answered %v", statuses)
	}
	if ws, err := site.Store.Webhooks(t.Context(), stack); err != nil || len(ws) != 1 {
		t.Errorf("%d webhooks, %v", len(ws), err)
	}
}

func TestGenerateFillsInASecretAndSavesNothing(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/", "old")
	for name, path := range map[string]string{"create": views.WebhooksPath(stack.ID), "edit": views.WebhookPath(stack.ID, w.ID)} {
		page := admin.POST(path, url.Values{"endpoint": {"not checked yet"}, "generate": {"1"}, "remove_secret": {"on"}})
		secret := page.Doc.Find("#secret").AttrOr("value", "")
		if page.Status != http.StatusOK || !strings.HasPrefix(secret, models.SecretPrefix) || models.SecretStrength(secret) != 4 {
			t.Errorf("%s: %d with the secret %q", name, page.Status, secret)
		}
		if page.Doc.Find("#endpoint").AttrOr("value", "") != "not checked yet" || page.Doc.Find("#enabled[checked], [name=remove_secret][checked]").Length() != 0 {
			t.Errorf("%s: the other fields changed", name)
		}
		if page.Doc.Find("#strength[hidden]").Length() != 0 || page.Doc.Find("#strength b").Text() != "Strong" || page.Doc.Find("[role=alert]").Length() != 0 {
			t.Errorf("%s: %s", name, page.Doc.Find("#strength").Text())
		}
	}
	if target, err := site.Store.Target(t.Context(), w.ID, 0); err != nil || target.Secret != "old" {
		t.Errorf("the secret is now %q, %v", target.Secret, err)
	}
}

func TestAnEditKeepsReplacesOrRemovesTheSecret(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/", "top-secret-1")
	form := admin.GET(views.EditWebhookPath(stack.ID, w.ID))
	if form.Doc.Find("#secret").AttrOr("value", "") != "" || strings.Contains(form.Body, "top-secret-1") {
		t.Error("the form holds the stored secret")
	}
	if hint := form.Doc.Find("#stored").Text(); !strings.Contains(hint, w.SecretFingerprint[:4]+" "+w.SecretFingerprint[4:]) {
		t.Errorf("the fingerprint is missing in %q", hint)
	}
	for _, step := range []struct {
		name   string
		fields url.Values
		status int
		want   string
	}{
		{"left empty", url.Values{}, http.StatusSeeOther, "top-secret-1"},
		{"both", url.Values{"secret": {"new"}, "remove_secret": {"on"}}, http.StatusUnprocessableEntity, "top-secret-1"},
		{"filled", url.Values{"secret": {" new "}}, http.StatusSeeOther, " new "},
		{"removed", url.Values{"remove_secret": {"on"}}, http.StatusSeeOther, ""},
		{"left empty again", url.Values{}, http.StatusSeeOther, ""},
	} {
		step.fields.Set("endpoint", "https://example.com/")
		page := admin.POST(views.WebhookPath(stack.ID, w.ID), step.fields)
		target, err := site.Store.Target(t.Context(), w.ID, 0)
		if err != nil || page.Status != step.status || target.Secret != step.want {
			t.Errorf("%s: %d, the secret is %q, want %q, %v", step.name, page.Status, target.Secret, step.want, err)
		}
	}
	if form := admin.GET(views.EditWebhookPath(stack.ID, w.ID)); form.Doc.Find("#stored, [name=remove_secret]").Length() != 0 {
		t.Error("the form offers to remove a secret that is not there")
	}
}

func TestTheSwitchIsStoredBySave(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack := storetest.Stack(t, site.Store, "a")
	admin := site.As(t, "admin")
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/", "")
	for _, step := range []struct {
		fields url.Values
		word   string
		flash  string
	}{
		{url.Values{}, "Disabled", "Nothing is sent to example.com until its webhook is enabled"},
		{url.Values{"enabled": {"on"}}, "Enabled", "Each run state change is sent to example.com"},
	} {
		step.fields.Set("endpoint", w.Endpoint)
		list := admin.Follow(admin.POST(views.WebhookPath(stack.ID, w.ID), step.fields))
		if word := list.Text(".enabled-word"); word != step.word || !strings.Contains(list.Doc.Find(".flash").Text(), step.flash) {
			t.Errorf("the card says %q, the notice %q", word, list.Doc.Find(".flash").Text())
		}
		form := admin.GET(views.EditWebhookPath(stack.ID, w.ID))
		if on := form.Doc.Find("#enabled[checked]").Length() == 1; on != (step.word == "Enabled") {
			t.Errorf("%s: the switch is on: %t", step.word, on)
		}
	}
}

// newest is the webhook that was added last.
func newest(t *testing.T, site *webtest.Site, stack models.Stack) models.Webhook {
	t.Helper()
	ws, err := site.Store.Webhooks(t.Context(), stack)
	if err != nil || len(ws) == 0 {
		t.Fatalf("%d webhooks, %v", len(ws), err)
	}
	return ws[len(ws)-1]
}
