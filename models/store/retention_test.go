package store_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// deliverAll ends everything that is due.
func deliverAll(t *testing.T, s *store.Store) {
	t.Helper()
	for jobs := storetest.Claim(t, s, "me"); len(jobs) > 0; jobs = storetest.Claim(t, s, "me") {
		for _, j := range jobs {
			record(t, s, "me", j, store.Outcome{Status: models.Delivered})
		}
	}
}

// purgeAll removes what is from before a time, and returns how many deliveries and runs that were. It fails if a walk
// does not end.
func purgeAll(t *testing.T, s *store.Store, before time.Time, most int) (deliveries, runs int) {
	t.Helper()
	const calls = 100
	var last string
	for range calls {
		next, n, err := s.PurgeDeliveries(t.Context(), before, last, most)
		if err != nil {
			t.Fatal(err)
		}
		deliveries += n
		if last = next; last == "" {
			break
		}
	}
	var key int64
	for range calls {
		next, n, err := s.PurgeRuns(t.Context(), before, key, most)
		if err != nil {
			t.Fatal(err)
		}
		runs += n
		if key = next; key == 0 {
			break
		}
	}
	if last != "" || key != 0 {
		t.Fatalf("no end after %d calls: at %q and %d", calls, last, key)
	}
	return deliveries, runs
}

func TestWhatEndedGoesWithAllThatBelongsToIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, all := t.Context(), models.Viewer{User: &models.User{Role: models.Administrator}}
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/a", "")
		storetest.Webhook(t, s, stack, "https://example.com/b", "")
		gone := storetest.Run(t, s, stack)
		storetest.State(t, s, stack, gone.Run.ID, models.Finished)
		stays := storetest.Run(t, s, stack)
		test, err := s.SendTest(ctx, storetest.Shell, stack, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		deliverAll(t, s)
		waits := storetest.State(t, s, stack, stays.Run.ID, models.Planning)
		testEvent := delivery(t, s, stack, test.ID).EventID
		w, err = s.Webhook(ctx, stack, w.ID)
		if err != nil {
			t.Fatal(err)
		}

		if deliveries, runs := purgeAll(t, s, time.Now().Add(time.Hour), 3); deliveries != 7 || runs != 1 {
			t.Errorf("removed %d deliveries, %d runs", deliveries, runs)
		}

		log, err := s.Deliveries(ctx, all, store.DeliveryFilter{}, store.Page{})
		if err != nil || len(log.Rows) != 2 || log.Rows[0].EventID != waits.Event.ID || log.Rows[1].EventID != waits.Event.ID {
			t.Errorf("what waits is not all that is left: %+v, %v", log.Rows, err)
		}
		if attempts, err := s.Attempts(ctx, models.Delivery{ID: gone.Deliveries[0]}); err != nil || len(attempts) != 0 {
			t.Errorf("attempts %+v, %v", attempts, err)
		}
		for name, err := range map[string]error{
			"the run": second(s.Run(ctx, stack, gone.Run.ID)), "its event": second(s.Event(ctx, gone.Event.ID)),
			"its delivery": second(s.Delivery(ctx, stack, gone.Deliveries[0])), "the test's event": second(s.Event(ctx, testEvent)),
		} {
			if !errors.Is(err, models.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		// The run that stays keeps its states, without payloads that nobody is sent any more.
		for id, kept := range map[string]bool{stays.Event.ID: false, waits.Event.ID: true} {
			if e, err := s.Event(ctx, id); err != nil || len(e.Payload) > 0 != kept {
				t.Errorf("payload of %d bytes, %v", len(e.Payload), err)
			}
		}
		if after, err := s.Webhook(ctx, stack, w.ID); err != nil || after.LastDeliveredAt.IsZero() || !after.LastDeliveredAt.Equal(w.LastDeliveredAt) {
			t.Errorf("last delivered %v, %v", after.LastDeliveredAt, err)
		}
		if jobs := storetest.Claim(t, s, "me"); len(jobs) != 2 || len(jobs[0].Payload) == 0 {
			t.Errorf("claimed %+v", jobs)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestReportsOfWhatIsGone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		ended, waiting := storetest.Run(t, s, stack), storetest.Run(t, s, stack)
		jobs := storetest.Claim(t, s, "me")
		for _, j := range jobs {
			record(t, s, "me", j, store.Outcome{Status: models.Failed, Reason: models.Reason4xx})
		}
		storetest.State(t, s, stack, waiting.Run.ID, models.Planning)
		purgeAll(t, s, time.Now().Add(time.Hour), 100)

		// The first state of a run that is still there is repeated as before, though what was sent of it is gone.
		again, err := s.StartRun(t.Context(), stack, models.RunReport{ID: &waiting.Run.ID})
		if err != nil || !again.Repeated || again.Event.ID != waiting.Event.ID || len(again.Deliveries) != 0 {
			t.Errorf("%+v, %v", again, err)
		}
		if _, err := s.RecordState(t.Context(), stack, ended.Run.ID, models.StateReport{State: models.Planning}); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a state of a run that is gone: %v", err)
		}
		again, err = s.StartRun(t.Context(), stack, models.RunReport{ID: &ended.Run.ID})
		if err != nil || again.Repeated || len(again.Deliveries) != 1 {
			t.Errorf("a run that is gone does not start anew: %+v, %v", again, err)
		}
		// A result that comes so late finds nothing to change.
		record(t, s, "me", jobs[0], store.Outcome{Status: models.Delivered})
		if _, err := s.Delivery(t.Context(), stack, jobs[0].Delivery.ID); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a late result brought its delivery back: %v", err)
		}
	})
}

func TestAWalkPassesWhatStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		var ids []string
		for range 5 {
			ids = append(ids, storetest.Run(t, s, stack).Deliveries...)
		}
		deliverAll(t, s)
		for _, id := range ids[:2] {
			if err := s.Redeliver(t.Context(), storetest.Shell, stack, id); err != nil {
				t.Fatal(err)
			}
		}
		before := time.Now().Add(time.Hour)
		var last string
		for i, want := range []struct {
			last    string
			removed int
		}{{ids[1], 0}, {ids[3], 2}, {"", 1}} {
			next, n, err := s.PurgeDeliveries(t.Context(), before, last, 2)
			if err != nil || next != want.last || n != want.removed {
				t.Errorf("batch %d: removed %d up to %q, %v, want %+v", i, n, next, err, want)
			}
			last = next
		}
		deliverAll(t, s) // the next round finds them
		if n, _ := purgeAll(t, s, before, 2); n != 2 {
			t.Errorf("removed %d", n)
		}
	})
}

func TestWhatIsYoungerStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		s := storetest.New(t)
		bare, sends := storetest.Stack(t, s, "without-webhooks"), storetest.Stack(t, s, "sends")
		storetest.Webhook(t, s, sends, "https://example.com/", "")
		old, lively := storetest.Run(t, s, bare), storetest.Run(t, s, bare)
		sent, late := storetest.Run(t, s, sends), storetest.Run(t, s, sends)
		for _, j := range storetest.Claim(t, s, "me") {
			o := store.Outcome{Status: models.Delivered}
			if j.Delivery.RunID == late.Run.ID {
				o = store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now().Add(8 * day)}
			}
			record(t, s, "me", j, o)
		}
		time.Sleep(8 * day)
		storetest.State(t, s, bare, lively.Run.ID, models.Planning)
		deliverAll(t, s) // what was late ends now
		young := storetest.Run(t, s, sends)
		deliverAll(t, s)
		time.Sleep(time.Minute)

		if deliveries, runs := purgeAll(t, s, time.Now().Add(-4*day), 10); deliveries != 1 || runs != 2 {
			t.Errorf("removed %d deliveries, %d runs", deliveries, runs)
		}
		for name, c := range map[string]struct {
			stack models.Stack
			run   store.Recorded
			gone  bool
		}{"old": {bare, old, true}, "lively": {bare, lively, false}, "sent": {sends, sent, true}, "late": {sends, late, false}, "young": {sends, young, false}} {
			if _, err := s.Run(t.Context(), c.stack, c.run.Run.ID); errors.Is(err, models.ErrNotFound) != c.gone {
				t.Errorf("%s: %v", name, err)
			}
		}
		if e, err := s.Event(t.Context(), old.Event.ID); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("an event without deliveries outlived its run: %+v, %v", e, err)
		}
	})
}

func TestARunWithManyStatesGoesAlone(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	stack := storetest.Stack(t, s, "a")
	for _, states := range []int{2, 9, 1, 1} {
		run := storetest.Run(t, s, stack).Run
		for range states - 1 {
			storetest.State(t, s, stack, run.ID, models.Planning)
		}
	}
	var key int64
	for i, want := range []int{1, 1, 2} {
		next, n, err := s.PurgeRuns(t.Context(), time.Now().Add(time.Hour), key, 5)
		if err != nil || n != want || next == 0 != (i == 2) {
			t.Errorf("batch %d: removed %d, %v, want %d; at %d", i, n, err, want, next)
		}
		key = next
	}
}

func TestOldAuditRecordsGo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "secret")
		if _, err := s.RevealSecret(t.Context(), storetest.Shell, stack, w.ID); err != nil {
			t.Fatal(err)
		}
		if n, err := s.PurgeAudit(t.Context(), time.Now().Add(-time.Minute), 2); err != nil || n != 0 {
			t.Errorf("removed %d, %v", n, err)
		}
		for _, want := range []int{2, 1, 0} {
			if n, err := s.PurgeAudit(t.Context(), time.Now().Add(time.Minute), 2); err != nil || n != want {
				t.Errorf("removed %d, %v, want %d", n, err, want)
			}
		}
		if views, err := s.Reveals(t.Context(), w); err != nil || len(views) != 0 {
			t.Errorf("%+v, %v", views, err)
		}
	})
}
