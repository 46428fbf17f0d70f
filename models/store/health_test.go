package store_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestAWebhooksHealthCountsTheLastDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		attempt := func(o store.Outcome) string {
			t.Helper()
			rec := storetest.Run(t, s, stack)
			record(t, s, "me", storetest.Claim(t, s, "me")[0], o)
			return rec.Deliveries[0]
		}
		attempt(store.Outcome{Status: models.Delivered})
		time.Sleep(25 * time.Hour)
		attempt(store.Outcome{Status: models.Delivered})
		attempt(store.Outcome{Status: models.Failed, Reason: models.ReasonDNS})
		if _, err := s.SendTest(t.Context(), storetest.Shell, stack, w.ID); err != nil { // waits, and is none of these
			t.Fatal(err)
		}
		record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(time.Hour)})
		retried := attempt(store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(time.Hour)})
		storetest.Run(t, s, stack)

		h, err := s.WebhookHealth(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		if want := (store.DayTally{Delivered: 1, Failed: 1, Retrying: 1, Waiting: 1}); h.Day != want {
			t.Errorf("the day is %+v, want %+v", h.Day, want)
		}
		if want := []models.Status{models.Delivered, models.Delivered, models.Failed, models.Pending, models.Pending}; !slices.Equal(h.Last, want) {
			t.Errorf("the last are %v, want %v", h.Last, want)
		}
		if h.LastFailure == nil || h.LastFailure.ID != retried || h.LastFailure.Reason != models.Reason5xx || h.LastFailure.ClaimedAt.IsZero() {
			t.Errorf("the last failure is %+v", h.LastFailure)
		}
		if h.Waiting != 3 || h.Skipped != 0 {
			t.Errorf("%d wait, %d skipped", h.Waiting, h.Skipped)
		}
	})
}

// Behind an open circuit what was tried is older than all that the strip shows.
func TestAFailingWebhookTellsWhyThoughManyWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		tried := storetest.Run(t, s, stack).Deliveries[0]
		record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{
			Status: models.Pending, Reason: models.ReasonRefused, DueAt: time.Now().Add(time.Hour),
		})
		for range store.StripLength {
			storetest.Run(t, s, stack)
		}
		w, err := s.Webhook(t.Context(), stack, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		h, err := s.WebhookHealth(t.Context(), w)
		if err != nil || h.LastFailure == nil || h.LastFailure.ID != tried || h.LastFailure.Reason != models.ReasonRefused {
			t.Errorf("the last failure is %+v, %v", h.LastFailure, err)
		}
	})
}

func TestADisabledWebhookTellsWhatItSkippedAndWhoDidIt(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	stack := storetest.Stack(t, s, "a")
	w := storetest.Webhook(t, s, stack, "https://example.com/", "")
	ada := models.Actor{Kind: models.ActorUser, ID: 7, Name: "Ada", Address: "198.51.100.7"}
	set := func(enabled bool) {
		t.Helper()
		for ms := time.Now().UnixMilli(); time.Now().UnixMilli() == ms; { // ids tell milliseconds
		}
		var err error
		if w, err = s.UpdateWebhook(t.Context(), ada, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint, Enabled: enabled}); err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	storetest.Run(t, s, stack)
	set(true)
	set(false)
	storetest.Run(t, s, stack)
	storetest.Run(t, s, stack)

	h, err := s.WebhookHealth(t.Context(), w)
	if err != nil || h.Skipped != 2 || h.Day.Skipped != 3 {
		t.Errorf("skipped %d since then, %d today, %v", h.Skipped, h.Day.Skipped, err)
	}
	if by, err := s.DisabledBy(t.Context(), w); err != nil || by != ada {
		t.Errorf("disabled by %+v, %v", by, err)
	}
	off, err := s.CreateWebhook(t.Context(), storetest.Shell, stack, models.WebhookForm{Endpoint: "https://example.com/off"})
	if err != nil {
		t.Fatal(err)
	}
	if by, err := s.DisabledBy(t.Context(), off); err != nil || by != storetest.Shell {
		t.Errorf("added disabled by %+v, %v", by, err)
	}
}
