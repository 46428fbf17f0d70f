package store_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestOnlyGrantedStacksExist(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		reader, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "Alan@Example.com ", Role: models.Reader}, "")
		if err != nil || reader.Email != "alan@example.com" {
			t.Fatal(reader, err)
		}
		if err := s.GrantStack(t.Context(), storetest.Shell, reader, a); err != nil {
			t.Fatal(err)
		}
		session := models.Session{ID: store.HashCredential("x"), UserID: reader.ID, CreatedAt: time.Now(), SeenAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
		if err := s.SaveSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		v, err := s.SessionViewer(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		if stacks, err := s.Stacks(t.Context(), v); err != nil || len(stacks) != 1 || stacks[0].Key != a.Key {
			t.Errorf("%+v, %v", stacks, err)
		}
		if _, err := s.Stack(t.Context(), v, b.ID); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("the other stack: %v", err)
		}
		storetest.Webhook(t, s, a, "https://example.com/", "")
		storetest.Webhook(t, s, b, "https://example.com/", "")
		storetest.Run(t, s, a)
		storetest.Run(t, s, b)
		if log, err := s.Deliveries(t.Context(), v, store.DeliveryFilter{}, store.Page{}); err != nil || len(log.Rows) != 1 || log.Rows[0].StackID != "a" {
			t.Errorf("%+v, %v", log, err)
		}

		// A new stack with the id of a deleted one inherits nothing.
		if err := s.DeleteStack(t.Context(), storetest.Shell, a); err != nil {
			t.Fatal(err)
		}
		storetest.Stack(t, s, "a")
		v, err = s.SessionViewer(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stack(t.Context(), v, "a"); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("the new stack: %v", err)
		}
	})
}

func TestADeletedStackGoesInBatches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		for _, stack := range []models.Stack{a, b} {
			storetest.Webhook(t, s, stack, "https://example.com/", "")
			for range 5 {
				storetest.Run(t, s, stack)
			}
			for _, j := range storetest.Claim(t, s, "me") {
				record(t, s, "me", j, store.Outcome{Status: models.Delivered})
			}
			if _, _, err := s.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeReport, StackKey: stack.Key}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.DeleteStack(t.Context(), storetest.Shell, a); err != nil {
			t.Fatal(err)
		}
		if _, err := s.StartRun(t.Context(), a, models.RunReport{}); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a run of the deleted stack: %v", err)
		}
		if n, err := s.PurgeStacks(t.Context(), time.Now().Add(-time.Hour), 2); err != nil || n != 0 {
			t.Errorf("%d rows of a stack went that was deleted just now, %v", n, err)
		}
		// A form that was open while the stack was deleted.
		late, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ada@example.com", Role: models.Reader}, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.GrantStack(t.Context(), storetest.Shell, late, a); err != nil {
			t.Fatal(err)
		}
		if n := purgeStacks(t, s, 2); n < 3 {
			t.Errorf("%d batches", n)
		}
		if log, err := s.Deliveries(t.Context(), administrator, store.DeliveryFilter{}, store.Page{}); err != nil || len(log.Rows) != 5 {
			t.Errorf("%d deliveries are left, %v", len(log.Rows), err)
		}
		if tokens, err := s.Tokens(t.Context()); err != nil || len(tokens) != 1 || tokens[0].StackKey != b.Key {
			t.Errorf("%+v, %v", tokens, err)
		}
	})
}

// purgeStacks removes what deleted stacks left behind, and returns in how many batches.
func purgeStacks(t *testing.T, s *store.Store, most int) (batches int) {
	t.Helper()
	for {
		n, err := s.PurgeStacks(t.Context(), time.Now(), most)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return batches
		}
		if n > int64(most) {
			t.Errorf("a batch of %d rows", n)
		}
		batches++
	}
}

// PostgreSQL reads a table from wherever it likes: of the first few rows of a stack there may be others each time.
func TestABatchOfADeletedStackIsChosenOnce(t *testing.T) {
	t.Parallel()
	database := storetest.NewPostgres(t)
	s := storetest.OnPostgres(t, store.Options{Database: database + "?options=-c%20enable_indexscan%3Doff%20-c%20enable_bitmapscan%3Doff"})
	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	stack := storetest.Stack(t, s, "a")
	storetest.Webhook(t, s, stack, "https://example.com/", "")
	for range 5 {
		storetest.Run(t, s, stack)
	}
	deliverAll(t, s)
	if _, err := db.Exec(`
		CREATE FUNCTION shuffle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			UPDATE deliveries SET code = code WHERE id = (SELECT MIN(id) FROM deliveries);
			RETURN NULL;
		END $$;
		CREATE TRIGGER shuffle AFTER DELETE ON attempts FOR EACH STATEMENT EXECUTE FUNCTION shuffle()`); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteStack(t.Context(), storetest.Shell, stack); err != nil {
		t.Fatal(err)
	}
	purgeStacks(t, s, 2)
	var left int
	err = db.QueryRow(`SELECT (SELECT COUNT(*) FROM attempts) + (SELECT COUNT(*) FROM deliveries)
		+ (SELECT COUNT(*) FROM events) + (SELECT COUNT(*) FROM runs) + (SELECT COUNT(*) FROM webhooks) + (SELECT COUNT(*) FROM stacks)`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}
