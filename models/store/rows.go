package store

import (
	"cmp"
	"slices"
	"strings"

	"stackhook/models"
)

// table says how rows of a model are inserted by the writer. GORM would find the same out by reflection, for each row
// anew, which costs more than the insertion.
type table[T any] struct {
	name    string
	columns []string
	types   string             // of the columns, a letter each: t text, i bigint, b boolean, y bytea
	values  func(row *T) []any // one for each column
	// conflict is the statement's ON CONFLICT clause, if any.
	conflict string
}

var runRows = table[models.Run]{
	name: "runs",
	columns: []string{
		"key", "stack_key", "id", "type", "branch", "triggered_by", "commit_author_login", "commit_author_name", "commit_hash",
		"commit_message", "commit_timestamp", "commit_url", "created_at", "state", "state_version", "state_at", "delta",
		"received_at", "updated_at",
	},
	types: "iittttttttititiitii",
	values: func(r *models.Run) []any {
		return []any{
			r.Key, r.StackKey, r.ID, string(r.Type), r.Branch, r.TriggeredBy, r.Commit.AuthorLogin, r.Commit.AuthorName, r.Commit.Hash,
			r.Commit.Message, r.Commit.Timestamp, r.Commit.URL, r.CreatedAt, string(r.State), r.StateVersion, r.StateAt, deltaText(r.Delta),
			micros(r.ReceivedAt), micros(r.UpdatedAt),
		}
	},
}

var eventRows = table[models.Event]{
	name:    "events",
	columns: []string{"id", "stack_key", "run_key", "run_id", "state", "state_version", "at", "delta", "payload", "created_at"},
	types:   "tiittiityi",
	values: func(e *models.Event) []any {
		return []any{
			e.ID, e.StackKey, nullZero(e.RunKey), e.RunID, string(e.State), e.StateVersion, e.At, deltaText(e.Delta), e.Payload,
			micros(e.CreatedAt),
		}
	},
}

var deliveryRows = table[models.Delivery]{
	name: "deliveries",
	columns: []string{
		"id", "stack_key", "webhook_id", "event_id", "run_key", "run_id", "state", "state_version", "test", "only_secret", "silent", "status",
		"reason", "code", "attempt", "tries", "due_at", "lease_owner", "claimed_at", "first_ended_at", "first_delivered_at",
		"duration", "expire_from", "ended_at", "redelivered_at", "redelivered_by", "created_at",
	},
	types: "tittittibtbttiiiitiiiiiiiti",
	values: func(d *models.Delivery) []any {
		return []any{
			d.ID, d.StackKey, d.WebhookID, d.EventID, nullZero(d.RunKey), d.RunID, string(d.State), d.StateVersion, d.Test, d.OnlySecret, d.Silent, string(d.Status),
			string(d.Reason), d.Code, d.Attempt, d.Tries, micros(d.DueAt), d.LeaseOwner, micros(d.ClaimedAt), micros(d.FirstEndedAt), micros(d.FirstDelivered),
			int64(d.Duration), micros(d.ExpireFrom), micros(d.EndedAt), micros(d.RedeliveredAt), d.RedeliveredBy, micros(d.CreatedAt),
		}
	},
}

var attemptRows = table[models.Attempt]{
	name: "attempts",
	columns: []string{
		"delivery_id", "number", "started_at", "reason", "cause", "detail", "code", "url", "signed_by", "address", "reused", "protocol", "tls_version",
		"certificate_expires_at", "dns", "connect", "tls", "first_byte", "body", "total",
		"request_headers", "response_headers", "response_body", "cut", "headers_cut",
	},
	types: "tiitttitttbttiiiiiiittybb",
	values: func(a *models.Attempt) []any {
		x := &a.Exchange
		return []any{
			a.DeliveryID, a.Number, micros(a.StartedAt), string(a.Reason), string(a.Cause), a.Detail, a.Code, a.URL, a.SignedBy, a.Address, a.Reused, a.Protocol, a.TLSVersion,
			micros(a.CertificateExpiresAt), int64(a.DNS), int64(a.Connect), int64(a.TLS), int64(a.FirstByte), int64(a.Body), int64(a.Total),
			headersText(x.RequestHeaders), headersText(x.ResponseHeaders), x.ResponseBody, x.Cut, x.HeadersCut,
		}
	},
	conflict: replaceAttempt,
}

// replaceAttempt overwrites an attempt that was recorded as interrupted: its result came after all.
const replaceAttempt = "ON CONFLICT (delivery_id, number) DO UPDATE SET "

// insert adds the rows. PostgreSQL gets them as one array for each column: one statement for any number of them, whose
// text is always the same.
func (t table[T]) insert(trip *trip, rows []T) {
	inEach(trip, rows, t.types, t.values, func(n int) string {
		return built(statementKey{t.name, n}, func() string {
			return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") " + rowsOf(t.types, n) + " " + t.onConflict()
		})
	}, nil)
}

func (t table[T]) onConflict() string {
	if t.conflict != replaceAttempt {
		return t.conflict
	}
	var sets []string
	for _, c := range t.columns[2:] {
		sets = append(sets, c+" = excluded."+c)
	}
	return t.conflict + strings.Join(sets, ", ")
}

// changedTypes are those of changeRuns.
const changedTypes = "itiiti"

// changeRuns writes the states that runs are in now.
func changeRuns(trip *trip, runs []models.Run) {
	slices.SortFunc(runs, func(a, b models.Run) int { return cmp.Compare(a.Key, b.Key) })
	values := func(r *models.Run) []any {
		return []any{r.Key, string(r.State), r.StateVersion, r.StateAt, deltaText(r.Delta), micros(r.UpdatedAt)}
	}
	inEach(trip, runs, changedTypes, values, func(n int) string {
		return built(statementKey{"changed", n}, func() string {
			return `WITH r (key, state, state_version, state_at, delta, updated_at) AS (` + rowsOf(changedTypes, n) + `)
				UPDATE runs SET state = r.state, state_version = r.state_version, state_at = r.state_at, delta = r.delta, updated_at = r.updated_at
				FROM r WHERE runs.key = r.key`
		})
	}, nil)
}
