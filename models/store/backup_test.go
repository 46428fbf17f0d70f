package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestABackupWhileOthersWrite(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	database, file := filepath.Join(from, "stackhook.db"), filepath.Join(to, "stackhook.db")
	s := storetest.Open(t, database)
	stack := storetest.Stack(t, s, "a")
	w := storetest.Webhook(t, s, stack, "https://example.com/", "the secret")
	rec := storetest.Run(t, s, stack)

	size := backUpUnderWrites(t, s, stack, database, file)
	info, err := os.Stat(file)
	if err != nil || info.Size() != size || info.Mode() != 0o600 {
		t.Fatalf("%v, %v, said to have %d bytes", info, err, size)
	}
	if left, err := os.ReadDir(to); err != nil || len(left) != 1 {
		t.Errorf("beside the copy: %v, %v", left, err)
	}
	if state := integrity(t, file); state != "ok" {
		t.Error(state)
	}

	copyFile(t, filepath.Join(from, "stackhook.key"), filepath.Join(to, "stackhook.key"))
	restored := storetest.Open(t, file)
	found, err := restored.Webhook(t.Context(), stack, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := restored.Secret(found); err != nil || secret != "the secret" {
		t.Errorf("the secret is %q, %v", secret, err)
	}
	if d := delivery(t, restored, stack, rec.Deliveries[0]); d.Status != models.Pending {
		t.Errorf("%+v", d)
	}
	if again, err := restored.StartRun(t.Context(), stack, models.RunReport{ID: &rec.Run.ID}); err != nil || !again.Repeated {
		t.Errorf("%+v, %v", again, err)
	}
	storetest.Run(t, restored, stack)
}

// backUpUnderWrites copies the database while runs are reported, and returns the copy's size.
func backUpUnderWrites(t *testing.T, s *store.Store, stack models.Stack, database, file string) int64 {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	written := make(chan struct{})
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.StartRun(t.Context(), stack, models.RunReport{}); err != nil {
					t.Error(err)
				}
				select {
				case written <- struct{}{}:
				case <-ctx.Done():
				}
			}
		})
	}
	for range 20 {
		<-written
	}
	go func() { // the writers go on while it is copied
		for range written {
		}
	}()
	size, err := store.Backup(t.Context(), database, file)
	stop()
	writers.Wait()
	close(written)
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func integrity(t *testing.T, file string) (state string) {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBackupsThatAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database, there := filepath.Join(dir, "stackhook.db"), filepath.Join(dir, "there")
	if err := storetest.Open(t, database).Close(); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken.db")
	for path, content := range map[string]string{there: "precious", broken: "no database"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	out := t.TempDir()
	for name, c := range map[string]struct {
		ctx            context.Context
		database, file string
		words          string
	}{
		"an existing file":   {t.Context(), database, there, "there already"},
		"the database":       {t.Context(), database, database, "there already"},
		"no folder":          {t.Context(), database, filepath.Join(out, "none", "copy.db"), "there is no folder"},
		"no database":        {t.Context(), filepath.Join(dir, "none.db"), filepath.Join(out, "copy.db"), "there is no database"},
		"not a database":     {t.Context(), broken, filepath.Join(out, "copy.db"), "not a database"},
		"PostgreSQL":         {t.Context(), "postgres://ada:hidden@localhost/stackhook", filepath.Join(out, "copy.db"), "pg_dump"},
		"a signal meanwhile": {ended, database, filepath.Join(out, "copy.db"), "canceled"},
	} {
		_, err := store.Backup(c.ctx, c.database, c.file)
		if err == nil || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if content, err := os.ReadFile(there); err != nil || string(content) != "precious" {
		t.Errorf("%q, %v", content, err)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
