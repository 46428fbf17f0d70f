package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func idsOf(rows []store.DeliveryRow) []string {
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

// endAll claims what is due and ends it: the deliveries to that webhook fail, the others arrive.
func endAll(t *testing.T, s *store.Store, bad models.Webhook) {
	t.Helper()
	for _, job := range storetest.Claim(t, s, "me") {
		a := models.Attempt{DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: time.Now(), Code: 204}
		o := store.Outcome{Status: models.Delivered}
		if job.Delivery.WebhookID == bad.ID {
			a.Code, a.Reason = 404, models.Reason4xx
			o = store.Outcome{Status: models.Failed, Reason: models.Reason4xx}
		}
		if _, err := s.RecordAttempt(t.Context(), "me", a, o); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnExportHasEachDeliveryOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://a.example/", "")
		storetest.Webhook(t, s, stack, "https://b.example/", "")
		var want []string
		for range 12 {
			want = append(want, storetest.Run(t, s, stack).Deliveries...)
		}
		slices.Sort(want)
		slices.Reverse(want)
		var got []string
		parts := 0
		err := store.ExportBy(t.Context(), s, administrator, store.DeliveryFilter{Stack: &stack}, 5, func(rows []store.DeliveryRow) error {
			parts++
			got = append(got, idsOf(rows)...)
			storetest.Run(t, s, stack) // arrives meanwhile
			if parts == 2 {
				endAll(t, s, w) // and what is there changes
			}
			if len(rows) > 5 {
				t.Errorf("%d at once", len(rows))
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) || parts < 5 {
			t.Errorf("%v in %d parts:\n%v, want\n%v", err, parts, got, want)
		}
	})
}

func TestAnExportIsWhatTheLogShows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		good, bad := storetest.Webhook(t, s, a, "https://good.example/", ""), storetest.Webhook(t, s, a, "https://bad.example/", "")
		storetest.Webhook(t, s, b, "https://b.example/", "")
		run := storetest.Run(t, s, a)
		for range 5 {
			storetest.Run(t, s, a)
			storetest.Run(t, s, b)
		}
		endAll(t, s, bad)
		between := time.Now()
		for range 5 {
			storetest.State(t, s, a, run.Run.ID, models.Planning)
			storetest.Run(t, s, b)
		}
		everything := 6*2 + 5 + 5*2 + 5
		reader := models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{b.Key}}
		for name, c := range map[string]struct {
			v    models.Viewer
			f    store.DeliveryFilter
			want int
		}{
			"everything":             {administrator, store.DeliveryFilter{}, everything},
			"what somebody reads":    {reader, store.DeliveryFilter{}, 10},
			"nothing that they read": {reader, store.DeliveryFilter{Stack: &a, Webhook: good.ID}, 11},
			"a stack":                {administrator, store.DeliveryFilter{Stack: &a}, 22},
			"a webhook":              {administrator, store.DeliveryFilter{Webhook: bad.ID}, 11},
			"failed":                 {administrator, store.DeliveryFilter{Status: models.Failed}, 6},
			"failed of a stack":      {administrator, store.DeliveryFilter{Stack: &a, Status: models.Failed}, 6},
			"pending of a webhook":   {administrator, store.DeliveryFilter{Webhook: bad.ID, Status: models.Pending}, 5},
			"delivered of a stack":   {administrator, store.DeliveryFilter{Stack: &a, Status: models.Delivered}, 6},
			"a state":                {administrator, store.DeliveryFilter{State: models.Planning}, 10},
			"a code":                 {administrator, store.DeliveryFilter{Stack: &a, Code: 404}, 6},
			"a reason":               {administrator, store.DeliveryFilter{Reason: models.Reason4xx}, 6},
			"a run":                  {administrator, store.DeliveryFilter{Run: run.Run.ID}, 12},
			"a run's failures":       {administrator, store.DeliveryFilter{Run: run.Run.ID, Status: models.Failed}, 1},
			"a delivery":             {administrator, store.DeliveryFilter{ID: run.Deliveries[0]}, 1},
			"since then":             {administrator, store.DeliveryFilter{From: between}, 15},
			"until then":             {administrator, store.DeliveryFilter{To: between, Stack: &a}, 12},
			"no such webhook":        {administrator, store.DeliveryFilter{Webhook: "nothing"}, 0},
			"what is no text":        {administrator, store.DeliveryFilter{Webhook: "\x00"}, 0},
		} {
			log, err := s.Deliveries(t.Context(), c.v, c.f, store.Page{Limit: store.MaxPageSize})
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range []int{1, 2, 3, 200} {
				var got []string
				err := store.ExportBy(t.Context(), s, c.v, c.f, size, func(rows []store.DeliveryRow) error {
					got = append(got, idsOf(rows)...)
					return nil
				})
				if err != nil || !slices.Equal(got, idsOf(log.Rows)) || len(got) != c.want {
					t.Errorf("%s, %d at once: %d deliveries, the log has %d, want %d, %v", name, size, len(got), len(log.Rows), c.want, err)
				}
			}
		}
	})
}

func TestAnExportEndsWithWhoeverTakesIt(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	stack := storetest.Stack(t, s, "a")
	storetest.Webhook(t, s, stack, "https://a.example/", "")
	for range 3 {
		storetest.Run(t, s, stack)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		end  func() error
		want error
	}{
		{func() error { return enough }, enough},
		{func() error { cancel(); return nil }, context.Canceled},
	} {
		taken := 0
		err := store.ExportBy(ctx, s, administrator, store.DeliveryFilter{}, 1, func([]store.DeliveryRow) error { taken++; return c.end() })
		if !errors.Is(err, c.want) || taken != 1 {
			t.Errorf("%v after %d, want %v after 1", err, taken, c.want)
		}
	}
}
