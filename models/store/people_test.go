package store_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ada, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ada@example.com", Role: models.Administrator}, "a long password")
		if err != nil {
			t.Fatal(err)
		}
		var refused *models.Refused
		for name, change := range map[string]func(*models.User){"role": func(u *models.User) { u.Role = models.Reader }, "active": func(u *models.User) { u.Active = false }} {
			changed := ada
			change(&changed)
			if err := s.UpdateUser(t.Context(), storetest.Shell, changed); !errors.As(err, &refused) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if u, err := s.User(t.Context(), ada.ID); err != nil || u.Role != models.Administrator || !u.Active {
			t.Errorf("%+v, %v", u, err)
		}
		var conflict *models.Conflict
		if _, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ADA@example.com", Role: models.Reader}, ""); !errors.As(err, &conflict) {
			t.Errorf("the same address: %v", err)
		}
	})
}

func TestAReaderChangesWhileThereIsNoAdministrator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		reader, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "alan@example.com", Role: models.Reader}, "")
		if err != nil {
			t.Fatal(err)
		}
		reader.AllStacks = true
		if err := s.UpdateUser(t.Context(), storetest.Shell, reader); err != nil {
			t.Errorf("a reader who was never an administrator: %v", err)
		}
	})
}

func TestLinksWorkOnceAndNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		setup, err := s.CreateSetupLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var invalid models.Invalid
		if _, err := s.UseSetupLink(t.Context(), setup, models.User{Email: "ada@example.com"}, "", ""); !errors.As(err, &invalid) || invalid.Message("password") == "" {
			t.Errorf("without a password: %v", err)
		}
		ada, err := s.UseSetupLink(t.Context(), setup, models.User{Email: "ada@example.com"}, "a long password", "")
		if err != nil || ada.Role != models.Administrator {
			t.Fatal(ada, err)
		}
		if _, err := s.UseSetupLink(t.Context(), setup, models.User{Email: "eve@example.com"}, "a long password", ""); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("the set-up link again: %v", err)
		}
		late, err := s.CreateSetupLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.UseSetupLink(t.Context(), late, models.User{Email: "eve@example.com"}, "a long password", ""); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a set-up link once there is a user: %v", err)
		}
		first, err := s.CreateLink(t.Context(), storetest.Shell, ada)
		if err != nil {
			t.Fatal(err)
		}
		second, err := s.CreateLink(t.Context(), storetest.Shell, ada)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Link(t.Context(), first); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("an earlier link: %v", err)
		}
		if _, err := s.UseLink(t.Context(), second, "another password", ""); err != nil {
			t.Error(err)
		}
		if _, err := s.UseLink(t.Context(), second, "a third password", ""); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("twice: %v", err)
		}
		old, err := s.CreateLink(t.Context(), storetest.Shell, ada)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(73 * time.Hour)
		if _, _, err := s.Link(t.Context(), old); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("after three days: %v", err)
		}
	})
}

func TestANewPasswordEndsTheLinksThatAreOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ada, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ada@example.com", Role: models.Administrator}, "")
		if err != nil {
			t.Fatal(err)
		}
		link, err := s.CreateLink(t.Context(), storetest.Shell, ada)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetPassword(t.Context(), storetest.Shell, ada, "a long password"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Link(t.Context(), link); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a link from before the password: %v", err)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		text, token, err := s.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeReport, StackKey: stack.Key})
		if err != nil || len(text) != 47 || text[:len(token.Prefix)] != token.Prefix {
			t.Fatal(text, token, err)
		}
		v, err := s.TokenViewer(t.Context(), text)
		if err != nil || !v.Reports(stack.Key) {
			t.Errorf("%+v, %v", v, err)
		}
		if tokens, err := s.Tokens(t.Context()); err != nil || len(tokens) != 1 || tokens[0].LastUsedAt.IsZero() || tokens[0].Hash == text {
			t.Errorf("%+v, %v", tokens, err)
		}
		if err := s.RevokeToken(t.Context(), storetest.Shell, token.ID); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []string{text, "", "shk_x", token.Hash} {
			if _, err := s.TokenViewer(t.Context(), wrong); !errors.Is(err, models.ErrUnauthorized) {
				t.Errorf("%q: %v", wrong, err)
			}
		}
	})
}

// A token works until the moment at which it expires, although it is believed for a while.
func TestTokensExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		expires, known := models.TokenExpiry("30d", time.Now())
		if !known {
			t.Fatal("there is no such life")
		}
		text, _, err := s.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeReport, ExpiresAt: expires})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30*24*time.Hour - time.Millisecond)
		if _, err := s.TokenViewer(t.Context(), text); err != nil {
			t.Errorf("just before: %v", err)
		}
		time.Sleep(time.Millisecond)
		if v, err := s.TokenViewer(t.Context(), text); !errors.Is(err, models.ErrTokenExpired) || v.Anybody() {
			t.Errorf("then: %+v, %v", v, err)
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		ada, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ada@example.com", Role: models.Administrator}, "a long password")
		if err != nil {
			t.Fatal(err)
		}
		start := func() models.Session {
			t.Helper()
			now := time.Now()
			session := models.Session{ID: models.NewID(now), UserID: ada.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(10 * time.Hour)}
			if err := s.SaveSession(t.Context(), session); err != nil {
				t.Fatal(err)
			}
			return session
		}
		alive := func(session models.Session) bool {
			t.Helper()
			_, err := s.Session(t.Context(), session.ID, 2*time.Hour)
			if err != nil && !errors.Is(err, models.ErrNotFound) {
				t.Fatal(err)
			}
			return err == nil
		}
		idle, used := start(), start()
		for range 9 {
			time.Sleep(time.Hour)
			if used, err = s.Session(t.Context(), used.ID, 2*time.Hour); err != nil {
				t.Fatal(err)
			}
			if _, err := s.SessionViewer(t.Context(), used); err != nil {
				t.Fatal(err)
			}
		}
		if alive(idle) || !alive(used) {
			t.Errorf("idle lives %t, used lives %t", alive(idle), alive(used))
		}
		time.Sleep(time.Hour)
		if alive(used) {
			t.Error("a session outlived its absolute end")
		}
		other := start()
		if err := s.SetPassword(t.Context(), storetest.Shell, ada, "another password"); err != nil {
			t.Fatal(err)
		}
		if alive(other) {
			t.Error("a session outlived a new password")
		}
	})
}

func TestTheAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "secret")
		if _, err := s.RevealSecret(t.Context(), storetest.Shell, stack, w.ID); err != nil {
			t.Fatal(err)
		}
		if err := store.TamperWithAudit(s); err == nil {
			t.Error("a record was changed")
		}
	})
}
