package store_test

import (
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A busy webhook's row is not written with every success; trouble is noted at once, and so is its end.
func TestSuccessesOfABusyWebhook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		webhook := storetest.Webhook(t, s, stack, "https://example.com/", "")
		attempt := func(o store.Outcome) models.Webhook {
			storetest.Run(t, s, stack)
			record(t, s, "me", storetest.Claim(t, s, "me")[0], o)
			w, err := s.Webhook(t.Context(), stack, webhook.ID)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		success, failure := store.Outcome{Status: models.Delivered}, store.Outcome{Status: models.Failed, Reason: models.Reason5xx}

		last := attempt(success).LastDeliveredAt
		time.Sleep(100 * time.Millisecond)
		if w := attempt(success); !w.LastDeliveredAt.Equal(last) {
			t.Errorf("100 ms later the row was written again: %v after %v", w.LastDeliveredAt, last)
		}
		time.Sleep(200 * time.Millisecond)
		if w := attempt(success); w.LastDeliveredAt.Sub(last) != 300*time.Millisecond {
			t.Errorf("300 ms later it says %v after %v", w.LastDeliveredAt, last)
		}
		for i := range models.CircuitAfter - 1 {
			if w := attempt(failure); w.Failures != i+1 || w.FailingSince.IsZero() {
				t.Fatalf("after failure %d: %d since %v", i+1, w.Failures, w.FailingSince)
			}
		}
		if w := attempt(success); w.Failures != 0 || !w.FailingSince.IsZero() {
			t.Errorf("after a success at once: %d failures since %v", w.Failures, w.FailingSince)
		}
	})
}
