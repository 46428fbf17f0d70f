package store_test

import (
	"fmt"
	"slices"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// Each stack has what is its own, and of its deliveries the last ones, the oldest of them first.
func TestStacksAreSummarized(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if none, err := s.StackSummaries(t.Context(), administrator); err != nil || len(none) != 0 {
			t.Errorf("%+v, %v", none, err)
		}
		busy, calm, empty := storetest.Stack(t, s, "b-busy"), storetest.Stack(t, s, "a-calm"), storetest.Stack(t, s, "c-empty")
		for _, stack := range []models.Stack{busy, calm, busy} {
			storetest.Webhook(t, s, stack, "https://example.com/"+models.NewID(stack.CreatedAt), "")
		}
		gone := storetest.Webhook(t, s, busy, "https://example.org/", "")
		if err := s.DeleteWebhook(t.Context(), storetest.Shell, busy, gone.ID); err != nil {
			t.Fatal(err)
		}
		var last store.Recorded
		for i := range store.StackStripLength/2 + 3 {
			last = storetest.Run(t, s, busy)
			for _, job := range storetest.Claim(t, s, "me") {
				o := store.Outcome{Status: models.Delivered}
				if i == 3 {
					o = store.Outcome{Status: models.Failed, Reason: models.Reason5xx}
				}
				record(t, s, "me", job, o)
			}
		}
		of := storetest.Run(t, s, calm)
		sums, err := s.StackSummaries(t.Context(), administrator)
		if err != nil || len(sums) != 3 {
			t.Fatal(sums, err)
		}
		want := slices.Repeat([]models.Status{models.Delivered}, store.StackStripLength)
		want[0], want[1] = models.Failed, models.Failed // the fourth run's: six came before, two a run
		for i, c := range []struct {
			stack    models.Stack
			webhooks int
			last     []models.Status
			run      string
		}{{calm, 1, []models.Status{models.Pending}, of.Run.ID}, {busy, 2, want, last.Run.ID}, {empty, 0, nil, ""}} {
			got, run := sums[i], ""
			if got.Run != nil {
				run = got.Run.ID
			}
			if got.Stack.ID != c.stack.ID || len(got.Webhooks) != c.webhooks || fmt.Sprint(got.Last) != fmt.Sprint(c.last) || run != c.run {
				t.Errorf("%s has %d webhooks, last %v, run %s; want %+v", got.Stack.ID, len(got.Webhooks), got.Last, run, c)
			}
		}
		reader := models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{calm.Key}}
		if sums, err := s.StackSummaries(t.Context(), reader); err != nil || len(sums) != 1 || sums[0].Stack.Key != calm.Key {
			t.Errorf("a reader sees %+v, %v", sums, err)
		}
	})
}
