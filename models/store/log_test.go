package store_test

import (
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestALogOfARun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		w := storetest.Webhook(t, s, a, "https://example.com/", "")
		other := storetest.Webhook(t, s, b, "https://example.com/", "")
		run := storetest.Run(t, s, a).Run.ID
		storetest.State(t, s, a, run, models.Planning)
		if _, err := s.StartRun(t.Context(), b, models.RunReport{ID: &run}); err != nil { // ids are a stack's own
			t.Fatal(err)
		}
		storetest.Run(t, s, a)
		test, err := s.SendTest(t.Context(), storetest.Shell, a, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		reader := models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{b.Key}}
		for _, c := range []struct {
			what   string
			v      models.Viewer
			filter store.DeliveryFilter
			want   int
		}{
			{"of all stacks", administrator, store.DeliveryFilter{Run: run}, 3},
			{"of those that somebody reads", reader, store.DeliveryFilter{Run: run}, 1},
			{"of one stack", administrator, store.DeliveryFilter{Run: run, Stack: &a}, 2},
			{"of one stack, in a state", administrator, store.DeliveryFilter{Run: run, Stack: &a, State: models.Planning}, 1},
			{"of one webhook", administrator, store.DeliveryFilter{Run: run, Stack: &a, Webhook: w.ID}, 2},
			{"of a test", administrator, store.DeliveryFilter{Run: test.RunID, Stack: &a}, 1},
			{"of a test in another state", administrator, store.DeliveryFilter{Run: test.RunID, Stack: &a, State: models.Planning}, 0},
			{"of a test of another webhook", administrator, store.DeliveryFilter{Run: test.RunID, Webhook: other.ID}, 0},
			{"of a test, of all stacks", administrator, store.DeliveryFilter{Run: test.RunID}, 1},
			{"of a test, of others' stacks", reader, store.DeliveryFilter{Run: test.RunID}, 0},
			{"of a test, of another stack", administrator, store.DeliveryFilter{Run: test.RunID, Stack: &b}, 0},
			{"of no run", administrator, store.DeliveryFilter{Run: models.NewID(test.CreatedAt)}, 0},
		} {
			if log, err := s.Deliveries(t.Context(), c.v, c.filter, store.Page{}); err != nil || len(log.Rows) != c.want {
				t.Errorf("%s: %d, want %d, %v", c.what, len(log.Rows), c.want, err)
			}
		}
	})
}
