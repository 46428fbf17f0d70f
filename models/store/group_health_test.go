package store_test

import (
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A webhook is judged by what was begun since somebody last changed it, or enabled it again.
func TestOldFailuresDoNotJudgeAnEditedWebhook(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for name, form := range map[string]models.WebhookForm{
			"endpoint": {Endpoint: "https://example.org/", Enabled: true},
			"secret":   {Endpoint: "https://example.com/", Enabled: true, Change: models.ReplaceSecret, Secret: "new"},
			"enabled":  {Endpoint: "https://example.com/", Enabled: true},
		} {
			stack := storetest.Stack(t, s, name)
			w := storetest.Webhook(t, s, stack, "https://example.com/", "old")
			for range 7 {
				storetest.Run(t, s, stack)
			}
			jobs := storetest.Claim(t, s, "me")
			begun := time.Now()
			if name == "enabled" {
				edit(t, s, stack, w, models.WebhookForm{Endpoint: form.Endpoint})
			}
			edit(t, s, stack, w, form)
			gone := store.Outcome{Status: models.Failed, Reason: models.ReasonGone, Disable: models.DisabledByGone}
			for _, job := range jobs[:6] {
				recordFrom(t, s, begun, job, store.Outcome{Status: models.Failed, Reason: models.Reason5xx})
			}
			recordFrom(t, s, begun, jobs[6], gone)
			if now := webhook(t, s, w); !now.Enabled || now.CircuitOpen() || now.Failures != 0 || !now.FailingSince.IsZero() {
				t.Errorf("another %s, and then results from before: %+v", name, now)
			}
			storetest.Run(t, s, stack)
			for _, job := range storetest.Claim(t, s, "me") {
				record(t, s, "me", job, gone)
			}
			if now := webhook(t, s, w); now.Enabled || now.Failures != 1 {
				t.Errorf("another %s, and then one from after it: %+v", name, now)
			}
		}
	})
}

func edit(t *testing.T, s *store.Store, stack models.Stack, w models.Webhook, form models.WebhookForm) {
	t.Helper()
	if _, err := s.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, form); err != nil {
		t.Fatal(err)
	}
}

// recordFrom records an attempt of "me" that began at that time.
func recordFrom(t *testing.T, s *store.Store, begun time.Time, job store.Job, o store.Outcome) {
	t.Helper()
	_, err := s.RecordAttempt(t.Context(), "me", models.Attempt{
		DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: begun, Reason: o.Reason, Total: time.Since(begun),
	}, o)
	if err != nil {
		t.Fatal(err)
	}
}
