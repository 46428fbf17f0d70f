package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// hcpStart is when the runs of these tests are created.
var hcpStart = time.Date(2026, time.October, 6, 14, 30, 0, 0, time.UTC)

// hcp is a notification of a run, so many seconds after it was created.
func hcp(run, trigger, status string, after int) models.HCPNotification {
	return models.HCPNotification{
		RunID: run, Message: "Add a subnet", CreatedBy: "ada", CreatedAt: hcpStart, Trigger: trigger, RunStatus: status,
		At: hcpStart.Add(time.Duration(after) * time.Second),
	}
}

// theRun is the notifications of one run, in order.
func theRun(run string) []models.HCPNotification {
	return []models.HCPNotification{
		hcp(run, "run:created", "pending", 0), hcp(run, "run:planning", "planning", 0), hcp(run, "run:needs_attention", "planned", 20),
		hcp(run, "run:applying", "applying", 60), hcp(run, "run:completed", "applied", 90),
	}
}

var theStates = []models.State{models.Queued, models.Planning, models.Unconfirmed, models.Applying, models.Finished}

// statesOf are the states that the run went through.
func statesOf(t *testing.T, s *store.Store, stack models.Stack, n models.HCPNotification) (run models.Run, went []models.State) {
	t.Helper()
	run, err := s.Run(t.Context(), stack, n.OurRun())
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		went = append(went, e.State)
	}
	return run, went
}

func receive(t *testing.T, s *store.Store, stack models.Stack, n models.HCPNotification) models.NotificationOutcome {
	t.Helper()
	kept, err := s.ReceiveHCP(t.Context(), stack, n, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return kept.Outcome
}

func TestNotificationsOfARun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		all := theRun("run-1")
		for i, n := range all {
			want := models.NotificationRecorded
			if i == 0 {
				want = models.NotificationStarted
			}
			if got := receive(t, s, stack, n); got != want {
				t.Errorf("%s: %s", n.Trigger, got)
			}
			if got := receive(t, s, stack, n); got != models.NotificationRepeated {
				t.Errorf("%s again: %s", n.Trigger, got)
			}
		}
		for _, n := range all[:4] {
			if got := receive(t, s, stack, n); got != models.NotificationEnded {
				t.Errorf("%s after the end: %s", n.Trigger, got)
			}
		}
		run, went := statesOf(t, s, stack, all[0])
		if !slices.Equal(went, theStates) || run.StateVersion != 4 || run.StateAt != hcpStart.Unix()+90 || run.CreatedAt != hcpStart.Unix() ||
			run.TriggeredBy != "ada" || run.Commit != (models.Commit{Message: "Add a subnet"}) || run.Branch != "" {
			t.Errorf("%v, %+v", went, run)
		}
		if jobs := storetest.Claim(t, s, "me"); len(jobs) != 1 { // the others wait for the first
			t.Errorf("%d deliveries are due", len(jobs))
		}
		if page, err := s.Notifications(t.Context(), stack, models.InletHCP, store.Page{}); err != nil || len(page.Rows) != 14 {
			t.Errorf("%d are kept, %v", len(page.Rows), err)
		}
	})
}

// In whatever order the notifications of a run come, it ends in its last state, and never goes back.
func TestNotificationsInEveryOrder(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	stack := storetest.Stack(t, s, "a")
	number := 0
	var permute func(done, left []int)
	permute = func(done, left []int) {
		if len(left) > 0 {
			for i := range left {
				permute(append(slices.Clone(done), left[i]), slices.Concat(left[:i], left[i+1:]))
			}
			return
		}
		number++
		all := theRun(fmt.Sprintf("run-%d", number))
		for _, i := range done {
			receive(t, s, stack, all[i])
		}
		run, went := statesOf(t, s, stack, all[0])
		if run.State != models.Finished || went[0] != theStates[done[0]] {
			t.Errorf("%v: %v", done, went)
		}
		for i, state := range went[1:] {
			if slices.Index(theStates, state) <= slices.Index(theStates, went[i]) {
				t.Errorf("%v: it goes back: %v", done, went)
			}
		}
	}
	permute(nil, []int{0, 1, 2, 3, 4})
	if number != 120 {
		t.Errorf("%d orders", number)
	}
}

// Notifications that come at once, each several times, are judged one after the other.
func TestNotificationsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		all := theRun("run-1")
		var wait sync.WaitGroup
		var mu sync.Mutex
		outcomes := map[models.NotificationOutcome]int{}
		for range 4 {
			for _, n := range all {
				wait.Go(func() {
					kept, err := s.ReceiveHCP(t.Context(), stack, n, []byte("{}"))
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					outcomes[kept.Outcome]++
				})
			}
		}
		wait.Wait()
		run, went := statesOf(t, s, stack, all[0])
		if run.State != models.Finished || outcomes[models.NotificationStarted] != 1 || outcomes[models.NotificationRecorded] != len(went)-1 {
			t.Errorf("%v: %v", went, outcomes)
		}
	})
}

// A run of another stack with the same id there is another run; and so is one that a pipeline reports.
func TestRunsOfInletsBelongToTheirStack(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
	n := hcp("run-1", "run:planning", "planning", 1)
	for _, stack := range []models.Stack{a, b} {
		if got := receive(t, s, stack, n); got != models.NotificationStarted {
			t.Errorf("in %s: %s", stack.ID, got)
		}
	}
	if got := receive(t, s, a, hcp("run-1", "run:errored", "canceled", 2)); got != models.NotificationRecorded {
		t.Error(got)
	}
	if run, _ := statesOf(t, s, b, n); run.State != models.Planning {
		t.Errorf("the other stack's run is %s", run.State)
	}
	// What does not fit a run is kept, and no run comes of it.
	for _, n := range []models.HCPNotification{hcp("run-2", "run:invented", "applied", 1), hcp("", "run:planning", "planning", 1), hcp("run-2", "verification", "", 0)} {
		if got := receive(t, s, a, n); got != models.NotificationKept && got != models.NotificationVerified {
			t.Errorf("%s: %s", n.Trigger, got)
		}
	}
	if runs, err := s.Runs(t.Context(), a, store.Page{}); err != nil || len(runs.Rows) != 1 {
		t.Errorf("%d runs, %v", len(runs.Rows), err)
	}
	if _, err := s.Notifications(t.Context(), a, models.InletHCP, store.Page{Older: "x"}); err == nil || !strings.Contains(err.Error(), "cursor") {
		t.Error(err)
	}
}
