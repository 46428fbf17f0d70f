package store_test

import (
	"database/sql"
	"errors"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// onPostgres returns an empty store on PostgreSQL with a connection beside it.
func onPostgres(t *testing.T) (*store.Store, *sql.DB) {
	t.Helper()
	url := storetest.NewPostgres(t)
	s := storetest.OnPostgres(t, store.Options{Database: url})
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return s, db
}

// However many deliveries are pending, no transaction ends so many that others wait for it.
func TestManyPendingDeliveriesEndInBatches(t *testing.T) {
	t.Parallel()
	s, db := onPostgres(t)
	stack := storetest.Stack(t, s, "a")
	w := storetest.Webhook(t, s, stack, "https://example.com/", "")
	storetest.Run(t, s, stack)
	for _, text := range []string{
		`INSERT INTO deliveries SELECT (jsonb_populate_record(d, jsonb_build_object('id', left(d.id, 20) || lpad(n::text, 6, '0')))).*
			FROM deliveries d, generate_series(1, 1200) n`,
		`CREATE FUNCTION bound() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF (SELECT COUNT(*) FROM changed) > 500 THEN RAISE 'too many at once'; END IF;
			RETURN NULL;
		END $$`,
		`CREATE TRIGGER bound AFTER UPDATE ON deliveries REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bound()`,
	} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil {
		t.Fatal(err)
	}
	var ended int
	err := db.QueryRow(`SELECT COUNT(*) FROM deliveries WHERE status = 'failed' AND reason = 'webhook_deleted' AND ended_at > 0 AND due_at IS NULL`).Scan(&ended)
	if err != nil || ended != 1201 {
		t.Errorf("%d ended, %v", ended, err)
	}
}

// A delivery that was being committed while its webhook was deleted, or that a crash left, ends with the next housekeeping.
func TestWhatIsLeftForADeletedWebhookEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		kept := storetest.Webhook(t, s, stack, "https://example.com/kept", "")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "secret")
		for range 5 {
			storetest.Run(t, s, stack)
		}
		if n, err := s.EndDeleted(t.Context(), 2); err != nil || n != 0 {
			t.Errorf("%d ended of a webhook that is there, %v", n, err)
		}
		if err := s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID); err != nil {
			t.Fatal(err)
		}
		err := store.Exec(s, `UPDATE deliveries SET status = 'pending', reason = '', ended_at = NULL, due_at = 1 WHERE webhook_id = ?`, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{2, 2, 1, 0} {
			if n, err := s.EndDeleted(t.Context(), 2); err != nil || n != want {
				t.Errorf("%d ended, want %d, %v", n, want, err)
			}
		}
		log, err := s.Deliveries(t.Context(), administrator, store.DeliveryFilter{Webhook: w.ID, Reason: models.ReasonWebhookDeleted}, store.Page{})
		if err != nil || len(log.Rows) != 5 || log.Rows[0].Status != models.Failed || log.Rows[0].EndedAt.IsZero() {
			t.Errorf("%+v, %v", log.Rows, err)
		}
		if n, err := s.PendingDeliveries(t.Context(), kept.ID); err != nil || n != 5 {
			t.Errorf("%d are pending for the other webhook, %v", n, err)
		}
	})
}

// A deletion that is refused ends nothing.
func TestOnlyAWebhookThatIsThereIsDeleted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack, other := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		if err := s.DeleteWebhook(t.Context(), storetest.Shell, other, w.ID); !errors.Is(err, models.ErrNotFound) {
			t.Error(err)
		}
		if n, err := s.PendingDeliveries(t.Context(), w.ID); err != nil || n != 1 {
			t.Errorf("%d are pending, %v", n, err)
		}
	})
}

// A group has locked a delivery, and goes on to its webhook.
func TestADeletionLocksInTheOrderOfGroups(t *testing.T) {
	t.Parallel()
	s, db := onPostgres(t)
	stack := storetest.Stack(t, s, "a")
	w := storetest.Webhook(t, s, stack, "https://example.com/", "")
	storetest.Run(t, s, stack)
	group, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer group.Rollback()
	if _, err := group.Exec(`UPDATE deliveries SET code = 200`); err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error)
	go func() { deleted <- s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID) }()
	awaitLock(t, "the deletion", db)
	if _, err := group.Exec(`SET LOCAL lock_timeout = '200ms'; UPDATE webhooks SET failures = 1`); err != nil {
		t.Errorf("the group waits for the deletion: %v", err)
	}
	if err := group.Commit(); err != nil {
		t.Error(err)
	}
	if err := <-deleted; err != nil {
		t.Error(err)
	}
}
