package store_test

import (
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A long count is remembered for a moment; a short one never.
func TestManyAreCountedNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		check := func(want int) {
			t.Helper()
			h, err := s.WebhookHealth(t.Context(), w)
			if err != nil || h.Waiting != want || h.Day.Waiting != want {
				t.Errorf("%d wait, %d of the day, %v; want %d", h.Waiting, h.Day.Waiting, err, want)
			}
		}
		more := func(prefix string, n int) { // that wait as the first one does
			t.Helper()
			const columns = "stack_key, webhook_id, event_id, run_id, state, state_version, test, silent, status, reason, code, attempt, tries, due_at, lease_owner, duration, expire_from, redelivered_by, created_at"
			err := store.Exec(s, `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
				INSERT INTO deliveries (id, `+columns+`) SELECT ? || n, `+columns+` FROM numbers, (SELECT * FROM deliveries ORDER BY id LIMIT 1)`, n, prefix)
			if err != nil {
				t.Fatal(err)
			}
		}
		check(0)
		storetest.Run(t, s, stack)
		check(1)
		more("x", 998)
		check(999)
		more("y", 1)
		check(1000)
		more("z", 5)
		check(1000)
		time.Sleep(3 * time.Second)
		check(1005)
	})
}
