package delivery

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v84/github"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// Libraries accept a request that two secrets signed, whichever of them they have.
func TestForeignReceiversAcceptTwoSignatures(t *testing.T) {
	t.Parallel()
	body := bodies["json"]
	for name, s := range secrets {
		const other = "whsec_c3RhY2tob29rIHRlc3Qgc2VjcmV0IDMyIGJ5dGVzISE="
		h := headerOf(Sign(body, other, "01J00000000000000000000000", time.Now(), s.secret))
		for _, key := range []string{other, s.libraries} {
			library, err := standardwebhooks.NewWebhook(key)
			if err != nil {
				t.Fatal(err)
			}
			if err := library.Verify(body, h); err != nil {
				t.Errorf("%s: standard-webhooks refuses: %v", name, err)
			}
			if library.Verify(append(body[:len(body):len(body)], ' '), h) == nil {
				t.Errorf("%s: standard-webhooks accepts another body", name)
			}
		}
		if err := github.ValidateSignature(h.Get("X-Signature-256"), body, []byte(other)); err != nil {
			t.Errorf("%s: X-Signature-256 is not the current secret's: %v", name, err)
		}
		alone := headerOf(Sign(body, other, "01J00000000000000000000000", time.Now()))
		if first, _, _ := strings.Cut(h.Get("webhook-signature"), " "); first != alone.Get("webhook-signature") {
			t.Errorf("%s: the current secret's entry is not the first", name)
		}
	}
}

// Which secrets sign a delivery, and which of them are recorded.
func TestSigners(t *testing.T) {
	t.Parallel()
	spare := func(print string) models.SpareSecret { return models.SpareSecret{Fingerprint: print} }
	target := store.Target{Secret: "current", Webhook: models.Webhook{SecretFingerprint: "cccc"}}
	replaced, prepared := target, target
	replaced.Previous, replaced.Webhook.PreviousSecret = "previous", spare("aaaa")
	prepared.Next, prepared.Webhook.NextSecret = "next", spare("eeee")
	for name, c := range map[string]struct {
		only   string
		target store.Target
		want   string // secrets, then fingerprints; "" if it cannot be signed
	}{
		"ordinary":            {"", target, "current; cccc"},
		"one is prepared":     {"", prepared, "current; cccc"},
		"one is retiring":     {"", replaced, "current previous; cccc aaaa"},
		"no secret":           {"", store.Target{}, "; "},
		"of the prepared one": {"eeee", prepared, "next; eeee"},
		"promoted meanwhile":  {"cccc", replaced, "current; cccc"},
		"discarded meanwhile": {"eeee", target, ""},
		"retiring":            {"aaaa", replaced, ""},
	} {
		s, known := signersOf(models.Delivery{OnlySecret: c.only}, c.target)
		got := strings.Join(append([]string{s.secret}, s.also...), " ") + "; " + s.prints
		if known != (c.want != "") || known && got != c.want {
			t.Errorf("%s: %q, %t; want %q", name, got, known, c.want)
		}
	}
}

// A test of a prepared secret is signed with it alone, and sent with no other; whatever else is sent meanwhile has the current one.
func TestATestOfAPreparedSecret(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		const next = "whsec_c3RhY2tob29rIHRlc3Qgc2VjcmV0IDMyIGJ5dGVzISE="
		test := func() models.Delivery {
			t.Helper()
			d, err := w.store.SendNextTest(t.Context(), storetest.Shell, w.stack, w.webhook.ID, w.prepared())
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		w.start()
		w.report() // so that what it read of the webhook is known, and old a moment later
		w.wait(time.Millisecond)
		w.prepare(next)
		d, other := test(), w.report()
		w.wait(time.Second)
		for _, r := range w.inbox.all()[1:] {
			key, wrong := next, secret
			if r.id != d.ID {
				key, wrong = secret, next
			}
			checkSignatures(t, r.header, r.body, key)
			if entries := strings.Fields(r.header.Get("webhook-signature")); len(entries) != 1 || (r.header.Get("X-Stackhook-Test") == "1") != (r.id == d.ID) {
				t.Errorf("%s: %v", r.id, r.header)
			}
			if github.ValidateSignature(r.header.Get("X-Signature-256"), r.body, []byte(wrong)) == nil {
				t.Errorf("%s is signed with the other secret", r.id)
			}
		}
		if a := w.attempts(d); len(a) != 1 || a[0].SignedBy != w.prepared() {
			t.Errorf("%+v", a)
		}
		if a := w.attempts(other); len(a) != 1 || a[0].SignedBy != w.webhook.SecretFingerprint {
			t.Errorf("%+v", a)
		}
	})
}

// A test whose secret is gone by the time at which it could be sent is not sent with another one.
func TestATestOfAPreparedSecretThatIsGone(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		w.prepare("next")
		d, err := w.store.SendNextTest(t.Context(), storetest.Shell, w.stack, w.webhook.ID, w.prepared())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.DiscardSecret(t.Context(), storetest.Shell, w.stack, w.webhook.ID, w.prepared()); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.wait(time.Second)
		w.expect(d.ID, models.Failed, models.ReasonInternal, 1)
		if n := len(w.inbox.all()); n != 0 {
			t.Errorf("%d requests", n)
		}
		if a := w.attempts(d); !strings.HasPrefix(a[0].Detail, "The prepared secret that this test was to be signed with is gone") || a[0].SignedBy != "" {
			t.Errorf("%+v", a)
		}
	})
}

// Where another process prepared the secret, what was read of the webhook a moment ago does not have it yet.
func TestATestOfASecretThatWasJustPrepared(t *testing.T) {
	inWorld(t, always(200), func(t *testing.T, w *world) {
		before, err := w.store.Target(t.Context(), w.webhook.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.prepare("next")
		d, err := w.store.SendNextTest(t.Context(), storetest.Shell, w.stack, w.webhook.ID, w.prepared())
		if err != nil {
			t.Fatal(err)
		}
		e := w.engine()
		e.target = func(ctx context.Context, id string, ago time.Duration) (store.Target, error) {
			if ago > 0 {
				return before, nil
			}
			return w.store.Target(ctx, id, ago)
		}
		w.run(e)
		w.wait(time.Second)
		w.expect(d.ID, models.Delivered, "", 1)
	})
}

func (w *world) prepare(secret string) {
	w.t.Helper()
	if err := w.store.PrepareSecret(w.t.Context(), storetest.Shell, w.stack, w.webhook.ID, w.webhook.SecretFingerprint, secret); err != nil {
		w.t.Fatal(err)
	}
}

// prepared is the fingerprint of the secret that is prepared.
func (w *world) prepared() string {
	w.t.Helper()
	now, err := w.store.Webhook(w.t.Context(), w.stack, w.webhook.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return now.NextSecret.Fingerprint
}
