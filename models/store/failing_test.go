package store_test

import (
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestFailing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		agos := map[string]time.Duration{}
		for host, ago := range map[string]time.Duration{"day": 25 * time.Hour, "week": 160 * time.Hour, "hour": time.Hour, "off": 50 * time.Hour, "well": 0} {
			agos[storetest.Webhook(t, s, stack, "https://"+host+".example.com/", "").ID] = ago
		}
		storetest.Run(t, s, stack)
		var off string
		for _, job := range storetest.Claim(t, s, "me") {
			ago := agos[job.Delivery.WebhookID]
			a := models.Attempt{DeliveryID: job.Delivery.ID, Number: 1, StartedAt: time.Now().Add(-ago), Reason: models.ReasonRefused}
			o := store.Outcome{Status: models.Pending, Reason: models.ReasonRefused, DueAt: time.Now().Add(time.Hour)}
			if ago == 0 {
				a.Reason, a.Code, o = "", 204, store.Outcome{Status: models.Delivered}
			}
			if ago == 50*time.Hour {
				off = job.Delivery.WebhookID
			}
			if _, err := s.RecordAttempt(t.Context(), "me", a, o); err != nil {
				t.Fatal(err)
			}
		}
		form := models.WebhookForm{Endpoint: "https://off.example.com/", Enabled: false}
		if _, err := s.UpdateWebhook(t.Context(), storetest.Shell, stack, off, form); err != nil {
			t.Fatal(err)
		}
		failing, ours, err := s.Failing(t.Context(), 24*time.Hour)
		if err != nil || ours {
			t.Fatal(ours, err)
		}
		var hosts []string
		for _, f := range failing {
			hosts = append(hosts, f.EndpointHost)
			if f.StackID != "a" || f.StackName == "" {
				t.Errorf("%s is on %q %q", f.EndpointHost, f.StackID, f.StackName)
			}
		}
		if want := []string{"week.example.com", "day.example.com"}; !slices.Equal(hosts, want) {
			t.Errorf("failing are %v, want %v", hosts, want)
		}
	})
}
