package store_test

import (
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A secret that is replaced at once, by whatever means, or whose webhook goes, takes the others with it.
func TestNoSecretOutlivesTheCurrentOne(t *testing.T) {
	t.Parallel()
	const others = `SELECT COUNT(*) FROM webhooks WHERE (next_secret_sealed IS NOT NULL OR previous_secret_sealed IS NOT NULL
		OR next_secret_fingerprint <> '' OR previous_secret_fingerprint <> '' OR next_secret_at IS NOT NULL OR previous_secret_at IS NOT NULL) AND id = '`
	edit := func(c models.SecretChange, secret string) func(replaced) error {
		return func(r replaced) error {
			w := r.webhook()
			return second(r.s.UpdateWebhook(r.Context(), storetest.Shell, r.stack, r.id, models.WebhookForm{Endpoint: w.Endpoint, Enabled: true, Change: c, Secret: secret}))
		}
	}
	ends := map[string]struct {
		end  func(replaced) error
		kept int
	}{
		"kept by an edit":     {edit(models.KeepSecret, ""), 1},
		"replaced by an edit": {edit(models.ReplaceSecret, "third"), 0},
		"removed by an edit":  {edit(models.RemoveSecret, ""), 0},
		"replaced at once": {func(r replaced) error {
			return r.s.ReplaceSecret(r.Context(), storetest.Shell, r.stack, r.id, r.webhook().SecretFingerprint, "third", "")
		}, 0},
		"webhook deleted": {func(r replaced) error { return r.s.DeleteWebhook(r.Context(), storetest.Shell, r.stack, r.id) }, 0},
		"stack deleted":   {func(r replaced) error { return r.s.DeleteStack(r.Context(), storetest.Shell, r.stack) }, 0},
	}
	begins := map[string]func(replaced) string{
		"secret.discarded": func(r replaced) string { return r.prepare("new") },
		"secret.retired": func(r replaced) string {
			old := r.webhook().SecretFingerprint
			r.promote(r.prepare("new"))
			return old
		},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for name, c := range ends {
			for step, begin := range begins {
				stack := storetest.Stack(t, s, strings.NewReplacer(".", "-", " ", "-").Replace(step+" "+name))
				r := replaced{t, s, stack, storetest.Webhook(t, s, stack, "https://example.com/", "old").ID}
				print := begin(r)
				if err := c.end(r); err != nil {
					t.Fatal(err)
				}
				var kept int
				if err := store.Ask(s, &kept, others+r.id+`'`); err != nil || kept != c.kept {
					t.Errorf("%s, %s: %d has others, want %d, %v", step, name, kept, c.kept, err)
				}
				if last := r.audited(1)[0]; c.kept == 0 && !strings.HasSuffix(name, "deleted") && last != step+": "+print+" → no secret" {
					t.Errorf("%s: recorded last: %s", name, last)
				}
			}
		}
	})
}

func TestASpareSecretOpensOnlyInItsRow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		r.prepare("new")
		storetest.Webhook(t, s, r.stack, "https://example.com/b", "b")
		if err := store.Exec(s, `UPDATE webhooks SET next_secret_sealed = (SELECT next_secret_sealed FROM webhooks WHERE id = ?) WHERE id <> ?`, r.id, r.id); err != nil {
			t.Fatal(err)
		}
		ws, err := s.Webhooks(t.Context(), r.stack)
		if err != nil || len(ws) != 2 {
			t.Fatal(ws, err)
		}
		if target, err := s.Target(t.Context(), ws[1].ID, 0); err == nil {
			t.Errorf("the other row opened %q", target.Next)
		}
	})
}

// A webhook that fails is tried at once with a promoted secret, as with one that was typed.
func TestAPromotedSecretMayMendAWebhook(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		storetest.Run(t, s, r.stack)
		later := time.Now().Add(time.Hour)
		record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Pending, Reason: models.Reason4xx, DueAt: later})
		next := r.prepare("new")
		if w := r.webhook(); w.Failures != 1 || len(storetest.Claim(t, s, "me")) != 0 {
			t.Errorf("preparing a secret changed what is due: %+v", w)
		}
		r.promote(next)
		if w := r.webhook(); w.Failures != 0 || len(storetest.Claim(t, s, "me")) != 1 {
			t.Errorf("%+v", w)
		}
	})
}
