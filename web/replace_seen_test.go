package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/views"
)

func TestReadersSeeAReplacementAndTakeNoStep(t *testing.T) {
	t.Parallel()
	r := newReplacing(t)
	admin, reader := r.site.As(t, "admin"), r.site.As(t, "reader")
	page := admin.Follow(r.press(admin, admin.GET(r.path()), "prepare", url.Values{"secret": {"second-secret"}}))
	next := r.webhook().NextSecret.Fingerprint
	const steps = "form[action*='/replace/'], #secret"
	seen := reader.GET(r.path())
	r.state(seen, "Promote it", "PreparedFingerprint "+next)
	if seen.Doc.Find(steps).Length() != 0 {
		t.Error(seen.Text("main"))
	}
	if shown := reader.POST(views.WebhookSecretPath(r.stack.ID, r.id), url.Values{"which": {"next"}, "fingerprint": {next}}); shown.Text("[data-secret]") != "second-secret" {
		t.Errorf("%d %s", shown.Status, shown.Text("main"))
	}
	if card := reader.GET(views.WebhookPath(r.stack.ID, r.id)); card.Doc.Find("a[href='"+r.path()+"']").Length() != 1 {
		t.Error("the card does not lead to the state")
	}
	admin.Follow(r.press(admin, page, "promote", nil))
	if seen := reader.GET(r.path()); seen.Doc.Find(steps).Length() != 0 {
		t.Error(seen.Text("main"))
	}
}

// The one button replaces the secret and names everyone who viewed the old ones, and nobody else.
func TestFoulPlay(t *testing.T) {
	t.Parallel()
	r := newReplacing(t)
	admin, reader := r.site.As(t, "admin"), r.site.As(t, "reader")
	reveal := views.WebhookSecretPath(r.stack.ID, r.id)
	reader.POST(reveal, nil)
	reader.POST(reveal, nil)
	page := admin.Follow(r.press(admin, admin.GET(r.path()), "prepare", url.Values{"secret": {"second-secret"}}))
	page = admin.Follow(r.press(admin, page, "promote", nil))
	old, older := r.webhook().SecretFingerprint, r.webhook().PreviousSecret.Fingerprint
	answer := r.press(admin, page, "foul-play", nil)
	if answer.Status != http.StatusSeeOther || answer.Location() != r.path()+"?old="+old+"&old="+older {
		t.Fatalf("%d to %s", answer.Status, answer.Location())
	}
	listed := admin.Follow(answer)
	r.state(listed, "Prepare a new secret", "CurrentFingerprint "+r.webhook().SecretFingerprint)
	if title := listed.Text("#viewers"); title != "Who viewed "+old+" or "+older {
		t.Error(title)
	}
	row := listed.Text("[aria-labelledby=viewers] tbody tr")
	if !strings.HasPrefix(row, "Grace Hopper ") || !strings.HasSuffix(row, "192.0.2.1"+older+"2") || listed.Doc.Find("[aria-labelledby=viewers] tbody tr").Length() != 1 {
		t.Error(row)
	}
	target, err := r.site.Store.Target(t.Context(), r.id, 0)
	if err != nil || models.SecretStrength(target.Secret) != 4 || target.Next != "" || target.Previous != "" || target.Webhook.SecretFingerprint == old {
		t.Errorf("%+v, %v", target.Webhook, err)
	}
	if nobody := admin.GET(r.path() + "?old=00000000"); nobody.Text("[aria-labelledby=viewers] > p:first-of-type") != "Nobody viewed it here, as far back as the audit log goes." {
		t.Error(nobody.Text("[aria-labelledby=viewers]"))
	}
	for who, query := range map[string]string{"reader": answer.Location(), "admin": r.path() + "?old=%3Cscript%3E"} {
		if page := r.site.As(t, who).GET(query); page.Status != http.StatusOK || page.Doc.Find("#viewers").Length() != 0 {
			t.Errorf("%s: %d %s", who, page.Status, page.Text("#viewers"))
		}
	}
}

func TestATestOfAPreparedSecretLeadsToItsDelivery(t *testing.T) {
	t.Parallel()
	r := newReplacing(t)
	admin := r.site.As(t, "admin")
	page := admin.Follow(r.press(admin, admin.GET(r.path()), "prepare", url.Values{"secret": {"second-secret"}}))
	answerTests(t, r.site.Store, store.Outcome{Status: models.Delivered})
	answer := r.press(admin, page, "test", nil)
	d, err := r.site.Store.Delivery(t.Context(), r.stack, strings.TrimPrefix(answer.Location(), views.DeliveriesPath(r.stack.ID)+"/"))
	if answer.Status != http.StatusSeeOther || err != nil || d.OnlySecret != r.webhook().NextSecret.Fingerprint {
		t.Errorf("%d to %s, %+v, %v", answer.Status, answer.Location(), d, err)
	}
}

// Which secrets signed is on the page of a delivery and on that of the replacement.
func TestWhatSignedIsShown(t *testing.T) {
	t.Parallel()
	r := newReplacing(t)
	id := storetest.Run(t, r.site.Store, r.stack).Deliveries[0]
	for _, job := range storetest.Claim(t, r.site.Store, "me") {
		a := models.Attempt{DeliveryID: id, Number: job.Delivery.Attempt, StartedAt: job.Delivery.CreatedAt, Code: 200, Total: 1, SignedBy: "717fa22c 5d6cd714"}
		if _, err := r.site.Store.RecordAttempt(t.Context(), "me", a, store.Outcome{Status: models.Delivered}); err != nil {
			t.Fatal(err)
		}
	}
	admin := r.site.As(t, "admin")
	if text := admin.GET(views.DeliveryPath(r.stack.ID, id)).Text(".attempt"); !strings.Contains(text, "Signed with 717fa22c and 5d6cd714.") {
		t.Error(text)
	}
	signed := admin.GET(r.path()).Doc.Find("[aria-labelledby=signed] tbody a")
	if signed.Text() != "717fa22c and 5d6cd714" || signed.AttrOr("href", "") != views.DeliveryPath(r.stack.ID, id)+"#attempt-1" {
		t.Errorf("%q to %s", signed.Text(), signed.AttrOr("href", ""))
	}
}

// The API says which secrets there are, and reveals the current one only.
func TestTheAPIKnowsOfAReplacement(t *testing.T) {
	t.Parallel()
	site, stack, _ := reporting(t)
	reader := program{t, site, token(t, site, models.ScopeRead, stack.Key)}
	r := replacing{t, site, stack, storetest.Webhook(t, site.Store, stack, "https://example.com/hook", "first-secret").ID}
	old, base := r.webhook().SecretFingerprint, "/api/v1/stacks/"+stack.ID+"/webhooks/"+r.id
	if err := site.Store.PrepareSecret(t.Context(), storetest.Shell, stack, r.id, old, "second-secret"); err != nil {
		t.Fatal(err)
	}
	next := r.webhook().NextSecret.Fingerprint
	expect := func(current, next, previous any, secret string) {
		t.Helper()
		a := reader.call("GET", base, "")
		if a.body["secretFingerprint"] != current || a.body["nextSecretFingerprint"] != next || a.body["previousSecretFingerprint"] != previous || strings.Contains(a.text, "-secret\"") {
			t.Errorf("%d %s", a.status, a.text)
		}
		if a := reader.call("POST", base+"/secret", ""); a.body["secret"] != secret {
			t.Errorf("%d %s", a.status, a.text)
		}
	}
	expect(old, next, nil, "first-secret")
	if err := site.Store.PromoteSecret(t.Context(), storetest.Shell, stack, r.id, next); err != nil {
		t.Fatal(err)
	}
	expect(next, nil, old, "second-secret")
}
