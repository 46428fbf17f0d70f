package store_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// replaced is a webhook whose secret is replaced.
type replaced struct {
	*testing.T
	s     *store.Store
	stack models.Stack
	id    string
}

func newReplaced(t *testing.T, s *store.Store, secret string) replaced {
	t.Helper()
	stack := storetest.Stack(t, s, "a")
	return replaced{t, s, stack, storetest.Webhook(t, s, stack, "https://example.com/", secret).ID}
}

func (r replaced) webhook() models.Webhook {
	r.Helper()
	w, err := r.s.Webhook(r.Context(), r.stack, r.id)
	if err != nil {
		r.Fatal(err)
	}
	return w
}

// prepare prepares a secret and returns its fingerprint.
func (r replaced) prepare(secret string) string {
	r.Helper()
	if err := r.s.PrepareSecret(r.Context(), storetest.Shell, r.stack, r.id, r.webhook().SecretFingerprint, secret); err != nil {
		r.Fatal(err)
	}
	return r.webhook().NextSecret.Fingerprint
}

func (r replaced) promote(next string) {
	r.Helper()
	if err := r.s.PromoteSecret(r.Context(), storetest.Shell, r.stack, r.id, next); err != nil {
		r.Fatal(err)
	}
}

// signs checks which secrets an attempt would have: the current, the prepared and the previous one.
func (r replaced) signs(when, current, next, previous string) {
	r.Helper()
	target, err := r.s.Target(r.Context(), r.id, time.Hour) // what this process changed is seen at once
	if err != nil || target.Secret != current || target.Next != next || target.Previous != previous {
		r.Errorf("%s: current %q, next %q, previous %q, %v", when, target.Secret, target.Next, target.Previous, err)
	}
}

// audited returns the newest records of the webhook, oldest of them first, without when and who.
func (r replaced) audited(n int) (lines []string) {
	r.Helper()
	found, err := r.s.AuditRecords(r.Context(), store.AuditFilter{Webhook: r.id}, store.Page{Limit: n})
	if err != nil || len(found.Rows) < n {
		r.Fatal(found.Rows, err)
	}
	for _, a := range found.Rows[:n] {
		lines = append([]string{string(a.Action) + ": " + a.Detail}, lines...)
	}
	return lines
}

func TestASecretIsReplacedInSteps(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		old := r.webhook().SecretFingerprint
		r.signs("at first", "old", "", "")
		next := r.prepare("new")
		r.signs("prepared", "old", "new", "")
		prepared := r.webhook()
		if bytes.Contains(prepared.NextSecret.Sealed, []byte("new")) || prepared.NextSecret.At.IsZero() || prepared.SecretFingerprint != old {
			t.Errorf("%+v", prepared)
		}
		r.promote(next)
		r.signs("promoted", "new", "", "old")
		if w := r.webhook(); w.SecretFingerprint != next || w.PreviousSecret.Fingerprint != old || w.PreviousSecret.At.IsZero() || !w.SecretChangedAt.Equal(prepared.NextSecret.At) {
			t.Errorf("%+v", w)
		}
		if err := s.RetireSecret(t.Context(), storetest.Shell, r.stack, r.id, old); err != nil {
			t.Fatal(err)
		}
		r.signs("retired", "new", "", "")
		r.prepare("newer")
		if err := s.DiscardSecret(t.Context(), storetest.Shell, r.stack, r.id, r.webhook().NextSecret.Fingerprint); err != nil {
			t.Fatal(err)
		}
		r.signs("discarded", "new", "", "")
		want := []string{
			"secret.prepared: no secret → " + next, "secret.promoted: " + old + " → " + next, "secret.retired: " + old + " → no secret",
		}
		if got := r.audited(5)[:3]; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("recorded\n%s", strings.Join(got, "\n"))
		}
	})
}

// Whatever the state is, only what fits it is done, and what is refused changes nothing.
func TestAStepThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		ctx, by, old := t.Context(), storetest.Shell, r.webhook().SecretFingerprint
		refused := func(when string, errs map[string]error) {
			t.Helper()
			for what, err := range errs {
				var e *models.Refused
				if !errors.As(err, &e) || !strings.HasSuffix(e.Reason, " Nothing was done.") {
					t.Errorf("%s, %s: %v", when, what, err)
				}
			}
		}
		steps := func(print string) map[string]error {
			return map[string]error{
				"promote": s.PromoteSecret(ctx, by, r.stack, r.id, print), "discard": s.DiscardSecret(ctx, by, r.stack, r.id, print),
				"retire": s.RetireSecret(ctx, by, r.stack, r.id, print), "test": second(s.SendNextTest(ctx, by, r.stack, r.id, print)),
				"view": second(s.RevealNextSecret(ctx, by, r.stack, r.id, print)),
			}
		}
		before := func(secret, print string) map[string]error {
			return map[string]error{
				"prepare": s.PrepareSecret(ctx, by, r.stack, r.id, print, secret), "replace": s.ReplaceSecret(ctx, by, r.stack, r.id, print, secret, ""),
			}
		}
		for _, print := range []string{"", old, "00000000"} {
			refused("nothing prepared", steps(print))
		}
		for _, print := range []string{"", "00000000"} {
			refused("another is current", before("new", print))
		}
		r.signs("refused", "old", "", "")
		next := r.prepare("new")
		for _, print := range []string{"", old, "00000000"} {
			refused("another is prepared", steps(print))
		}
		refused("one is prepared", map[string]error{"prepare": s.PrepareSecret(ctx, by, r.stack, r.id, old, "other")})
		r.signs("refused", "old", "new", "")
		r.promote(next)
		refused("promoted already", map[string]error{"promote": s.PromoteSecret(ctx, by, r.stack, r.id, next), "discard": s.DiscardSecret(ctx, by, r.stack, r.id, next)})
		refused("one is not retired", map[string]error{"prepare": s.PrepareSecret(ctx, by, r.stack, r.id, next, "other")})
		refused("another is the previous", map[string]error{"retire": s.RetireSecret(ctx, by, r.stack, r.id, next)})
		r.signs("refused", "new", "", "old")
		for secret, field := range map[string]string{"": "Type a secret", "new": "This is the current secret", "a\nb": "Leave out line breaks"} {
			var bad models.Invalid
			if err := s.ReplaceSecret(ctx, by, r.stack, r.id, next, secret, ""); !errors.As(err, &bad) || !strings.HasPrefix(bad.Message("secret"), field) {
				t.Errorf("%q: %v", secret, err)
			}
		}
		if got := r.audited(2); got[1] != "secret.promoted: "+old+" → "+next {
			t.Errorf("recorded last: %s", got[1])
		}
		other := storetest.Stack(t, s, "b")
		if err := s.RetireSecret(ctx, by, other, r.id, old); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("through another stack: %v", err)
		}
	})
}

// Of many who do the same at once, one does it.
func TestAStepIsDoneOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newReplaced(t, s, "old")
		old := r.webhook().SecretFingerprint
		once := func(name string, step func(context.Context) error) {
			t.Helper()
			var done atomic.Int32
			var wait sync.WaitGroup
			for range 8 {
				wait.Go(func() {
					var refused *models.Refused
					switch err := step(t.Context()); {
					case err == nil:
						done.Add(1)
					case !errors.As(err, &refused):
						t.Error(name, err)
					}
				})
			}
			wait.Wait()
			if n := done.Load(); n != 1 {
				t.Errorf("%s was done %d times", name, n)
			}
		}
		by := storetest.Shell
		once("prepare", func(ctx context.Context) error { return s.PrepareSecret(ctx, by, r.stack, r.id, old, "new") })
		next := r.webhook().NextSecret.Fingerprint
		once("promote", func(ctx context.Context) error { return s.PromoteSecret(ctx, by, r.stack, r.id, next) })
		once("retire", func(ctx context.Context) error { return s.RetireSecret(ctx, by, r.stack, r.id, old) })
		once("replace", func(ctx context.Context) error {
			return s.ReplaceSecret(ctx, by, r.stack, r.id, next, models.GenerateSecret(), "foul play")
		})
		if got := r.audited(4); !strings.HasPrefix(got[0], "secret.prepared") || !strings.HasPrefix(got[1], "secret.promoted") ||
			!strings.HasPrefix(got[2], "secret.retired") || !strings.HasPrefix(got[3], "secret.replaced: "+next+" → ") || !strings.HasSuffix(got[3], ", foul play") {
			t.Errorf("recorded %q", got)
		}
	})
}
