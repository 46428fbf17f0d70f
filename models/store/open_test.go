package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func open(t *testing.T, o store.Options) (*store.Store, error) {
	t.Helper()
	s, err := store.Open(context.Background(), o)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want an error with %q", err, w)
		}
	}
}

func TestOpeningWhatIsNotThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "no.db")
	_, err := open(t, store.Options{Database: path})
	wantError(t, err, path, "STACKHOOK_DATABASE")
	if _, err := os.Stat(path); err == nil {
		t.Error("a database was made")
	}
	_, err = open(t, store.Options{Database: "postgres://ada:hidden-word@127.0.0.1:1/x"})
	wantError(t, err, "STACKHOOK_DATABASE", "refused")
	if strings.Contains(err.Error(), "hidden-word") {
		t.Errorf("the error holds the password: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("no database "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, store.Options{Database: text})
	wantError(t, err, "not a database")
}

func TestOpeningIsCutOffInGoodOrder(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	_, err := store.Open(ended, store.Options{Database: filepath.Join(t.TempDir(), "stackhook.db"), Create: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestOnlyItsOwnerMayReadTheFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	storetest.Open(t, filepath.Join(dir, "a b?%.db"))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

func TestOneServerADatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	first, err := open(t, store.Options{Database: path, Create: true, Serve: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = open(t, store.Options{Database: path, Serve: true})
	wantError(t, err, path, "in use", "pid")
	if _, err := open(t, store.Options{Database: path}); err != nil {
		t.Errorf("a command is refused beside the server: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, store.Options{Database: path, Serve: true}); err != nil {
		t.Errorf("refused after the first has ended: %v", err)
	}
}

func TestAMissingOrOtherKeyFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, key := filepath.Join(dir, "a.db"), filepath.Join(dir, "stackhook.key")
	s := storetest.Open(t, path)
	if _, err := open(t, store.Options{Database: path}); err != nil {
		t.Fatal(err)
	}
	// Nothing is sealed yet: a lost key is made anew.
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	s2 := storetest.Open(t, path)
	stack := storetest.Stack(t, s2, "a")
	w := storetest.Webhook(t, s2, stack, "https://example.com/", "a secret of somebody")
	_ = s

	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, store.Options{Database: path})
	wantError(t, err, key, "STACKHOOK_KEY_FILE")
	if _, err := os.Stat(key); err == nil {
		t.Error("a key was made although secrets are sealed with another one")
	}
	other := filepath.Join(dir, "other", "b.db")
	storetest.Open(t, other)
	_, err = open(t, store.Options{Database: path, KeyFile: filepath.Join(dir, "other", "stackhook.key")})
	wantError(t, err, "other/stackhook.key", "lacks")
	if err := os.WriteFile(key, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, store.Options{Database: path})
	wantError(t, err, key, "cannot be used")

	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	s3, err := open(t, store.Options{Database: path})
	if err != nil {
		t.Fatal(err)
	}
	if target, err := s3.Target(t.Context(), w.ID, 0); err != nil || target.Secret != "a secret of somebody" {
		t.Errorf("%q, %v", target.Secret, err)
	}
}

func TestSecretsAreSealedInTheFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := storetest.Open(t, filepath.Join(dir, "a.db"))
	stack := storetest.Stack(t, s, "a")
	const secret = "marked-secret-4711"
	w := storetest.Webhook(t, s, stack, "https://example.com/", secret)
	if _, err := s.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: "https://example.com/", Secret: secret + "!", Change: models.ReplaceSecret}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s holds the secret", f)
		}
	}
}

// A migration of large tables takes longer than a statement may otherwise.
func TestMigrationsTakeAsLongAsTheyNeed(t *testing.T) {
	t.Parallel()
	cluster := needs.Postgres(t, "tests on PostgreSQL")
	name, err := cluster.NewDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", cluster.URL(name))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`
		CREATE FUNCTION bounded() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
			IF current_setting('statement_timeout') <> '0' THEN RAISE 'it may take %', current_setting('statement_timeout'); END IF;
		END $$;
		CREATE EVENT TRIGGER bounded ON ddl_command_start EXECUTE FUNCTION bounded()`); err != nil {
		t.Fatal(err)
	}
	s := storetest.OnPostgres(t, store.Options{Database: cluster.URL(name)})
	storetest.Stack(t, s, "a")
}

// Replicas that are started at once on an empty database.
func TestOneAtATimeMigrates(t *testing.T) {
	t.Parallel()
	cluster := needs.Postgres(t, "tests on PostgreSQL")
	name, err := cluster.NewDatabase("")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "stackhook.key")
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			s, err := store.Open(t.Context(), store.Options{Database: cluster.URL(name), KeyFile: key, Create: true})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}
