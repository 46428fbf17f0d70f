package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

const (
	firstToken  = "the first token of an inlet"
	secondToken = "the second token of an inlet"
)

// inletTokenOf returns the token of a stack's inlet, "" if there is none.
func inletTokenOf(t *testing.T, s *store.Store, stack string) string {
	t.Helper()
	open, err := s.OpenInlet(t.Context(), models.InletHCP, stack)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		t.Fatal(err)
	}
	return open.Token
}

func TestTheTokenOfAnInlet(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, by := t.Context(), storetest.Shell
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		is := func(when, wantA, wantB string) {
			t.Helper()
			if gotA, gotB := inletTokenOf(t, s, "a"), inletTokenOf(t, s, "b"); gotA != wantA || gotB != wantB {
				t.Errorf("%s the tokens are %q and %q", when, gotA, gotB)
			}
		}
		var refused *models.Refused
		is("before", "", "")
		first, err := s.CreateInlet(ctx, by, a, models.InletHCP, firstToken)
		if err != nil {
			t.Fatal(err)
		}
		is("created,", firstToken, "")
		if _, err := s.CreateInlet(ctx, by, a, models.InletHCP, secondToken); !errors.As(err, &refused) {
			t.Errorf("a second one: %v", err)
		}
		is("after a second,", firstToken, "")
		if _, err := s.CreateInlet(ctx, by, b, models.InletHCP, firstToken); err != nil {
			t.Fatal(err)
		}
		second, err := s.ReplaceInletToken(ctx, by, a, models.InletHCP, first.TokenFingerprint, secondToken)
		if err != nil || second.ID != first.ID || second.TokenFingerprint == first.TokenFingerprint {
			t.Fatal(second, err)
		}
		is("replaced,", secondToken, firstToken)
		if _, err := s.ReplaceInletToken(ctx, by, a, models.InletHCP, first.TokenFingerprint, firstToken); !errors.As(err, &refused) {
			t.Errorf("replaced once more: %v", err)
		}
		for _, token := range []string{"", "too short", "line\nbreak in the token", strings.Repeat("x", 1025)} {
			if _, err := s.ReplaceInletToken(ctx, by, a, models.InletHCP, second.TokenFingerprint, token); err == nil || token != "" && strings.Contains(err.Error(), token) {
				t.Errorf("%.20q is taken: %v", token, err)
			}
		}
		is("after what was refused,", secondToken, firstToken)
	})
}

// The token of an inlet that is turned off, or of a deleted stack's, is worth nothing at once.
func TestTheEndOfAnInlet(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, by := t.Context(), storetest.Shell
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		for _, stack := range []models.Stack{a, b} {
			if _, err := s.CreateInlet(ctx, by, stack, models.InletHCP, firstToken); err != nil {
				t.Fatal(err)
			}
		}
		is := func(when, wantA, wantB string) {
			t.Helper()
			if gotA, gotB := inletTokenOf(t, s, "a"), inletTokenOf(t, s, "b"); gotA != wantA || gotB != wantB {
				t.Errorf("%s the tokens are %q and %q", when, gotA, gotB)
			}
		}
		is("before,", firstToken, firstToken)
		if err := s.RemoveInlet(ctx, by, a, models.InletHCP); err != nil {
			t.Fatal(err)
		}
		is("removed,", "", firstToken)
		if err := s.RemoveInlet(ctx, by, a, models.InletHCP); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("removed again: %v", err)
		}
		is("removed again,", "", firstToken)
		if err := s.DeleteStack(ctx, by, b); err != nil {
			t.Fatal(err)
		}
		is("deleted,", "", "")
		if _, err := s.Inlet(ctx, b, models.InletHCP); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a deleted stack's is still stored: %v", err)
		}
		if _, err := s.CreateInlet(ctx, by, b, models.InletHCP, firstToken); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("in a deleted stack: %v", err)
		}
		storetest.Stack(t, s, "b")
		is("in a new stack", "", "")
	})
}

// Whatever happens to an inlet is recorded, with fingerprints of its tokens.
func TestInletsAreRecorded(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	stack := storetest.Stack(t, s, "a")
	inlet, err := s.CreateInlet(t.Context(), storetest.Shell, stack, models.InletHCP, firstToken)
	if err != nil {
		t.Fatal(err)
	}
	replaced, err := s.ReplaceInletToken(t.Context(), storetest.Shell, stack, models.InletHCP, inlet.TokenFingerprint, secondToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveInlet(t.Context(), storetest.Shell, stack, models.InletHCP); err != nil {
		t.Fatal(err)
	}
	log, err := s.AuditRecords(t.Context(), store.AuditFilter{}, store.Page{})
	if err != nil || len(log.Rows) < 3 {
		t.Fatal(log, err)
	}
	for i, want := range []models.AuditRecord{
		{Action: models.InletRemoved, Detail: "token " + replaced.TokenFingerprint},
		{Action: models.InletChanged, Detail: inlet.TokenFingerprint + " → " + replaced.TokenFingerprint},
		{Action: models.InletCreated, Detail: "token " + inlet.TokenFingerprint},
	} {
		got := log.Rows[i]
		if got.Action != want.Action || got.Detail != want.Detail || got.StackID != "a" || got.Subject != "hcp-terraform" || got.Actor.Name != storetest.Shell.Name {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// A rotation seals the tokens of inlets anew, and a key is needed while one of them is sealed with it.
func TestARotationSealsTokensOfInletsAnew(t *testing.T) {
	t.Parallel()
	eachVault(t, 1, func(t *testing.T, v *vault) {
		inlet, err := v.store.CreateInlet(t.Context(), storetest.Shell, v.stack, models.InletHCP, firstToken)
		if err != nil {
			t.Fatal(err)
		}
		before := store.SealedWith(inlet.TokenSealed)
		id := v.rotate()
		inlet, err = v.store.Inlet(t.Context(), v.stack, models.InletHCP)
		if err != nil || store.SealedWith(inlet.TokenSealed) != id || id == before {
			t.Errorf("sealed with %d before, and now with %d, the key is %d: %v", before, store.SealedWith(inlet.TokenSealed), id, err)
		}
		keys, err := v.store.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if k.ID == id && k.Sealed != 2 {
				t.Errorf("%+v sealed %d", k, k.Sealed)
			}
		}
		if _, err := v.store.Prune(t.Context(), storetest.Shell); err != nil {
			t.Fatal(err)
		}
		if token := inletTokenOf(t, v.open(v.options), v.stack.ID); token != firstToken {
			t.Errorf("after it the token is %q", token)
		}
	})
}

func TestNotificationsAreKeptForATime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		receive := func(stack models.Stack, trigger string) models.InletNotification {
			t.Helper()
			kept, err := s.ReceiveHCP(t.Context(), stack, models.HCPNotification{Trigger: trigger}, []byte(`{"a":1}`))
			if err != nil {
				t.Fatal(err)
			}
			return kept
		}
		for range 5 {
			receive(a, "old")
		}
		old := receive(b, "old")
		middle := time.Now()
		receive(a, "new")
		for _, want := range []int{4, 2, 0} {
			if n, err := s.PurgeNotifications(t.Context(), middle, 4); err != nil || n != want {
				t.Errorf("%d went, want %d: %v", n, want, err)
			}
		}
		if page, err := s.Notifications(t.Context(), a, models.InletHCP, store.Page{}); err != nil || len(page.Rows) != 1 || page.Rows[0].Trigger != "new" || page.Rows[0].Body != nil {
			t.Errorf("%+v, %v", page.Rows, err)
		}
		if _, err := s.Notification(t.Context(), b, models.InletHCP, old.Key); !errors.Is(err, models.ErrNotFound) {
			t.Error(err)
		}

		last := receive(b, "last")
		if n, err := s.Notification(t.Context(), b, models.InletHCP, last.Key); err != nil || string(n.Body) != `{"a":1}` {
			t.Errorf("%+v, %v", n, err)
		}
		if _, err := s.Notification(t.Context(), a, models.InletHCP, last.Key); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("another stack's: %v", err)
		}
		if err := s.DeleteStack(t.Context(), storetest.Shell, b); err != nil {
			t.Fatal(err)
		}
		for n := int64(1); n > 0; {
			var err error
			if n, err = s.PurgeStacks(t.Context(), time.Now().Add(time.Hour), 10); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Notification(t.Context(), b, models.InletHCP, last.Key); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a deleted stack's: %v", err)
		}
	})
}
