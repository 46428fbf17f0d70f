package store_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// What people change is not judged by what it was before another replica's transaction, nor does it undo that one.
// SQLite runs one transaction at a time.
func TestChangesWaitForOneAnother(t *testing.T) {
	t.Parallel()
	url := storetest.NewPostgres(t)
	s := storetest.OnPostgres(t, store.Options{Database: url})
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, c := range map[string]struct {
		meanwhile string // of the webhook $1 or the delivery $2
		change    func(stack models.Stack, w models.Webhook, delivery string) error
		refused   bool
		kept      string // what is true of the webhook then
	}{
		"an edit and a failure": {
			`UPDATE webhooks SET failures = 7, failing_since = 1, open_until = 2, probes = 3 WHERE id = $1 AND $2 <> ''`,
			func(stack models.Stack, w models.Webhook, _ string) error {
				return second(s.UpdateWebhook(t.Context(), storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint, Enabled: true}))
			}, false, `failures = 7 AND failing_since = 1 AND open_until = 2 AND probes = 3`,
		},
		"two deletions": {
			`UPDATE webhooks SET deleted_at = 1 WHERE id = $1 AND $2 <> ''`,
			func(stack models.Stack, w models.Webhook, _ string) error {
				return s.DeleteWebhook(t.Context(), storetest.Shell, stack, w.ID)
			}, true, `deleted_at = 1`,
		},
		"a test and a deletion": {
			`UPDATE webhooks SET deleted_at = 1 WHERE id = $1 AND $2 <> ''`,
			func(stack models.Stack, w models.Webhook, _ string) error {
				return second(s.SendTest(t.Context(), storetest.Shell, stack, w.ID))
			}, true, `NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = webhooks.id AND test)`,
		},
		"a redelivery and a deletion": {
			`UPDATE webhooks SET deleted_at = 1 WHERE id = $1 AND $2 <> ''`,
			func(stack models.Stack, _ models.Webhook, delivery string) error {
				return s.Redeliver(t.Context(), storetest.Shell, stack, delivery)
			}, true, `NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = webhooks.id AND status = 'pending')`,
		},
		"a redelivery and a claim": {
			`UPDATE deliveries SET status = 'pending', lease_owner = 'another', due_at = 253402300799000000 WHERE webhook_id = $1 AND id = $2`,
			func(stack models.Stack, _ models.Webhook, delivery string) error {
				return s.Redeliver(t.Context(), storetest.Shell, stack, delivery)
			}, true, `EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = webhooks.id AND lease_owner = 'another')`,
		},
	} {
		stack := storetest.Stack(t, s, strings.ReplaceAll(name, " ", "-"))
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		id := storetest.Run(t, s, stack).Deliveries[0]
		record(t, s, "me", storetest.Claim(t, s, "me")[0], store.Outcome{Status: models.Failed, Reason: models.ReasonInternal})
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), c.meanwhile, w.ID, id); err != nil {
			t.Fatal(name, err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.change(stack, w, id) }()
		awaitLock(t, name, db)
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		var refused *models.Refused
		switch err := <-ended; {
		case !c.refused && err != nil, c.refused && !errors.As(err, &refused) && !errors.Is(err, models.ErrNotFound):
			t.Errorf("%s: %v; want it refused: %t", name, err, c.refused)
		}
		var kept bool
		if err := db.QueryRowContext(t.Context(), `SELECT `+c.kept+` FROM webhooks WHERE id = $1`, w.ID).Scan(&kept); err != nil || !kept {
			t.Errorf("%s: not so: %s (%v)", name, c.kept, err)
		}
	}
}

// awaitLock waits until a transaction waits for another.
func awaitLock(t *testing.T, name string, db *sql.DB) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		var waits bool
		err := db.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		if waits {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s: it waits for nothing", name)
			return
		}
	}
}
