package store_test

import (
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// What no index tells is looked for among so many deliveries a page, and the page says how far that went.
func TestASearchIsBounded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := fillCrowd(t, s)
		two := models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{c.a.Key, c.b.Key}}
		if err := store.Exec(s, "UPDATE deliveries SET state = 'FINISHED' WHERE id = ? OR id = ?", c.id("A", 1), c.id("A", 2)); err != nil {
			t.Fatal(err)
		}
		// The last that are looked at, downwards and upwards, belong to what was looked at.
		last, lastUp := c.id("A", crowded-store.MaxLooked+2), c.id("A", store.MaxLooked+1)
		if err := store.Exec(s, "UPDATE deliveries SET state = 'CONFIRMED' WHERE id = ? OR id = ?", last, lastUp); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			what   string
			v      models.Viewer
			filter store.DeliveryFilter
			page   store.Page
			want   []string
			to     string
		}{
			{ // one delivery is newer, that of the run
				"nothing near", administrator, store.DeliveryFilter{Stack: &c.a, State: models.Finished}, store.Page{}, nil, c.id("A", crowded-store.MaxLooked+2)},
			{"then the end", administrator, store.DeliveryFilter{Stack: &c.a, State: models.Finished}, store.Page{Older: c.id("A", crowded-store.MaxLooked+2)}, []string{c.id("A", 2), c.id("A", 1)}, ""},
			{"a webhook", administrator, store.DeliveryFilter{Webhook: c.w.ID, State: models.Finished}, store.Page{}, nil, c.id("A", crowded-store.MaxLooked+2)},
			{"upwards", administrator, store.DeliveryFilter{Stack: &c.a, State: models.Finished}, store.Page{Newer: c.id("A", 1)}, []string{c.id("A", 2)}, c.id("A", store.MaxLooked+1)},
			{"upwards to the end", administrator, store.DeliveryFilter{Stack: &c.a, State: models.Finished}, store.Page{Newer: c.id("A", store.MaxLooked)}, nil, ""},
			{"the last one", administrator, store.DeliveryFilter{Stack: &c.a, State: models.Confirmed}, store.Page{}, []string{lastUp, last}, last},
			{"the last one upwards", administrator, store.DeliveryFilter{Stack: &c.a, State: models.Confirmed}, store.Page{Newer: c.id("A", 1)}, []string{lastUp, last}, lastUp},
			{"each of two stacks", two, store.DeliveryFilter{State: models.Finished}, store.Page{}, nil, c.id("B", 102)},
			{"within what an index tells", administrator, store.DeliveryFilter{Stack: &c.a, Status: models.Failed, State: models.Finished}, store.Page{}, nil, ""},
			{"within a time", administrator, store.DeliveryFilter{Stack: &c.a, State: models.Finished, To: time.UnixMicro(1577836800000003)}, store.Page{Older: c.id("A", 4)}, []string{c.id("A", 2), c.id("A", 1)}, ""},
		} {
			l, err := s.Deliveries(t.Context(), x.v, x.filter, x.page)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range l.Rows {
				got = append(got, r.ID)
			}
			on := l.Older
			if x.page.Newer != "" {
				on = l.Newer
			}
			if !slices.Equal(got, x.want) || l.SearchedTo != x.to || x.to != "" && on != x.to {
				t.Errorf("%s: %v, searched to %q and on from %q; want %v and %q", x.what, got, l.SearchedTo, on, x.want, x.to)
			}
		}
		full, err := s.Deliveries(t.Context(), administrator, store.DeliveryFilter{Stack: &c.a, Code: 204}, store.Page{})
		if err != nil || len(full.Rows) != store.PageSize || full.SearchedTo != "" {
			t.Errorf("a full page: %d rows, searched to %q, %v", len(full.Rows), full.SearchedTo, err)
		}
	})
}

// Rows that arrive move nothing: the page after a page begins where that one ended, and the way back leads over what came.
func TestRowsArriveBetweenPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		var want []string
		arrive := func(n int) {
			for range n {
				want = append(want, storetest.Run(t, s, stack).Deliveries...)
			}
		}
		arrive(9)
		f := store.DeliveryFilter{Stack: &stack, Status: models.Pending}
		first, err := s.Deliveries(t.Context(), administrator, f, store.Page{Limit: 4})
		if err != nil {
			t.Fatal(err)
		}
		arrive(3)
		rest, last := walk(t, s, administrator, f, store.Page{Limit: 4, Older: first.Older})
		arrive(2)
		back, _ := walk(t, s, administrator, f, store.Page{Limit: 4, Newer: last.Newer})
		slices.Reverse(want)
		if !slices.Equal(rest, want[len(want)-5:]) || !slices.Equal(back, want[:len(want)-len(last.Rows)]) {
			t.Errorf("after the first page %v, back %v; there are %v", rest, back, want)
		}
	})
}
