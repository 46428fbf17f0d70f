package main

import (
	"bytes"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A redelivery begins at once, is worked off at its speed, and the next one begins as it does; what cannot be worked off is
// told of and does not hold up the others.
func TestRedeliveriesAreWorkedOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		const n = 25
		for range n {
			storetest.Run(t, s, stack)
		}
		var said bytes.Buffer
		go redeliverer{s, slog.New(slog.NewTextHandler(&said, nil))}.keep(t.Context())
		synctest.Wait()
		for _, perSecond := range []int{10, 5} {
			began := time.Now()
			r, _, err := s.StartRedelivery(t.Context(), storetest.Shell, store.RedeliveryOrder{
				ID: models.NewID(began), Filter: store.DeliveryFilter{Stack: &stack}, PerSecond: perSecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(n * time.Second / time.Duration(2*perSecond))
			synctest.Wait()
			if half, err := s.Redelivery(t.Context(), nil, r.ID); err != nil || half.Sent < n/2 || half.Sent > n/2+2 || half.State != models.RedeliveryRunning {
				t.Errorf("%d a second, half-way: %+v, %v", perSecond, half, err)
			}
			time.Sleep(n * time.Second / time.Duration(2*perSecond))
			synctest.Wait()
			if end, err := s.Redelivery(t.Context(), nil, r.ID); err != nil || end.Sent != n || end.State != models.RedeliveryDone {
				t.Errorf("%d a second, at the end: %+v, %v", perSecond, end, err)
			}
		}
		if said.Len() > 0 {
			t.Errorf("it says %s", said.String())
		}
	})
}

func TestRedeliveringGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "stackhook.db")
		s := storetest.Open(t, path)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		start := func(f store.DeliveryFilter) models.Redelivery {
			t.Helper()
			r, _, err := s.StartRedelivery(t.Context(), storetest.Shell, store.RedeliveryOrder{ID: models.NewID(time.Now()), Filter: f, PerSecond: 10})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		broken := start(store.DeliveryFilter{})
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`UPDATE redeliveries SET filter = 'no filter'`); err != nil {
			t.Fatal(err)
		}
		well := start(store.DeliveryFilter{Stack: &stack})
		var said bytes.Buffer
		go redeliverer{s, slog.New(slog.NewTextHandler(&said, nil))}.keep(t.Context())
		time.Sleep(time.Second)
		synctest.Wait()
		if r, err := s.Redelivery(t.Context(), nil, well.ID); err != nil || r.State != models.RedeliveryDone {
			t.Errorf("%+v, %v", r, err)
		}
		if !strings.Contains(said.String(), broken.ID) {
			t.Errorf("it says %q", said.String())
		}
	})
}
