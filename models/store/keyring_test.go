package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A server that runs seals and opens with the new key as soon as it meets it, without looking regularly.
func TestAnUnknownKeyMakesTheFileBeReadAgain(t *testing.T) {
	t.Parallel()
	eachVault(t, 2, func(t *testing.T, v *vault) {
		running := v.open(v.options) // it is no server, and so looks only when it must
		id := v.rotate()
		v.check(running)
		w := storetest.Webhook(t, running, v.stack, "https://example.com/new", "new")
		if got := store.SealedWith(w.SecretSealed); got != id {
			t.Errorf("sealed with %d, want %d", got, id)
		}
		id = v.rotate()
		w, err := running.UpdateWebhook(t.Context(), storetest.Shell, v.stack, w.ID, // before it opens anything
			models.WebhookForm{Endpoint: "https://example.com/new", Secret: "newer", Change: models.ReplaceSecret, Enabled: true})
		if err != nil || store.SealedWith(w.SecretSealed) != id {
			t.Errorf("%+v, %v", w, err)
		}
		v.secrets[w.ID] = "newer"
		v.check(v.store)
	})
}

// What has an older file cannot store what nobody else could open, nor open what is newer. It says so, and goes on once it
// has the file.
func TestAnOldKeyFileLosesNothing(t *testing.T) {
	t.Parallel()
	eachVault(t, 2, func(t *testing.T, v *vault) {
		old := v.options
		old.KeyFile = copyKeys(t, v.options.KeyFile)
		running := v.open(old)
		v.rotate()
		webhooks, err := running.Webhooks(t.Context(), v.stack)
		if err != nil {
			t.Fatal(err)
		}
		_, err = running.Secret(webhooks[0])
		wantError(t, err, "put the newest key file in its place", webhooks[0].ID)
		form := models.WebhookForm{Endpoint: "https://example.com/new", Secret: "new", Enabled: true}
		_, err = running.CreateWebhook(t.Context(), storetest.Shell, v.stack, form)
		if wantError(t, err, "retired"); !errors.Is(err, models.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		form.Endpoint, form.Change = webhooks[0].Endpoint, models.ReplaceSecret
		_, err = running.UpdateWebhook(t.Context(), storetest.Shell, v.stack, webhooks[0].ID, form)
		wantError(t, err, "retired")
		v.check(v.store)
		_, err = open(t, old)
		wantError(t, err, old.KeyFile, "lacks")

		copyFile(t, v.options.KeyFile, old.KeyFile)
		v.check(running)
		w := storetest.Webhook(t, running, v.stack, "https://example.com/new", "new")
		v.secrets[w.ID] = "new"
		v.check(v.store)
	})
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	eachVault(t, 2, func(t *testing.T, v *vault) {
		first := v.keys(v.store)[0].ID
		before := copyKeys(t, v.options.KeyFile)
		died := errors.New("killed")
		_, err := store.RotateUntil(t.Context(), v.store, storetest.Shell, func(string) {}, func(point string) error {
			if strings.Contains(point, "to have key") {
				return died
			}
			return nil
		})
		if !errors.Is(err, died) {
			t.Fatal(err)
		}
		between := copyKeys(t, v.options.KeyFile)
		second := v.rotate()
		if first == second {
			t.Fatal(first)
		}
		text, err := os.ReadFile(v.options.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		write := func(name string, text []byte) string {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		other := v.options
		other.Database, other.KeyFile = filepath.Join(t.TempDir(), "other.db"), filepath.Join(t.TempDir(), "other.key")
		v.open(other)
		sameID, err := os.ReadFile(other.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		sameID = regexp.MustCompile(`("(?:keyId|primaryKeyId)":\s*)\d+`).ReplaceAll(sameID, []byte("${1}"+strconv.FormatInt(second, 10)))
		for name, c := range map[string]struct {
			path  string
			words []string
		}{
			"from before":           {before, []string{"lacks", strconv.FormatInt(second, 10)}},
			"from the middle":       {between, []string{"from before a rotation", strconv.FormatInt(first, 10)}},
			"another server's":      {other.KeyFile, []string{"lacks"}},
			"another key of the id": {write("same.key", sameID), []string{"does not open what key " + strconv.FormatInt(second, 10)}},
			"cut off":               {write("cut.key", text[:len(text)/2]), []string{"cannot be used"}},
			"nothing":               {filepath.Join(t.TempDir(), "none.key"), []string{"there is no key file"}},
		} {
			o := v.options
			o.KeyFile = c.path
			_, err := open(t, o)
			t.Log(name, err)
			wantError(t, err, append(c.words, c.path)...)
		}
		// A server that runs says what is wrong with the file, and goes on.
		server := v.serve(v.options.KeyFile)
		copyFile(t, other.KeyFile, v.options.KeyFile)
		for wrong := ""; wrong == ""; {
			replicas, err := v.store.Replicas(t.Context())
			if err != nil || len(replicas) != 1 {
				t.Fatal(replicas, err)
			}
			wrong = replicas[0].Trouble
		}
		v.check(server)
	})
}

// Retired keys stay in the file, for backups, until they are removed.
func TestRetiredKeysStayForBackups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := &vault{t: t, options: store.Options{Database: filepath.Join(dir, "stackhook.db"), KeyFile: filepath.Join(dir, "stackhook.key"), Create: true}, secrets: map[string]string{}}
	v.store = v.open(v.options)
	v.stack = storetest.Stack(t, v.store, "a")
	v.add("https://example.com/", "a secret")
	backup := v.options
	backup.Database = filepath.Join(t.TempDir(), "backup.db")
	if _, err := store.Backup(t.Context(), v.options.Database, backup.Database); err != nil {
		t.Fatal(err)
	}
	if removed, err := v.store.Prune(t.Context(), storetest.Shell); err != nil || len(removed) != 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	first := v.keys(v.store)[0].ID
	v.rotate()
	v.check(v.open(backup))
	full := copyKeys(t, v.options.KeyFile)
	if removed, err := v.store.Prune(t.Context(), storetest.Shell); err != nil || !slices.Equal(removed, []int64{first}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	v.check(v.store)
	v.check(v.open(v.options))
	_, err := open(t, backup)
	wantError(t, err, "lacks")
	backup.KeyFile = full
	v.check(v.open(backup))
	records, _ := v.store.AuditRecords(t.Context(), store.AuditFilter{}, store.Page{})
	var text bytes.Buffer
	for _, r := range records.Rows {
		text.WriteString(string(r.Action) + " " + r.Detail + "\n")
	}
	if !regexp.MustCompile(`key\.pruned \d+\nkey\.rotated \d+ → \d+\n`).MatchString(text.String()) {
		t.Error(text.String())
	}
}

// A link to the key file stays one, and what it leads to is replaced.
func TestALinkToTheKeyFileStays(t *testing.T) {
	t.Parallel()
	v := &vault{t: t, secrets: map[string]string{}}
	real := filepath.Join(t.TempDir(), "real.key")
	v.options = store.Options{Database: filepath.Join(t.TempDir(), "stackhook.db"), KeyFile: real, Create: true}
	if err := v.open(v.options).Close(); err != nil {
		t.Fatal(err)
	}
	v.options.KeyFile = filepath.Join(t.TempDir(), "link.key")
	if err := os.Symlink(real, v.options.KeyFile); err != nil {
		t.Fatal(err)
	}
	v.store = v.open(v.options)
	v.stack = storetest.Stack(t, v.store, "a")
	v.add("https://example.com/", "a secret")
	v.rotate()
	if to, err := os.Readlink(v.options.KeyFile); err != nil || to != real {
		t.Errorf("%q, %v", to, err)
	}
	v.check(v.open(v.options))
}
