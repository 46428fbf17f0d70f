package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// failAs starts a run and ends its deliveries as failed, each as its webhook's entry says; others stay as they are.
func failAs(t *testing.T, s *store.Store, stack models.Stack, endings map[string]models.Attempt) store.Recorded {
	t.Helper()
	rec := storetest.Run(t, s, stack)
	for _, job := range storetest.Claim(t, s, "me") {
		a, fails := endings[job.Delivery.WebhookID]
		if !fails {
			continue
		}
		a.DeliveryID, a.Number, a.StartedAt = job.Delivery.ID, job.Delivery.Attempt, time.Now()
		if _, err := s.RecordAttempt(t.Context(), "me", a, store.Outcome{Status: models.Failed, Reason: a.Reason}); err != nil {
			t.Fatal(err)
		}
	}
	return rec
}

// groupLines are groups as a line each: stack, host, reason, code and count.
func groupLines(f store.Failures) []string {
	lines := []string{}
	for _, g := range f.Groups {
		lines = append(lines, fmt.Sprintln(g.StackID, g.EndpointHost, g.Reason, g.Code, g.Count))
	}
	return lines
}

func TestFailuresAreGroupedByWhatWentWrong(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		start := time.Now()
		a, b, c := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b"), storetest.Stack(t, s, "c")
		w1, w2 := storetest.Webhook(t, s, a, "https://one.example/", ""), storetest.Webhook(t, s, a, "https://two.example/x", "")
		w3, w4 := storetest.Webhook(t, s, b, "https://three.example/", ""), storetest.Webhook(t, s, c, "https://four.example/", "")
		storetest.Webhook(t, s, a, "https://never-fails.example/", "")
		notFound, busy := models.Attempt{Reason: models.Reason4xx, Code: 404}, models.Attempt{Reason: models.Reason5xx, Code: 503}
		slow := models.Attempt{Reason: models.ReasonTimeout}
		failAs(t, s, a, map[string]models.Attempt{w1.ID: notFound, w2.ID: busy})
		failAs(t, s, a, map[string]models.Attempt{w1.ID: {Reason: models.Reason4xx, Code: 401}, w2.ID: busy})
		failAs(t, s, a, map[string]models.Attempt{w1.ID: slow, w2.ID: busy})
		newest := failAs(t, s, a, map[string]models.Attempt{w1.ID: slow, w2.ID: busy})
		failAs(t, s, b, map[string]models.Attempt{w3.ID: busy})
		failAs(t, s, c, map[string]models.Attempt{w4.ID: busy})
		// What answered before and then does not is one thing, not one for each answer.
		if err := store.Exec(s, `UPDATE deliveries SET code = 500 WHERE id = ?`, newest.Deliveries[0]); err != nil {
			t.Fatal(err)
		}
		ofA := []string{"a two.example status_5xx 503 4\n", "a one.example timeout 0 2\n", "a one.example status_4xx 401 1\n", "a one.example status_4xx 404 1\n"}
		ofB, ofC := "b three.example status_5xx 503 1\n", "c four.example status_5xx 503 1\n"
		ofAll := []string{ofA[0], ofA[1], ofC, ofB, ofA[2], ofA[3]}
		reader := func(grants ...int64) models.Viewer {
			return models.Viewer{User: &models.User{Role: models.Reader}, Grants: grants}
		}
		for name, x := range map[string]struct {
			v     models.Viewer
			stack *models.Stack
			from  time.Time
			want  []string
		}{
			"a stack":              {administrator, &a, start, ofA},
			"all":                  {administrator, nil, start, ofAll},
			"what somebody reads":  {reader(b.Key, a.Key), nil, start, []string{ofA[0], ofA[1], ofB, ofA[2], ofA[3]}},
			"nothing that is read": {reader(), nil, start, []string{}},
			"a token's stack":      {models.Viewer{Token: &models.Token{StackKey: c.Key}}, nil, start, []string{ofC}},
			"nothing since":        {administrator, nil, time.Now().Add(time.Minute), []string{}},
		} {
			f, err := s.Failures(t.Context(), x.v, x.stack, x.from)
			if err != nil || !slices.Equal(groupLines(f), x.want) || f.More || !f.Back.IsZero() || f.Any != (name != "nothing that is read") {
				t.Errorf("%s: %v %q, want %q", name, err, groupLines(f), x.want)
			}
		}
		f, err := s.Failures(t.Context(), administrator, &a, start)
		if err != nil {
			t.Fatal(err)
		}
		g := f.Groups[1]
		if g.Newest.ID != newest.Deliveries[0] || g.Newest.State != models.Queued || g.Endpoint != "https://one.example/" || g.WebhookID != w1.ID || g.StackName != "a" {
			t.Errorf("%+v", g)
		}
		if !g.FirstAt.After(start) || !g.FirstAt.Before(g.LastAt) || !g.LastAt.Equal(g.Newest.EndedAt) {
			t.Errorf("from %s to %s", g.FirstAt, g.LastAt)
		}
	})
}

func TestTheNewestFailuresAreLookedThrough(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		w1, w2 := storetest.Webhook(t, s, a, "https://one.example/", ""), storetest.Webhook(t, s, b, "https://two.example/", "")
		busy := models.Attempt{Reason: models.Reason5xx, Code: 503}
		var recs []store.Recorded
		for i := range 8 { // a, b, a, b …
			recs = append(recs, failAs(t, s, []models.Stack{a, b}[i%2], map[string]models.Attempt{w1.ID: busy, w2.ID: busy}))
		}
		reader := models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{a.Key, b.Key}}
		one, two := "a one.example status_5xx 503 %d\n", "b two.example status_5xx 503 %d\n"
		for _, c := range []struct {
			v     models.Viewer
			stack *models.Stack
			most  int
			back  int // to which run, which is too old; -1: all were looked through
			want  []string
		}{
			{administrator, nil, 3, 4, []string{fmt.Sprintf(two, 2), fmt.Sprintf(one, 1)}},
			{reader, nil, 3, 5, []string{fmt.Sprintf(two, 1), fmt.Sprintf(one, 1)}}, // each stack has its part
			{administrator, nil, 8, -1, []string{fmt.Sprintf(two, 4), fmt.Sprintf(one, 4)}},
			{reader, nil, 7, 1, []string{fmt.Sprintf(two, 3), fmt.Sprintf(one, 3)}},
			{administrator, &a, 3, 0, []string{fmt.Sprintf(one, 3)}},
			{administrator, &a, 4, -1, []string{fmt.Sprintf(one, 4)}},
		} {
			f, err := store.FailuresAmong(t.Context(), s, c.v, c.stack, c.most)
			if err != nil || !slices.Equal(groupLines(f), c.want) {
				t.Errorf("%d of %v: %v %q, want %q", c.most, c.stack, err, groupLines(f), c.want)
			}
			want := time.Time{}
			if c.back >= 0 {
				d, err := s.Delivery(t.Context(), []models.Stack{a, b}[c.back%2], recs[c.back].Deliveries[0])
				if err != nil {
					t.Fatal(err)
				}
				want = d.EndedAt
			}
			if !f.Back.Equal(want) {
				t.Errorf("%d of %v: back to %s, want %s", c.most, c.stack, f.Back, want)
			}
		}
	})
}

// A test fails before the eyes of whoever sent it. Charts leave tests out, too.
func TestTestsAreNoFailures(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://one.example/", "")
		busy := map[string]models.Attempt{w.ID: {Reason: models.Reason5xx, Code: 503}}
		test, err := s.SendTest(t.Context(), storetest.Shell, stack, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Failed, Reason: models.Reason5xx})
		if d, err := s.Delivery(t.Context(), stack, test.ID); err != nil || d.Status != models.Failed {
			t.Fatalf("the test is %s, %v", d.Status, err)
		}
		if f, err := s.Failures(t.Context(), administrator, nil, time.Time{}); err != nil || len(f.Groups) != 0 || f.Any {
			t.Errorf("before any: %+v, %v", f, err)
		}
		failAs(t, s, stack, busy)
		for _, of := range []*models.Stack{nil, &stack} {
			// One is among the newest one, and the test is not too old.
			if f, err := store.FailuresAmong(t.Context(), s, administrator, of, 1); err != nil || len(f.Groups) != 1 || f.Groups[0].Count != 1 || !f.Back.IsZero() {
				t.Errorf("of %v: %+v, %v", of, f, err)
			}
		}
	})
}

func TestOnlySoManyGroupsAreShown(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	stack := storetest.Stack(t, s, "a")
	endings := map[string]models.Attempt{}
	for i := range store.FailureGroups + 1 {
		endings[storetest.Webhook(t, s, stack, fmt.Sprintf("https://%d.example/", i), "").ID] = models.Attempt{Reason: models.ReasonDNS}
	}
	failAs(t, s, stack, endings)
	f, err := s.Failures(t.Context(), administrator, &stack, time.Time{})
	if err != nil || !f.More || len(f.Groups) != store.FailureGroups {
		t.Errorf("%v, %d groups, more: %v", err, len(f.Groups), f.More)
	}
}
