package store_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func identity(subject, email string) models.Identity {
	return models.Identity{Issuer: "https://id.example", Subject: subject, Email: email, EmailVerified: true, Name: "Somebody"}
}

// arrive signs somebody on who must be let in.
func arrive(t *testing.T, s *store.Store, i models.Identity, rights models.GroupRights) store.Arrived {
	t.Helper()
	a, err := s.SignOn(t.Context(), i, rights, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func grantsOf(t *testing.T, s *store.Store, user models.User) string {
	t.Helper()
	grants, err := s.Grants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, stack := range grants[user.ID] {
		ids = append(ids, stack.ID)
	}
	return strings.Join(ids, ",")
}

func addAda(t *testing.T, s *store.Store) models.User {
	t.Helper()
	ada, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ada@example.com", Role: models.Administrator}, "")
	if err != nil {
		t.Fatal(err)
	}
	return ada
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ada := addAda(t, s)
		refused := new(models.Refused)
		if got := arrive(t, s, identity("1", "ADA@example.com"), models.GroupRights{}).User; got.ID != ada.ID {
			t.Errorf("not matched by the address: %+v", got)
		}
		if _, err := s.SignOn(t.Context(), identity("2", "ada@example.com"), models.GroupRights{}, ""); !errors.As(err, &refused) {
			t.Errorf("another subject with the same address: %v", err)
		}
		other := identity("1", "ada@example.com")
		other.Issuer = "https://other.example"
		if got := arrive(t, s, other, models.GroupRights{}).User; got.ID != ada.ID {
			t.Errorf("another provider: %+v", got)
		}
		bob := arrive(t, s, identity("3", "bob@example.com"), models.GroupRights{}).User
		if got := arrive(t, s, identity("1", "bob@example.com"), models.GroupRights{}).User; got.ID != ada.ID || got.Email != "ada@example.com" {
			t.Errorf("an address that is another's: %+v, and Bob is %d", got, bob.ID)
		}
		now := time.Now()
		session := models.Session{ID: "x", UserID: ada.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)}
		if err := s.SaveSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Unlink(t.Context(), storetest.Shell, ada); err != nil || n != 2 {
			t.Fatal(n, err)
		}
		if _, err := s.Session(t.Context(), "x", time.Hour); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a session outlived the link: %v", err)
		}
		if got := arrive(t, s, identity("2", "ada@example.com"), models.GroupRights{}).User; got.ID != ada.ID {
			t.Errorf("not linked anew: %+v", got)
		}
		if _, err := s.SignOn(t.Context(), identity("1", "ada@example.com"), models.GroupRights{}, ""); !errors.As(err, &refused) {
			t.Errorf("the account that was unlinked: %v", err)
		}
		if _, err := s.SignOn(t.Context(), identity("4", "a b@example.com"), models.GroupRights{}, ""); !errors.As(err, &refused) {
			t.Errorf("an address that is none: %v", err)
		}
	})
}

func TestTheSamePersonTwiceAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		addAda(t, s)
		storetest.Stack(t, s, "net")
		rights := models.GroupRights{MapsStacks: true, Stacks: []string{"net"}}
		var both sync.WaitGroup
		for range 4 {
			both.Go(func() {
				if _, err := s.SignOn(t.Context(), identity("1", "grace@example.com"), rights, ""); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		users, err := s.Users(t.Context())
		if err != nil || len(users) != 2 || !slices.ContainsFunc(users, func(u models.User) bool { return grantsOf(t, s, u) == "net" }) {
			t.Errorf("%+v, %v", users, err)
		}
	})
}

func TestASignOnIsTakenOnceAndInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		begin := func(state string) models.SignOn {
			try := models.SignOn{
				ID: store.HashCredential(state), Browser: store.HashCredential("mine"), Nonce: "n", Verifier: "v", Next: "/x", Form: "f",
				ExpiresAt: time.Now().Add(models.SignOnAge),
			}
			if err := s.SaveSignOn(t.Context(), try); err != nil {
				t.Fatal(err)
			}
			return try
		}
		take := func(state, browser string) (models.SignOn, bool) {
			try, err := s.TakeSignOn(t.Context(), state, browser)
			if err != nil && !errors.Is(err, models.ErrNotFound) {
				t.Fatal(err)
			}
			return try, err == nil
		}
		want := begin("a")
		for _, wrong := range [][2]string{{"a", "yours"}, {"a", ""}, {"", "mine"}, {"b", "mine"}} {
			if try, is := take(wrong[0], wrong[1]); is {
				t.Errorf("%q: %+v", wrong, try)
			}
		}
		if try, is := take("a", "mine"); !is || try.Nonce != want.Nonce || try.Verifier != want.Verifier || try.Next != want.Next || try.Form != want.Form {
			t.Errorf("%+v, %t", try, is)
		}
		if _, is := take("a", "mine"); is {
			t.Error("it is taken twice")
		}
		begin("b")
		time.Sleep(models.SignOnAge)
		if _, is := take("b", "mine"); is {
			t.Error("it is taken after ten minutes")
		}
	})
}

// What ended does not stay in the database.
func TestWhatEndedIsRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		setup, err := s.CreateSetupLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ada := addAda(t, s)
		if _, err := s.CreateLink(t.Context(), storetest.Shell, ada); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		for id, expires := range map[string]time.Duration{"short": time.Hour, "idle": 100 * time.Hour} {
			if err := s.SaveSession(t.Context(), models.Session{ID: id, UserID: ada.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(expires)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SaveSignOn(t.Context(), models.SignOn{ID: "x", ExpiresAt: now.Add(models.SignOnAge)}); err != nil {
			t.Fatal(err)
		}
		left := func(want string) {
			t.Helper()
			if err := s.PurgeSessions(t.Context(), 10*time.Hour); err != nil {
				t.Fatal(err)
			}
			if got := store.Counts(s, "sessions", "sign_ons", "links"); got != want {
				t.Errorf("after %s: sessions, sign-ins and links %s, want %s", time.Since(now), got, want)
			}
		}
		left("2 1 2")
		time.Sleep(models.SignOnAge + time.Second)
		left("2 0 2")
		time.Sleep(time.Hour)
		left("1 0 2")
		time.Sleep(10 * time.Hour)
		left("0 0 2")
		if _, _, err := s.Link(t.Context(), setup); err != nil {
			t.Errorf("the set-up link within a day: %v", err)
		}
		time.Sleep(13 * time.Hour)
		if _, _, err := s.Link(t.Context(), setup); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("the set-up link after a day: %v", err)
		}
		left("0 0 1")
		time.Sleep(72 * time.Hour)
		left("0 0 0")
	})
}
