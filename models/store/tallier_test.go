package store_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// deliver has a new run's delivery delivered.
func deliver(t *testing.T, s *store.Store, stack models.Stack) {
	t.Helper()
	storetest.Run(t, s, stack)
	record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Delivered})
}

// written is how many delivered ones the rows of days count, without asking for more to be written.
func written(t *testing.T, s *store.Store) (n int64) {
	t.Helper()
	if err := store.Ask(s, &n, `SELECT COALESCE(SUM(delivered), 0) FROM tallies WHERE step = 86400`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTalliesAreWrittenEachSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		for _, want := range []int64{3, 6} {
			for range 3 {
				deliver(t, s, stack)
			}
			synctest.Wait()
			if n := written(t, s); n != want-3 {
				t.Errorf("%d are written at once, want %d", n, want-3)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if n := written(t, s); n != want {
				t.Errorf("%d are written after a second, want %d", n, want)
			}
		}
	})
}

func TestTalliesAreWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stackhook.db")
	s := storetest.Open(t, path)
	stack := storetest.Stack(t, s, "a")
	storetest.Webhook(t, s, stack, "https://example.com/", "")
	deliver(t, s, stack)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := written(t, storetest.Open(t, path)); n != 1 {
		t.Errorf("%d are written, want 1", n)
	}
}

// What cannot be written is counted later, once.
func TestTalliesOutliveTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "stackhook.db")
		s := storetest.Open(t, path)
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		deliver(t, s, stack)
		end, err := store.BeginTrouble(s, path, "PRAGMA query_only = ON")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if got := total(t, s, administrator, store.TallyScope{}); got.Total() != 0 {
			t.Errorf("%+v, though nothing can be written", got)
		}
		end()
		deliver(t, s, stack)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := written(t, s); n != 2 {
			t.Errorf("%d are written, want 2", n)
		}
	})
}
