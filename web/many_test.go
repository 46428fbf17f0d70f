package web_test

import (
	"database/sql"
	"testing"

	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// many adds so many deliveries to a site's log, past the store, and returns their database.
func many(t *testing.T, site *webtest.Site, n int) *sql.DB {
	t.Helper()
	stack := storetest.Stack(t, site.Store, "net")
	w := storetest.Webhook(t, site.Store, stack, "https://a.example/", "")
	rec := storetest.Run(t, site.Store, stack)
	db, err := sql.Open("sqlite3", site.Database+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	_, err = db.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO deliveries (id, stack_key, webhook_id, event_id, run_key, run_id, state, state_version, test, silent, status, reason, code,
			attempt, tries, due_at, lease_owner, claimed_at, first_ended_at, first_delivered_at, duration, expire_from, ended_at, redelivered_at,
			redelivered_by, created_at)
		SELECT printf('00%024d', i), ?, ?, ?, ?, ?, 'QUEUED', i, 0, 0, 'delivered', '', 200, 1, 1, NULL, '', NULL, 1, 1, 1000000, 1, 1, NULL, '', 1 FROM n`,
		n-1, stack.Key, w.ID, rec.Event.ID, rec.Run.Key, rec.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
