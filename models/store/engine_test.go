package store_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func record(t *testing.T, s *store.Store, owner string, job store.Job, o store.Outcome) {
	t.Helper()
	_, err := s.RecordAttempt(t.Context(), owner, models.Attempt{
		DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: time.Now(), Reason: o.Reason, Total: time.Millisecond,
	}, o)
	if err != nil {
		t.Fatal(err)
	}
}

func delivery(t *testing.T, s *store.Store, stack models.Stack, id string) models.Delivery {
	t.Helper()
	d, err := s.Delivery(t.Context(), stack, id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAFirstAttemptWaitsForThoseOfEarlierStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		run := storetest.Run(t, s, stack)
		storetest.State(t, s, stack, run.Run.ID, models.Planning)
		other := storetest.Run(t, s, stack)

		jobs := storetest.Claim(t, s, "me")
		if len(jobs) != 2 || jobs[0].Delivery.ID != run.Deliveries[0] || jobs[1].Delivery.ID != other.Deliveries[0] {
			t.Fatalf("claimed %+v", jobs)
		}
		if again := storetest.Claim(t, s, "me"); len(again) != 0 {
			t.Fatalf("claimed while the first is in flight: %+v", again)
		}
		// The first attempt fails: its retry is later, and the next state may go.
		record(t, s, "me", jobs[0], store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(5 * time.Second)})
		next := storetest.Claim(t, s, "me")
		if len(next) != 1 || next[0].Delivery.StateVersion != 1 {
			t.Fatalf("claimed then %+v", next)
		}
	})
}

func TestWhenTheNextFallsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		request := store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: 10, MostPerWebhook: 10, MaxTries: 11}
		if c, err := s.Claim(t.Context(), request); err != nil || !c.Next.IsZero() {
			t.Errorf("nothing waits, but %v, %v", c.Next, err)
		}
		storetest.Run(t, s, stack)
		jobs := storetest.Claim(t, s, "me")
		due := time.Now().Add(5 * time.Second)
		record(t, s, "me", jobs[0], store.Outcome{Status: models.Pending, Reason: models.ReasonReset, DueAt: due})
		if c, err := s.Claim(t.Context(), request); err != nil || !c.Next.Equal(due) {
			t.Errorf("next %v, want %v, %v", c.Next, due, err)
		}
		time.Sleep(5*time.Second - time.Microsecond)
		if jobs := storetest.Claim(t, s, "me"); len(jobs) != 0 {
			t.Error("claimed too early")
		}
		time.Sleep(time.Microsecond)
		if jobs := storetest.Claim(t, s, "me"); len(jobs) != 1 || jobs[0].Delivery.Attempt != 2 {
			t.Errorf("claimed %+v", jobs)
		}
	})
}

func TestLimitsOfAClaim(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		a := storetest.Webhook(t, s, stack, "https://example.com/a", "")
		storetest.Webhook(t, s, stack, "https://example.com/b", "")
		for range 5 {
			storetest.Run(t, s, stack)
		}
		for name, c := range map[string]struct {
			most, perWebhook int
			held             map[string]int
			want             int
		}{
			"none":            {0, 8, nil, 0},
			"most":            {3, 8, nil, 3},
			"a webhook busy":  {100, 2, map[string]int{a.ID: 2}, 2},
			"a webhook's two": {100, 1, nil, 2},
		} {
			claimed, err := s.Claim(t.Context(), store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: c.most, MostPerWebhook: c.perWebhook, Held: c.held, MaxTries: 11})
			jobs := claimed.Jobs
			if err != nil || len(jobs) != c.want {
				t.Errorf("%s: %d jobs, want %d, %v", name, len(jobs), c.want, err)
			}
			for _, j := range jobs {
				if err := s.Release(t.Context(), "me", j); err != nil {
					t.Fatal(err)
				}
			}
		}
		if jobs := storetest.Claim(t, s, "me"); len(jobs) != 10 || jobs[0].Delivery.Attempt != 1 {
			t.Errorf("after all numbers were handed back: %d jobs, %+v", len(jobs), jobs[0].Delivery)
		}
	})
}

// A webhook with much to send takes no other's turn, and what the others leave is not left.
func TestAClaimIsShared(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for name, due := range map[string]int{"much": 20, "too": 20, "some": 3, "one": 1} {
			stack := storetest.Stack(t, s, name)
			storetest.Webhook(t, s, stack, "https://example.com/"+name, "")
			for range due {
				storetest.Run(t, s, stack)
			}
		}
		c, err := s.Claim(t.Context(), store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: 20, MostPerWebhook: 15, MaxTries: 11})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, j := range c.Jobs {
			got[j.Delivery.WebhookID]++
		}
		want := []int{1, 3, 8, 8}
		if counts := slices.Sorted(maps.Values(got)); !slices.Equal(counts, want) {
			t.Errorf("claimed %v of the webhooks, want %v", counts, want)
		}
		if len(c.Full) != 2 || !c.Left {
			t.Errorf("of %v more may be due, left %v; want two webhooks", c.Full, c.Left)
		}
	})
}

func TestAnExpiredLeaseIsAnInterruptedAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		rec := storetest.Run(t, s, stack)
		lost := storetest.Claim(t, s, "crashed")[0]
		time.Sleep(time.Minute)
		var told []models.Delivery
		s.OnLost(func(d models.Delivery) { told = append(told, d) })
		job := storetest.Claim(t, s, "me")[0]
		if len(told) != 1 || told[0].ID != rec.Deliveries[0] || told[0].Attempt != 1 || told[0].Reason != models.ReasonInterrupted {
			t.Errorf("told of %+v, want the interrupted attempt", told)
		}
		if job.Delivery.Attempt != 2 || job.Delivery.Tries != 1 {
			t.Fatalf("claimed %+v", job.Delivery)
		}
		if held, err := s.Renew(t.Context(), lost.Delivery.ID, "crashed", 1, time.Minute); err != nil || held {
			t.Errorf("the old owner renewed: %t, %v", held, err)
		}
		if held, err := s.Renew(t.Context(), job.Delivery.ID, "me", 2, time.Minute); err != nil || !held {
			t.Errorf("the new owner did not: %t, %v", held, err)
		}
		// The old owner's failure comes late and changes its own attempt only.
		record(t, s, "crashed", lost, store.Outcome{Status: models.Failed, Reason: models.Reason4xx})
		d := delivery(t, s, stack, rec.Deliveries[0])
		attempts, err := s.Attempts(t.Context(), d)
		if err != nil || d.Status != models.Pending || d.LeaseOwner != "me" || len(attempts) != 1 || attempts[0].Reason != models.Reason4xx {
			t.Errorf("%+v, %+v, %v", d, attempts, err)
		}
		// Its success counts: the receiver has it.
		record(t, s, "crashed", lost, store.Outcome{Status: models.Delivered})
		record(t, s, "me", job, store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now()})
		if d := delivery(t, s, stack, rec.Deliveries[0]); d.Status != models.Delivered || d.FirstDelivered.IsZero() {
			t.Errorf("%+v", d)
		}
	})
}

func TestInterruptedAttemptsUseUpTheSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		rec := storetest.Run(t, s, stack)
		for range 11 {
			if jobs := storetest.Claim(t, s, "crashed"); len(jobs) != 1 {
				t.Fatalf("%d jobs", len(jobs))
			}
			if err := s.TakeOver(t.Context(), 11); err != nil {
				t.Fatal(err)
			}
		}
		if jobs := storetest.Claim(t, s, "crashed"); len(jobs) != 0 {
			t.Errorf("a twelfth attempt: %+v", jobs)
		}
		if d := delivery(t, s, stack, rec.Deliveries[0]); d.Status != models.Failed || d.Reason != models.ReasonInterrupted || d.Attempt != 11 {
			t.Errorf("%+v", d)
		}
	})
}
