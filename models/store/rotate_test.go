package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// vault is a database with sealed secrets and its key file.
type vault struct {
	t       *testing.T
	options store.Options
	store   *store.Store // a command's: it reports nothing
	stack   models.Stack
	secrets map[string]string // by webhook
}

// eachVault runs a test with one on each of the databases.
func eachVault(t *testing.T, secrets int, test func(t *testing.T, v *vault)) {
	t.Helper()
	for name, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "stackhook.db") },
		"postgres": func(t *testing.T) string { return storetest.NewPostgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := store.Options{Database: database(t), KeyFile: filepath.Join(t.TempDir(), "stackhook.key"), Create: true}
			v := &vault{t: t, options: o, secrets: map[string]string{}}
			v.store = v.open(o)
			v.stack = storetest.Stack(t, v.store, "a")
			for i := range secrets {
				v.add(fmt.Sprintf("https://example.com/%d", i), fmt.Sprintf("secret number %d", i))
			}
			test(t, v)
		})
	}
}

func (v *vault) open(o store.Options) *store.Store {
	v.t.Helper()
	s, err := open(v.t, o)
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

// serve opens another store as a server does.
func (v *vault) serve(keyFile string) *store.Store {
	v.t.Helper()
	o := v.options
	o.KeyFile, o.Serve = keyFile, true
	return v.open(store.LookOften(o))
}

func (v *vault) add(endpoint, secret string) {
	v.t.Helper()
	w := storetest.Webhook(v.t, v.store, v.stack, endpoint, secret)
	if secret != "" {
		v.secrets[w.ID] = secret
	}
}

// rotate rotates to the end.
func (v *vault) rotate() int64 {
	v.t.Helper()
	id, err := store.RotateUntil(v.t.Context(), v.store, storetest.Shell, func(string) {}, func(string) error { return nil })
	if err != nil {
		v.t.Fatal(err)
	}
	return id
}

// check opens every secret through a store, and returns with how many keys they are sealed.
func (v *vault) check(s *store.Store) map[int64]int {
	v.t.Helper()
	webhooks, err := s.Webhooks(v.t.Context(), v.stack)
	if err != nil {
		v.t.Fatal(err)
	}
	by := map[int64]int{}
	for _, w := range webhooks {
		if w.HasSecret() {
			by[store.SealedWith(w.SecretSealed)]++
		}
		if secret, err := s.Secret(w); err != nil || secret != v.secrets[w.ID] {
			v.t.Errorf("the secret of %s is %q, %v", w.Endpoint, secret, err)
		}
	}
	return by
}

// replaces gives the first webhook a previous secret, and the second a prepared one. A rotation must seal them anew too: spare
// checks that they open, and returns with how many keys they are sealed.
func (v *vault) replaces() (spare func(s *store.Store) map[int64]int) {
	v.t.Helper()
	webhooks, err := v.store.Webhooks(v.t.Context(), v.stack)
	if err != nil || len(webhooks) < 2 {
		v.t.Fatal(webhooks, err)
	}
	for i, secret := range []string{"promoted", "prepared"} {
		err := v.store.PrepareSecret(v.t.Context(), storetest.Shell, v.stack, webhooks[i].ID, webhooks[i].SecretFingerprint, secret)
		if w, err2 := v.store.Webhook(v.t.Context(), v.stack, webhooks[i].ID); i == 0 && errors.Join(err, err2) == nil {
			err = v.store.PromoteSecret(v.t.Context(), storetest.Shell, v.stack, w.ID, w.NextSecret.Fingerprint)
		}
		if err != nil {
			v.t.Fatal(err)
		}
	}
	previous := v.secrets[webhooks[0].ID]
	v.secrets[webhooks[0].ID] = "promoted"
	return func(s *store.Store) map[int64]int {
		v.t.Helper()
		first, err := s.Target(v.t.Context(), webhooks[0].ID, 0)
		second, err2 := s.Target(v.t.Context(), webhooks[1].ID, 0)
		if err := errors.Join(err, err2); err != nil || first.Secret != "promoted" || first.Previous != previous || second.Next != "prepared" {
			v.t.Errorf("%q, %q, %q, %v", first.Secret, first.Previous, second.Next, err)
		}
		return map[int64]int{store.SealedWith(second.Webhook.NextSecret.Sealed): 1, store.SealedWith(first.Webhook.PreviousSecret.Sealed): 1}
	}
}

func (v *vault) keys(s *store.Store) []store.Key {
	v.t.Helper()
	keys, err := s.Keys(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	return keys
}

func copyKeys(t *testing.T, from string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "copied.key")
	copyFile(t, from, to)
	return to
}

func TestRotation(t *testing.T) {
	t.Parallel()
	eachVault(t, 230, func(t *testing.T, v *vault) { // three batches
		v.add("https://example.com/open", "")
		spare := v.replaces()
		before := v.keys(v.store)
		text, err := os.ReadFile(v.options.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte("{"), []byte(`{"note": {"by": "somebody", "n": 12345678901234567890},`), 1)
		if err := os.WriteFile(v.options.KeyFile, text, 0o600); err != nil {
			t.Fatal(err)
		}
		id := v.rotate()
		if by := v.check(v.store); len(by) != 1 || by[id] != 230 {
			t.Errorf("sealed with %v, want all with %d", by, id)
		}
		if by := spare(v.store); len(by) != 1 || by[id] != 1 {
			t.Errorf("the others are sealed with %v, want %d", by, id)
		}
		var was, is map[string]json.RawMessage
		now, err := os.ReadFile(v.options.KeyFile)
		if err := errors.Join(err, json.Unmarshal(text, &was), json.Unmarshal(now, &is)); err != nil {
			t.Fatal(err)
		}
		for name := range was {
			var a, b bytes.Buffer
			if err := errors.Join(json.Compact(&a, was[name]), json.Compact(&b, is[name])); err != nil || (a.String() == b.String()) != (name != "secrets") {
				t.Errorf("%s: equal %t, %v", name, a.String() == b.String(), err)
			}
		}
		files, err := filepath.Glob(filepath.Join(filepath.Dir(v.options.KeyFile), "*"))
		hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(v.options.KeyFile), ".*"))
		info, statErr := os.Stat(v.options.KeyFile)
		if err != nil || statErr != nil || info.Mode() != 0o600 || len(files) != 2 || len(hidden) != 0 { // with its lock file
			t.Errorf("%v, %v %v, %v", info.Mode(), files, hidden, err)
		}
		after := v.keys(v.open(v.options))
		if len(before) != 1 || len(after) != 2 || after[0].ID != before[0].ID || after[0].RetiredAt.IsZero() || !after[0].InFile ||
			after[1].ID != id || !after[1].Primary || after[1].Sealed != 232 || !after[1].RetiredAt.IsZero() {
			t.Errorf("%+v, then %+v", before, after)
		}
		if again := v.rotate(); again == id || v.check(v.store)[again] != 230 {
			t.Errorf("the second rotation is to %d", again)
		}
	})
}

// pointWords are what differs from rotation to rotation.
var pointWords = regexp.MustCompile(`\d+`)

// Wherever a rotation is interrupted, every secret can be opened with the file as it is then, by servers that run and by those
// that start; and the next one goes on to the end without another key.
func TestARotationIsInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	eachVault(t, 101, func(t *testing.T, v *vault) {
		spare := v.replaces()
		server := v.serve(v.options.KeyFile)
		died := errors.New("killed")
		had, interrupted := len(v.keys(v.store)), map[string]bool{}
		for most, done := 0, false; !done; most++ {
			passed, last := 0, ""
			_, err := store.RotateUntil(t.Context(), v.store, storetest.Shell, func(string) {}, func(point string) error {
				passed, last = passed+1, point
				if passed > most {
					return died
				}
				return nil
			})
			if done = err == nil; !done && !errors.Is(err, died) {
				t.Fatalf("after %d points: %v", most, err)
			}
			if !done {
				interrupted[pointWords.ReplaceAllString(last, "")] = true
			}
			v.check(server)
			spare(server)
			fresh := v.open(v.options)
			v.check(fresh)
			v.add(fmt.Sprintf("https://example.com/more/%d", most), "another secret")
			id := v.rotate()
			if by := v.check(server); len(by) != 1 || by[id] == 0 {
				t.Errorf("after %d points, %q: sealed with %v", most, last, by)
			}
			had++
			if done || last == "the others are retired" { // there was nothing to go on with
				had++
			}
			if got := len(v.keys(v.store)); got != had {
				t.Errorf("after %d points, %q: %d keys, want %d", most, last, got, had)
			}
			if err := fresh.Close(); err != nil {
				t.Error(err)
			}
		}
		if len(interrupted) != 6 {
			t.Errorf("interrupted at %v", interrupted)
		}
	})
}
