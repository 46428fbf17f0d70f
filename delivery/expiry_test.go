package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

func TestExpiry(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.start()
		d := w.report()
		w.wait(time.Minute)
		w.enable(false)
		before := len(w.inbox.all())
		w.wait(168*time.Hour - 2*time.Minute)
		w.expect(d.ID, models.Pending, models.Reason5xx, before)
		w.wait(2*time.Minute + expireEvery)
		w.expect(d.ID, models.Failed, models.ReasonExpired, before)
	})
}

// Behind an open circuit deliveries expire as well, those that were never tried too.
func TestExpiryBehindAnOpenCircuit(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.config.Expire, w.config.RetryDelays = time.Hour, []time.Duration{50 * time.Minute}
		w.start()
		var ids []string
		for range 30 {
			ids = append(ids, w.report().ID)
			synctest.Wait()
		}
		w.wait(time.Hour - time.Second)
		w.expect(ids[29], models.Pending, "", 0)
		w.wait(expireEvery + time.Second)
		w.expect(ids[29], models.Failed, models.ReasonExpired, 0)
		if n, err := w.store.PendingDeliveries(t.Context(), w.webhook.ID); err != nil || n != 0 || !w.now().CircuitOpen() {
			t.Errorf("%d are pending, the circuit is open: %v, %v", n, w.now().CircuitOpen(), err)
		}
	})
}

// A redelivery has all the time again.
func TestExpiryCountsFromTheLastRedelivery(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.config.DisableAfter = 1000 * time.Hour
		w.start()
		d := w.report()
		for i := range 2 {
			w.wait(100 * time.Hour)
			w.expect(d.ID, models.Failed, models.Reason5xx, 11*(i+1))
			if err := w.store.Redeliver(t.Context(), storetest.Shell, w.stack, d.ID); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		w.enable(false)
		w.wait(168*time.Hour - time.Second)
		w.expect(d.ID, models.Pending, models.Reason5xx, 23)
		w.wait(expireEvery + time.Second)
		w.expect(d.ID, models.Failed, models.ReasonExpired, 23)
	})
}

func TestManyExpire(t *testing.T) {
	inWorld(t, always(500), func(t *testing.T, w *world) {
		w.config.Expire, w.config.RetryDelays = time.Hour, []time.Duration{2 * time.Minute}
		w.start()
		first := w.report()
		synctest.Wait()
		run := w.delivery(first.ID).RunID
		w.store.OnCommit(func() {}) // the engine is not told of these
		for range expireBatch + 10 {
			storetest.State(t, w.store, w.stack, run, models.Planning)
		}
		w.edit(models.WebhookForm{Endpoint: endpoint, Enabled: false})
		w.wait(time.Hour + expireEvery)
		n, err := w.store.PendingDeliveries(t.Context(), w.webhook.ID)
		if err != nil || n != 0 {
			t.Errorf("%d deliveries are still pending (%v)", n, err)
		}
	})
}
