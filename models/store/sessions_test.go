package store_test

import (
	"errors"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestSetSessionDataLeavesEndedSessionsEnded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ada@example.com", Role: models.Reader}, "")
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		session := models.Session{ID: store.HashCredential("x"), UserID: user.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)}
		if err := s.SaveSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		if err := s.SetSessionData(t.Context(), session.ID, []byte("notice")); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Session(t.Context(), session.ID, time.Hour); err != nil || string(got.Data) != "notice" {
			t.Errorf("%+v, %v", got, err)
		}
		if err := s.DeleteSession(t.Context(), session.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.SetSessionData(t.Context(), session.ID, []byte("late")); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Session(t.Context(), session.ID, time.Hour); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("the session is back: %+v, %v", got, err)
		}
	})
}
