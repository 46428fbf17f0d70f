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

// The connection that made checkpoints takes the place of the one that writes when that broke.
func TestAnyConnectionCommitsAfterACheckpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "stackhook.db")
		s := storetest.Open(t, path)
		storetest.Stack(t, s, "a")
		time.Sleep(time.Minute)
		synctest.Wait()
		end, err := store.BeginTrouble(s, path, `PRAGMA query_only = on`)
		if err != nil {
			t.Fatal(err)
		}
		end()
		if _, err := s.CreateStack(t.Context(), storetest.Shell, models.Stack{ID: "b", Name: "b", Labels: []string{}}); err != nil {
			t.Error(err)
		}
	})
}
