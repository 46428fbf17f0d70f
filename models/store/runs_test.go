package store_test

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func ptr[T any](v T) *T { return &v }

var administrator = models.Viewer{User: &models.User{Role: models.Administrator}}

func TestWebhooksFireForTheirStackOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		storetest.Webhook(t, s, a, "https://example.com/", "")
		if rec := storetest.Run(t, s, b); len(rec.Deliveries) != 0 {
			t.Errorf("a run of b made %v", rec.Deliveries)
		}
		if rec := storetest.Run(t, s, a); len(rec.Deliveries) != 1 {
			t.Errorf("a run of a made %v", rec.Deliveries)
		}
	})
}

func TestARepeatGivesTheFirstAnswerAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/1", "")
		off, err := s.CreateWebhook(t.Context(), storetest.Shell, stack, models.WebhookForm{Endpoint: "https://example.com/2"})
		if err != nil {
			t.Fatal(err)
		}
		report := models.RunReport{ID: ptr("01EF9PFPNFFM2MQXTJKHK1B869"), Branch: ptr("main")}
		first, err := s.StartRun(t.Context(), stack, report)
		if err != nil || len(first.Deliveries) != 1 {
			t.Fatal(first, err)
		}
		planning := models.StateReport{State: models.Planning, StateVersion: ptr(int64(1)), Delta: &models.Delta{Added: 2}}
		second, err := s.RecordState(t.Context(), stack, first.Run.ID, planning)
		if err != nil {
			t.Fatal(err)
		}
		// What happens meanwhile does not change the answers: the skipped one is redelivered, a webhook is added.
		if _, err := s.UpdateWebhook(t.Context(), storetest.Shell, stack, off.ID, models.WebhookForm{Endpoint: off.Endpoint, Enabled: true}); err != nil {
			t.Fatal(err)
		}
		log, err := s.Deliveries(t.Context(), administrator, store.DeliveryFilter{Stack: &stack, Status: models.Skipped}, store.Page{})
		if err != nil || len(log.Rows) != 2 {
			t.Fatal(log, err)
		}
		for _, d := range log.Rows {
			if err := s.Redeliver(t.Context(), storetest.Shell, stack, d.ID); err != nil {
				t.Fatal(err)
			}
		}
		storetest.Webhook(t, s, stack, "https://example.com/3", "")

		again, err := s.StartRun(t.Context(), stack, report)
		if err != nil || !again.Repeated || !slices.Equal(again.Deliveries, first.Deliveries) || again.Event.State != models.Queued {
			t.Errorf("run: %+v, %v", again, err)
		}
		again, err = s.RecordState(t.Context(), stack, first.Run.ID, planning)
		if err != nil || !again.Repeated || !slices.Equal(again.Deliveries, second.Deliveries) || again.Event.ID != second.Event.ID {
			t.Errorf("state: %+v, %v", again, err)
		}
		var conflict *models.Conflict
		report.Branch = ptr("other")
		if _, err := s.StartRun(t.Context(), stack, report); !errors.As(err, &conflict) || conflict.Field != "branch" {
			t.Errorf("another branch: %v", err)
		}
		if _, err := s.StartRun(t.Context(), storetest.Stack(t, s, "b"), report); err != nil {
			t.Errorf("the same id in another stack: %v", err)
		}
	})
}

func TestOfManyThatReportTheSameOneWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		run := storetest.Run(t, s, stack).Run
		var stored, repeats, conflicts atomic.Int32
		var wait sync.WaitGroup
		for i := range 50 {
			wait.Go(func() {
				state := models.Planning
				if i%5 == 0 {
					state = models.Applying
				}
				rec, err := s.RecordState(t.Context(), stack, run.ID, models.StateReport{State: state, StateVersion: ptr(int64(1))})
				var conflict *models.Conflict
				switch {
				case errors.As(err, &conflict):
					conflicts.Add(1)
				case err != nil:
					t.Error(err)
				case rec.Repeated:
					repeats.Add(1)
				default:
					stored.Add(1)
				}
			})
		}
		wait.Wait()
		if stored.Load() != 1 || repeats.Load()+conflicts.Load() != 49 {
			t.Errorf("%d stored, %d repeats, %d conflicts", stored.Load(), repeats.Load(), conflicts.Load())
		}
		if events, err := s.Events(t.Context(), run); err != nil || len(events) != 2 {
			t.Errorf("%d events, %v", len(events), err)
		}
	})
}

func TestThePayloadIsFixedWhenTheStateChanges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		rec := storetest.Run(t, s, stack)
		stack.Name = "Renamed"
		if err := s.UpdateStack(t.Context(), storetest.Shell, stack); err != nil {
			t.Fatal(err)
		}
		jobs := storetest.Claim(t, s, "me")
		if len(jobs) != 1 || !bytes.Contains(jobs[0].Payload, []byte(`"name":"a"`)) {
			t.Errorf("%+v", jobs)
		}
		next := storetest.State(t, s, stack, rec.Run.ID, models.Planning)
		event, err := s.Event(t.Context(), next.Event.ID)
		if err != nil || !bytes.Contains(event.Payload, []byte(`"name":"Renamed"`)) || !bytes.Contains(event.Payload, []byte(`"labels":[]`)) {
			t.Errorf("%s, %v", event.Payload, err)
		}
	})
}

func TestTheLastDeltaStaysWithTheRun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		run := storetest.Run(t, s, stack).Run
		if _, err := s.RecordState(t.Context(), stack, run.ID, models.StateReport{State: models.Unconfirmed, Delta: &models.Delta{Added: 3}}); err != nil {
			t.Fatal(err)
		}
		rec := storetest.State(t, s, stack, run.ID, models.Applying)
		event, err := s.Event(t.Context(), rec.Event.ID)
		if err != nil || !bytes.Contains(event.Payload, []byte(`"delta":{"added":3,`)) || event.Delta != nil || event.StateVersion != 2 {
			t.Errorf("%s, %+v, %v", event.Payload, event, err)
		}
	})
}

func TestPagesOfAList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		var ids []string
		for range 7 {
			ids = append(ids, storetest.Run(t, s, stack).Run.ID)
		}
		slices.Reverse(ids)
		names := func(l store.Listing[models.Run]) (got []string) {
			for _, r := range l.Rows {
				got = append(got, r.ID)
			}
			return got
		}
		list := func(p store.Page) store.Listing[models.Run] {
			t.Helper()
			l, err := s.Runs(t.Context(), stack, p)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		one := list(store.Page{Limit: 3})
		two := list(store.Page{Limit: 3, Older: one.Older})
		three := list(store.Page{Limit: 3, Older: two.Older})
		back := list(store.Page{Limit: 3, Newer: two.Newer})
		for name, c := range map[string]struct {
			page         store.Listing[models.Run]
			want         []string
			older, newer bool
		}{
			"first": {one, ids[:3], true, false}, "second": {two, ids[3:6], true, true}, "third": {three, ids[6:], false, true}, "back": {back, ids[:3], true, false},
		} {
			if !slices.Equal(names(c.page), c.want) || (c.page.Older != "") != c.older || (c.page.Newer != "") != c.newer {
				t.Errorf("%s: %v older %q newer %q, want %v", name, names(c.page), c.page.Older, c.page.Newer, c.want)
			}
		}
		var invalid models.Invalid
		if _, err := s.Runs(t.Context(), stack, store.Page{Older: "x' OR 1"}); !errors.As(err, &invalid) {
			t.Errorf("a cursor of no list: %v", err)
		}
	})
}
