package store_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestOneStateChangeIsClaimedSentAndRecorded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "spacelift-demo")
		w := storetest.Webhook(t, s, stack, "https://Example.com", "secret")
		rec := storetest.Run(t, s, stack)
		if len(rec.Deliveries) != 1 {
			t.Fatalf("deliveries: %v", rec.Deliveries)
		}
		second := storetest.State(t, s, stack, rec.Run.ID, models.Planning)
		jobs := storetest.Claim(t, s, "me")
		if len(jobs) != 1 || jobs[0].Delivery.ID != rec.Deliveries[0] || jobs[0].Delivery.Attempt != 1 || len(jobs[0].Payload) == 0 {
			t.Fatalf("claimed %+v", jobs)
		}
		target, err := s.Target(t.Context(), w.ID, 0)
		if err != nil || target.Secret != "secret" || target.Webhook.EndpointURL != "https://example.com/" {
			t.Fatalf("target %+v, %v", target, err)
		}
		_, err = s.RecordAttempt(t.Context(), "me", models.Attempt{DeliveryID: jobs[0].Delivery.ID, Number: 1, StartedAt: time.Now(), Code: 204, Total: time.Millisecond},
			store.Outcome{Status: models.Delivered})
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Delivery(t.Context(), stack, rec.Deliveries[0])
		if err != nil || d.Status != models.Delivered || d.FirstDelivered.IsZero() || d.Code != 204 {
			t.Fatalf("delivery %+v, %v", d, err)
		}
		jobs = storetest.Claim(t, s, "me")
		if len(jobs) != 1 || jobs[0].Delivery.ID != second.Deliveries[0] {
			t.Fatalf("claimed then %+v", jobs)
		}
		page, err := s.Deliveries(t.Context(), models.Viewer{User: &models.User{Role: models.Administrator}}, store.DeliveryFilter{Stack: &stack}, store.Page{})
		if err != nil || len(page.Rows) != 2 || page.Rows[0].StackID != stack.ID || page.Rows[0].EndpointHost != "example.com" {
			t.Fatalf("log %+v, %v", page, err)
		}
		attempts, err := s.Attempts(t.Context(), d)
		if err != nil || len(attempts) != 1 || attempts[0].Code != 204 {
			t.Fatalf("attempts %+v, %v", attempts, err)
		}
		sums, err := s.StackSummaries(t.Context(), models.Viewer{User: &models.User{Role: models.Administrator}})
		if err != nil || len(sums) != 1 || sums[0].Run == nil || len(sums[0].Last) != 2 {
			t.Fatalf("summaries %+v, %v", sums, err)
		}
	})
}

func TestWhatAReceiverSentComesBackByteForByte(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		rec := storetest.Run(t, s, stack)
		job := storetest.Claim(t, s, "me")[0]
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		sent := models.Exchange{ResponseHeaders: []models.Header{{Name: "X-\xff", Value: string(every)}, {Name: "Server", Value: "grün"}}, ResponseBody: every}
		_, err := s.RecordAttempt(t.Context(), "me", models.Attempt{
			DeliveryID: job.Delivery.ID, Number: 1, StartedAt: time.Now(), Reason: models.ReasonTLS, Cause: models.CauseExpired, Exchange: sent,
		}, store.Outcome{Status: models.Failed, Reason: models.ReasonTLS})
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Delivery(t.Context(), stack, rec.Deliveries[0])
		if err != nil {
			t.Fatal(err)
		}
		attempts, err := s.Attempts(t.Context(), d)
		if err != nil || len(attempts) != 1 {
			t.Fatal(attempts, err)
		}
		if a := attempts[0]; a.Reason != models.ReasonTLS || a.Cause != models.CauseExpired {
			t.Errorf("the reason is %q, its cause %q", a.Reason, a.Cause)
		}
		got := attempts[0].Exchange
		if !slices.Equal(got.ResponseHeaders, sent.ResponseHeaders) || !bytes.Equal(got.ResponseBody, every) || got.RequestHeaders != nil {
			t.Errorf("got %+v", got)
		}
	})
}
