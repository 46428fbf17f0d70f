package store_test

import (
	"errors"
	"sync"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestAnEndpointIsUniqueInItsStack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		storetest.Webhook(t, s, a, "https://example.com", "")
		storetest.Webhook(t, s, b, "https://example.com", "") // another stack may
		other := storetest.Webhook(t, s, a, "https://example.com/other", "")

		var conflict *models.Conflict
		_, err := s.CreateWebhook(t.Context(), storetest.Shell, a, models.WebhookForm{Endpoint: "HTTPS://EXAMPLE.COM:443/"})
		if !errors.As(err, &conflict) || conflict.Field != "endpoint" {
			t.Errorf("create: %v", err)
		}
		_, err = s.UpdateWebhook(t.Context(), storetest.Shell, a, other.ID, models.WebhookForm{Endpoint: "https://example.com/"})
		if !errors.As(err, &conflict) || conflict.Field != "endpoint" {
			t.Errorf("edit: %v", err)
		}
		if w, err := s.Webhook(t.Context(), a, other.ID); err != nil || w.Endpoint != "https://example.com/other" || !w.Enabled {
			t.Errorf("the refused edit changed %+v, %v", w, err)
		}
		if err := s.DeleteWebhook(t.Context(), storetest.Shell, a, other.ID); err != nil {
			t.Fatal(err)
		}
		storetest.Webhook(t, s, a, "https://example.com/other", "") // free again
	})
}

func TestADoubleSubmitMakesOneWebhook(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				_, err := s.CreateWebhook(t.Context(), storetest.Shell, stack, models.WebhookForm{Endpoint: "https://example.com/", Enabled: true})
				var conflict *models.Conflict
				if err != nil && !errors.As(err, &conflict) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if ws, err := s.Webhooks(t.Context(), stack); err != nil || len(ws) != 1 {
			t.Errorf("%d webhooks, %v", len(ws), err)
		}
	})
}

func TestAnEditKeepsReplacesOrRemovesTheSecret(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "  first ")
		print := w.SecretFingerprint
		if len(print) != 8 {
			t.Errorf("fingerprint %q", print)
		}
		edit := func(change models.SecretChange, secret string) models.Webhook {
			t.Helper()
			w, err := s.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: "https://example.com/x", Enabled: true, Change: change, Secret: secret})
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		opened := func() string {
			t.Helper()
			target, err := s.Target(t.Context(), w.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			return target.Secret
		}
		if w := edit(models.KeepSecret, ""); opened() != "  first " || w.SecretFingerprint != print || w.EndpointURL != "https://example.com/x" {
			t.Errorf("kept: %q, %+v", opened(), w)
		}
		if w := edit(models.ReplaceSecret, "second"); opened() != "second" || w.SecretFingerprint == print {
			t.Errorf("replaced: %q", opened())
		}
		if w := edit(models.RemoveSecret, ""); opened() != "" || w.HasSecret() || w.SecretFingerprint != "" {
			t.Errorf("removed: %q", opened())
		}
	})
}

func TestASealedSecretOpensOnlyInItsRow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		a := storetest.Webhook(t, s, stack, "https://example.com/a", "secret of a")
		b := storetest.Webhook(t, s, stack, "https://example.com/b", "secret of b")
		b.SecretSealed = a.SecretSealed
		if secret, err := s.Secret(b); err == nil {
			t.Errorf("the row of b opened %q", secret)
		}
	})
}

func TestARevealIsRecorded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "secret")
		ada := models.Actor{Kind: models.ActorUser, ID: 7, Name: "Ada", Address: "198.51.100.7"}
		secret, err := s.RevealSecret(t.Context(), ada, stack, w.ID)
		if err != nil || secret != "secret" {
			t.Fatal(secret, err)
		}
		views, err := s.Reveals(t.Context(), w)
		if err != nil || len(views) != 1 || views[0].Actor != ada || views[0].Subject != "example.com" || views[0].At.IsZero() {
			t.Errorf("%+v, %v", views, err)
		}
		w, err = s.UpdateWebhook(t.Context(), ada, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint, Change: models.ReplaceSecret, Secret: "new", Enabled: true})
		if err != nil {
			t.Fatal(err)
		}
		if views, err := s.Reveals(t.Context(), w); err != nil || len(views) != 0 {
			t.Errorf("nobody viewed the new secret, but %+v, %v", views, err)
		}
		if _, err := s.RevealSecret(t.Context(), ada, storetest.Stack(t, s, "b"), w.ID); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("through another stack: %v", err)
		}
	})
}

func TestADeletedWebhookKeepsItsLogAndLosesItsSecret(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "secret")
		rec := storetest.Run(t, s, stack)
		if err := s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil {
			t.Fatal(err)
		}
		d, err := s.Delivery(t.Context(), stack, rec.Deliveries[0])
		if err != nil || d.Status != models.Failed || d.Reason != models.ReasonWebhookDeleted || d.EndedAt.IsZero() {
			t.Errorf("%+v, %v", d, err)
		}
		w, err = s.Webhook(t.Context(), stack, w.ID)
		if err != nil || !w.Deleted() || w.HasSecret() || w.SecretFingerprint != "" {
			t.Errorf("%+v, %v", w, err)
		}
		if jobs := storetest.Claim(t, s, "me"); len(jobs) != 0 {
			t.Errorf("claimed %d", len(jobs))
		}
		for name, err := range map[string]error{
			"delete":    s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID),
			"redeliver": s.Redeliver(t.Context(), storetest.Shell, stack, d.ID),
		} {
			var refused *models.Refused
			if !errors.Is(err, models.ErrNotFound) && !errors.As(err, &refused) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if rec := storetest.Run(t, s, stack); len(rec.Deliveries) != 0 {
			t.Errorf("a new event makes %v", rec.Deliveries)
		}
	})
}
