package web_test

import (
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// deliver claims what is due and records what came of it, as the engine does.
func deliver(t *testing.T, site *webtest.Site, result func(job store.Job) (models.Attempt, store.Outcome)) {
	t.Helper()
	for _, job := range storetest.Claim(t, site.Store, "test") {
		a, o := result(job)
		a.DeliveryID, a.Number, a.StartedAt = job.Delivery.ID, job.Delivery.Attempt, time.Now().Add(-a.Total)
		if _, err := site.Store.RecordAttempt(t.Context(), "test", a, o); err != nil {
			t.Fatal(err)
		}
	}
}

func accepted(store.Job) (models.Attempt, store.Outcome) {
	return models.Attempt{Code: 204, Total: 84 * time.Millisecond}, store.Outcome{Status: models.Delivered}
}

// unavailable is a 503 after which the delivery is due again in a minute.
func unavailable(store.Job) (models.Attempt, store.Outcome) {
	return models.Attempt{Code: 503, Reason: models.Reason5xx, Total: time.Second},
		store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(time.Minute)}
}

// busy is a 503 after which the delivery is due again at once.
func busy(job store.Job) (models.Attempt, store.Outcome) {
	a, o := unavailable(job)
	o.DueAt = time.Now()
	return a, o
}

// gone is a 410, which disables the webhook.
func gone(store.Job) (models.Attempt, store.Outcome) {
	return models.Attempt{Code: 410, Reason: models.ReasonGone, Total: time.Second},
		store.Outcome{Status: models.Failed, Reason: models.ReasonGone, Disable: models.DisabledByGone}
}

// logged is a stack with two webhooks and one run, of which each webhook got the first two states.
type logged struct {
	stack     models.Stack
	good, bad models.Webhook
	run       models.Run
	// By webhook and state: pending of bad's last state, failed of its first.
	goodQueued, goodFinished, badQueued, badFinished string
}

func fillLog(t *testing.T, site *webtest.Site, id string) logged {
	t.Helper()
	l := logged{stack: storetest.Stack(t, site.Store, id)}
	l.good = storetest.Webhook(t, site.Store, l.stack, "https://good.example/a?b=1", "")
	l.bad = storetest.Webhook(t, site.Store, l.stack, "https://bad.example/", "")
	first := storetest.Run(t, site.Store, l.stack)
	l.run = first.Run
	l.goodQueued, l.badQueued = first.Deliveries[0], first.Deliveries[1]
	deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
		if job.Delivery.WebhookID == l.good.ID {
			return accepted(job)
		}
		return models.Attempt{Reason: models.ReasonTimeout}, store.Outcome{Status: models.Failed, Reason: models.ReasonTimeout}
	})
	second := storetest.State(t, site.Store, l.stack, l.run.ID, models.Finished)
	l.goodFinished, l.badFinished = second.Deliveries[0], second.Deliveries[1]
	deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
		if job.Delivery.WebhookID == l.good.ID {
			return accepted(job)
		}
		return unavailable(job)
	})
	return l
}
