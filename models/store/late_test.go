package store_test

import (
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// Deleting a webhook ends what waits in memory to be sent. Its number was never an attempt.
func TestWhatADeletionEndedIsHandedBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		job := storetest.Claim(t, s, "me")[0]
		if err := s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.Release(t.Context(), "me", job); err != nil {
			t.Fatal(err)
		}
		d := delivery(t, s, stack, job.Delivery.ID)
		if d.Reason != models.ReasonWebhookDeleted || d.Attempt != 0 || !d.DueAt.IsZero() || d.LeaseOwner != "" {
			t.Errorf("%+v; want it ended without an attempt", d)
		}
	})
}
