package store_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// total is what a viewer is told of the last hour.
func total(t *testing.T, s *store.Store, v models.Viewer, of store.TallyScope) models.Tally {
	t.Helper()
	tallies, err := s.Tallies(t.Context(), v, of, models.Spans[0], time.Now())
	if err != nil || len(tallies) != models.Spans[0].Of {
		t.Fatalf("%d steps, %v", len(tallies), err)
	}
	var sum models.Tally
	for _, tally := range tallies {
		sum.Add(tally)
	}
	return sum
}

// ends is what a tally counts, without times.
func ends(t models.Tally) [3]int64 { return [3]int64{t.Delivered, t.Failed, t.Skipped} }

// Every way in which a delivery ends is counted once.
func TestEveryEndIsCounted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for name, c := range map[string]struct {
			end  func(t *testing.T, stack models.Stack, w models.Webhook)
			want [3]int64
		}{
			"delivered": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Delivered})
			}, [3]int64{1, 0, 0}},
			"failed": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Failed, Reason: models.Reason5xx})
			}, [3]int64{0, 1, 0}},
			"to be tried again": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(time.Hour)})
			}, [3]int64{}},
			"delivered twice": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				job := storetest.Claim(t, s, "me")[0]
				record(t, s, "me", job, store.Outcome{Status: models.Delivered})
				if err := s.Redeliver(t.Context(), storetest.Shell, stack, job.Delivery.ID); err != nil {
					t.Fatal(err)
				}
				record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Delivered})
			}, [3]int64{2, 0, 0}},
			"recorded twice": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				job := storetest.Claim(t, s, "me")[0]
				record(t, s, "me", job, store.Outcome{Status: models.Delivered})
				record(t, s, "me", job, store.Outcome{Status: models.Delivered})
			}, [3]int64{1, 0, 0}},
			"cut short for good": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				lost, last := store.ClaimRequest{Owner: "lost", Lease: -time.Second, Most: 1, MostPerWebhook: 1, MaxTries: 11}, store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: 1, MostPerWebhook: 1, MaxTries: 1}
				for _, r := range []store.ClaimRequest{lost, last} {
					if _, err := s.Claim(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
			}, [3]int64{0, 1, 0}},
			"late, and given up before": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				job := storetest.Claim(t, s, "me")[0]
				if err := s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil {
					t.Fatal(err)
				}
				record(t, s, "me", job, store.Outcome{Status: models.Failed, Reason: models.Reason5xx})
			}, [3]int64{0, 1, 0}},
			"expired": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				if n, err := s.Expire(t.Context(), -time.Second, 10); err != nil || n != 1 {
					t.Fatalf("%d expired, %v", n, err)
				}
			}, [3]int64{0, 1, 0}},
			"skipped": {func(t *testing.T, stack models.Stack, w models.Webhook) {
				if _, err := s.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint}); err != nil {
					t.Fatal(err)
				}
				storetest.Run(t, s, stack)
			}, [3]int64{0, 0, 1}},
		} {
			t.Run(name, func(t *testing.T) {
				stack := storetest.Stack(t, s, strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", ""))
				w := storetest.Webhook(t, s, stack, "https://example.com/", "")
				storetest.Run(t, s, stack)
				c.end(t, stack, w)
				if got := ends(total(t, s, administrator, store.TallyScope{Stack: &stack, Webhook: w.ID})); got != c.want {
					t.Errorf("delivered, failed, skipped: %v, want %v", got, c.want)
				}
				if err := s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil && name != "late, and given up before" {
					t.Fatal(err)
				}
			})
		}
	})
}

func TestTestsAreNotCounted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		sendTest(t, s, stack, storetest.Webhook(t, s, stack, "https://example.com/", ""))
		record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Delivered})
		if got := total(t, s, administrator, store.TallyScope{}); got.Total() != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// A viewer is told of the stacks that they read.
func TestTalliesAreOfWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		first, second := storetest.Webhook(t, s, a, "https://example.com/1", ""), storetest.Webhook(t, s, a, "https://example.com/2", "")
		storetest.Webhook(t, s, b, "https://example.com/", "")
		for _, stack := range []models.Stack{a, a, b} {
			storetest.Run(t, s, stack)
			for _, job := range storetest.Claim(t, s, "me") {
				o := store.Outcome{Status: models.Delivered}
				if job.Delivery.WebhookID == second.ID {
					o = store.Outcome{Status: models.Failed, Reason: models.Reason5xx}
				}
				record(t, s, "me", job, o)
			}
		}
		for name, c := range map[string]struct {
			viewer models.Viewer
			of     store.TallyScope
			want   [3]int64
		}{
			"all stacks":             {administrator, store.TallyScope{}, [3]int64{3, 2, 0}},
			"a stack":                {administrator, store.TallyScope{Stack: &a}, [3]int64{2, 2, 0}},
			"a webhook":              {administrator, store.TallyScope{Stack: &a, Webhook: first.ID}, [3]int64{2, 0, 0}},
			"a reader with a grant":  {models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{b.Key}}, store.TallyScope{}, [3]int64{1, 0, 0}},
			"a reader without":       {models.Viewer{User: &models.User{Role: models.Reader}}, store.TallyScope{}, [3]int64{}},
			"a webhook of a foreign": {models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{b.Key}}, store.TallyScope{Webhook: first.ID}, [3]int64{}},
		} {
			if got := ends(total(t, s, c.viewer, c.of)); got != c.want {
				t.Errorf("%s: delivered, failed, skipped: %v, want %v", name, got, c.want)
			}
		}
	})
}

// What ended is in the step in which it ended, in every span, and leaves with the last span that shows it.
func TestTalliesInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		for range 3 {
			storetest.Run(t, s, stack)
			record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Delivered})
			time.Sleep(40 * time.Minute)
		}
		purged := 0
		for _, want := range []struct {
			after time.Duration
			shown [4]int64
		}{
			{0, [4]int64{1, 3, 3, 3}},
			{12 * time.Hour, [4]int64{0, 3, 3, 3}},
			{36 * time.Hour, [4]int64{0, 0, 3, 3}},
			{8 * 24 * time.Hour, [4]int64{0, 0, 0, 3}},
			{30 * 24 * time.Hour, [4]int64{}},
		} {
			time.Sleep(want.after)
			n, err := s.PurgeTallies(t.Context(), time.Now(), 100)
			if err != nil {
				t.Fatal(err)
			}
			purged += n
			var shown [4]int64
			for i, span := range models.Spans {
				tallies, err := s.Tallies(t.Context(), administrator, store.TallyScope{}, span, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				for _, tally := range tallies {
					shown[i] += tally.Delivered
				}
			}
			if shown != want.shown {
				t.Errorf("after %v more: %v, want %v", want.after, shown, want.shown)
			}
		}
		if purged < 8 { // three minutes, three half-hours, a quarter and a day, or two where one ended in between
			t.Errorf("%d rows were removed", purged)
		}
	})
}
