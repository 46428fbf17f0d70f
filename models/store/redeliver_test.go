package store_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestDisabledWebhooksSkipAndKeep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "secret")
		before := storetest.Run(t, s, stack)
		toggle := func(enabled bool) {
			t.Helper()
			if _, err := s.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint, Enabled: enabled}); err != nil {
				t.Fatal(err)
			}
		}
		toggle(false)
		if during := storetest.State(t, s, stack, before.Run.ID, models.Planning); len(during.Deliveries) != 0 {
			t.Errorf("announced %v", during.Deliveries)
		}
		if jobs := storetest.Claim(t, s, "me"); len(jobs) != 0 {
			t.Errorf("claimed %d of a disabled webhook", len(jobs))
		}
		test, err := s.SendTest(t.Context(), storetest.Shell, stack, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		if jobs := storetest.Claim(t, s, "me"); len(jobs) != 1 || jobs[0].Delivery.ID != test.ID || !jobs[0].Delivery.Test {
			t.Errorf("the test: %+v", jobs)
		}
		toggle(true)
		jobs := storetest.Claim(t, s, "me")
		if len(jobs) != 1 || jobs[0].Delivery.ID != before.Deliveries[0] {
			t.Errorf("after enabling again: %+v", jobs)
		}
		log, err := s.Deliveries(t.Context(), administrator, store.DeliveryFilter{Stack: &stack, Status: models.Skipped}, store.Page{})
		if err != nil || len(log.Rows) != 1 || log.Rows[0].Reason != models.ReasonWebhookDisabled {
			t.Errorf("%+v, %v", log, err)
		}
	})
}

func TestA410DisablesTheWebhook(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		waiting := storetest.Run(t, s, stack)
		job := storetest.Claim(t, s, "me")[0]
		gone := store.Outcome{Status: models.Failed, Reason: models.ReasonGone, Disable: models.DisabledByGone}
		for _, want := range []models.DisabledWhy{models.DisabledByGone, ""} { // the second time it changes nothing
			why, err := s.RecordAttempt(t.Context(), "me", models.Attempt{DeliveryID: job.Delivery.ID, Number: 1, StartedAt: time.Now(), Reason: gone.Reason}, gone)
			if err != nil || why != want {
				t.Errorf("it says that it disabled by %q, %v; want %q", why, err, want)
			}
		}
		w, err := s.Webhook(t.Context(), stack, w.ID)
		if err != nil || w.Enabled || w.DisabledWhy != models.DisabledByGone || w.DisabledAt.IsZero() || w.Failures != 1 {
			t.Errorf("%+v, %v", w, err)
		}
		if d := delivery(t, s, stack, waiting.Deliveries[0]); d.Status != models.Pending {
			t.Errorf("the other one: %+v", d)
		}
	})
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		rec := storetest.Run(t, s, stack)
		id := rec.Deliveries[0]
		job := storetest.Claim(t, s, "me")[0]
		var refused *models.Refused
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, id); !errors.As(err, &refused) {
			t.Errorf("in flight: %v", err)
		}
		record(t, s, "me", job, store.Outcome{Status: models.Delivered})
		first := delivery(t, s, stack, id).FirstDelivered
		time.Sleep(time.Hour)
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, id); err != nil {
			t.Fatal(err)
		}
		d := delivery(t, s, stack, id)
		if d.Status != models.Pending || d.Tries != 0 || d.Attempt != 1 || d.RedeliveredBy != "test" || !d.FirstDelivered.Equal(first) {
			t.Errorf("%+v", d)
		}
		job = storetest.Claim(t, s, "me")[0]
		if job.Delivery.Attempt != 2 {
			t.Errorf("attempt %d", job.Delivery.Attempt)
		}
		record(t, s, "me", job, store.Outcome{Status: models.Failed, Reason: models.Reason4xx})
		if d := delivery(t, s, stack, id); !d.FirstDelivered.Equal(first) || d.Status != models.Failed {
			t.Errorf("%+v", d)
		}
		if _, err := s.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint}); err != nil {
			t.Fatal(err)
		}
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, id); !errors.As(err, &refused) {
			t.Errorf("disabled: %v", err)
		}
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		old := storetest.Run(t, s, stack).Deliveries[0]
		again := storetest.Run(t, s, stack).Deliveries[0]
		time.Sleep(100 * time.Hour)
		if err := s.Redeliver(t.Context(), storetest.Shell, stack, again); err != nil {
			t.Fatal(err)
		}
		time.Sleep(68*time.Hour + time.Second)
		if n, err := s.Expire(t.Context(), 168*time.Hour, 100); err != nil || n != 1 {
			t.Errorf("expired %d, %v", n, err)
		}
		if d := delivery(t, s, stack, old); d.Status != models.Failed || d.Reason != models.ReasonExpired {
			t.Errorf("%+v", d)
		}
		if d := delivery(t, s, stack, again); d.Status != models.Pending {
			t.Errorf("%+v", d)
		}
	})
}

func TestFiveTestsAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		for range 5 {
			if _, err := s.SendTest(t.Context(), storetest.Shell, stack, w.ID); err != nil {
				t.Fatal(err)
			}
		}
		var refused *models.Refused
		if _, err := s.SendTest(t.Context(), storetest.Shell, stack, w.ID); !errors.As(err, &refused) {
			t.Errorf("the sixth: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := s.SendTest(t.Context(), storetest.Shell, stack, w.ID); err != nil {
			t.Error(err)
		}
	})
}
