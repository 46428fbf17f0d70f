package store_test

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// Of many requests at once one notes that their token was used, once a minute, also while that fails.
func TestAUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "stackhook.db")
		s := storetest.Open(t, path)
		text, _, err := s.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeReport})
		if err != nil {
			t.Fatal(err)
		}
		// use makes many requests, and returns how many were told that the note was not stored.
		use := func() int64 {
			var failed atomic.Int64
			var wait sync.WaitGroup
			for range 20 {
				wait.Go(func() {
					v, err := s.TokenViewer(t.Context(), text)
					if v.Token == nil {
						t.Errorf("no viewer: %v", err)
					}
					if err != nil {
						failed.Add(1)
					}
				})
			}
			wait.Wait()
			return failed.Load()
		}
		noted := func(want time.Time) {
			t.Helper()
			tokens, err := s.Tokens(t.Context())
			if err != nil || len(tokens) != 1 || !tokens[0].LastUsedAt.Equal(want) {
				t.Errorf("%+v, want that it was used at %v, %v", tokens, want, err)
			}
		}
		first := time.Now()
		if n := use(); n != 0 {
			t.Errorf("%d failed", n)
		}
		noted(first)
		time.Sleep(time.Minute + time.Second)
		end, err := store.BeginTrouble(s, path, `PRAGMA query_only = on`)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int64{1, 0} {
			if n := use(); n != want {
				t.Errorf("%d failed, want %d", n, want)
			}
			time.Sleep(time.Duration(i) * (time.Minute + time.Second))
		}
		end()
		noted(first)
		last := time.Now()
		if n := use(); n != 0 {
			t.Errorf("%d failed", n)
		}
		noted(last)
	})
}
