package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store"
)

// migrated migrates an empty database of each kind so far, fills it, and opens it.
func migrated(t *testing.T, migrations int, fill []string, test func(*testing.T, *store.Store)) {
	t.Helper()
	for name, database := range map[string]func(*testing.T) string{
		"sqlite": func(t *testing.T) string { return filepath.Join(t.TempDir(), "stackhook.db") },
		"postgres": func(t *testing.T) string {
			cluster := needs.Postgres(t, "tests on PostgreSQL")
			name, err := cluster.NewDatabase("")
			if err != nil {
				t.Fatal(err)
			}
			return cluster.URL(name)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := database(t)
			if err := store.MigrateSome(path, migrations, fill...); err != nil {
				t.Fatal(err)
			}
			s, err := open(t, store.Options{Database: path, KeyFile: filepath.Join(t.TempDir(), "key"), Create: true})
			if err != nil {
				t.Fatal(err)
			}
			test(t, s)
		})
	}
}

// What went over the wire had a table of its own.
func TestExchangesMoveToTheirAttempts(t *testing.T) {
	t.Parallel()
	migrated(t, 7, []string{
		`INSERT INTO stacks (key, id, name, description, created_at) VALUES (1, 'a', 'A', '', 0)`,
		`INSERT INTO webhooks (id, stack_key, endpoint, endpoint_url, endpoint_host, endpoint_key, secret_fingerprint, enabled, disabled_why, failures, created_at, updated_at)
					VALUES ('w', 1, '', '', '', '', '', TRUE, '', 0, 0, 0)`,
		`INSERT INTO events (id, stack_key, run_id, state, state_version, at, payload, created_at) VALUES ('e', 1, 'r', 'QUEUED', 0, 0, CAST('' AS {bytes}), 0)`,
		`INSERT INTO deliveries (id, stack_key, webhook_id, event_id, run_id, state, state_version, test, silent, status, reason, code, attempt, tries, lease_owner, duration, expire_from, redelivered_by, created_at)
					VALUES ('d', 1, 'w', 'e', 'r', 'QUEUED', 0, FALSE, FALSE, 'failed', '', 0, 2, 2, '', 0, 0, '', 0)`,
		`INSERT INTO attempts (delivery_id, number, reason, detail, code, url, address, reused, protocol, tls_version, dns, connect, tls, first_byte, body, total)
					VALUES ('d', 1, 'interrupted', '', 0, '', '', FALSE, '', '', 0, 0, 0, 0, 0, 0), ('d', 2, 'status_5xx', '', 500, '', '', FALSE, '', '', 0, 0, 0, 0, 7, 0)`,
		`INSERT INTO exchanges (delivery_id, number, request_headers, response_body, cut, headers_cut) VALUES ('d', 2, '[{"name":"A","value":"b"}]', CAST('oops' AS {bytes}), TRUE, FALSE)`,
	}, func(t *testing.T, s *store.Store) {
		attempts, err := s.Attempts(t.Context(), models.Delivery{ID: "d"})
		if err != nil || len(attempts) != 2 {
			t.Fatal(attempts, err)
		}
		x, none := attempts[0].Exchange, attempts[1].Exchange
		if len(x.RequestHeaders) != 1 || x.RequestHeaders[0].Value != "b" || x.ResponseHeaders != nil || string(x.ResponseBody) != "oops" || !x.Cut || x.HeadersCut || attempts[0].Body != 7 {
			t.Errorf("%+v", attempts[0])
		}
		if none.RequestHeaders != nil || none.ResponseBody != nil || none.Cut {
			t.Errorf("%+v", none)
		}
	})
}

// Counters were kept by webhook only.
func TestTalliesAreAddedUpByStack(t *testing.T) {
	t.Parallel()
	now := time.Now()
	step := now.UTC().Truncate(24 * time.Hour).Unix()
	tally := func(webhook string, stack, shard, delivered, took int) string {
		return fmt.Sprintf(`INSERT INTO tallies (webhook_id, step, at, shard, stack_key, delivered, failed, skipped, tooka, tookb, tookc, tookd, tooke, tookf, tookg, tookh, tooki, tookj, tookk, tookl)
			VALUES ('%s', 86400, %d, %d, %d, %d, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, %d)`, webhook, step, shard, stack, delivered, took)
	}
	migrated(t, 15, []string{tally("a", 1, 0, 1, 5), tally("a", 1, 1, 2, 0), tally("b", 1, 0, 4, 1), tally("c", 2, 0, 8, 0)}, func(t *testing.T, s *store.Store) {
		month := models.Spans[len(models.Spans)-1]
		for name, c := range map[string]struct {
			of                      store.TallyScope
			delivered, failed, took int64
		}{
			"all stacks": {store.TallyScope{}, 15, 4, 6},
			"a stack":    {store.TallyScope{Stack: &models.Stack{Key: 1}}, 7, 3, 6},
			"a webhook":  {store.TallyScope{Webhook: "a"}, 3, 2, 5},
		} {
			tallies, err := s.Tallies(t.Context(), administrator, c.of, month, now)
			if err != nil {
				t.Fatal(err)
			}
			got := tallies[len(tallies)-1]
			if got.Delivered != c.delivered || got.Failed != c.failed || got.Took[len(got.Took)-1] != c.took {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
}
