package store

import (
	"strings"

	"gorm.io/gorm"

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

var runRows = table[*models.Run]{
	name: "runs",
	columns: []string{
		"stack_key", "id", "type", "branch", "triggered_by", "commit_author_login", "commit_author_name", "commit_hash",
		"commit_message", "commit_timestamp", "commit_url", "created_at", "state", "state_version", "state_at", "delta",
		"received_at", "updated_at",
	},
	types: "ittttttttititiitii",
	values: func(row **models.Run) []any {
		r := *row
		return []any{
			r.StackKey, r.ID, string(r.Type), r.Branch, r.TriggeredBy, r.Commit.AuthorLogin, r.Commit.AuthorName, r.Commit.Hash,
			r.Commit.Message, r.Commit.Timestamp, r.Commit.URL, r.CreatedAt, string(r.State), r.StateVersion, r.StateAt, deltaText(r.Delta),
			micros(r.ReceivedAt), micros(r.UpdatedAt),
		}
	},
	conflict: "ON CONFLICT DO NOTHING",
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
		"id", "stack_key", "webhook_id", "event_id", "run_key", "run_id", "state", "state_version", "test", "silent", "status",
		"reason", "code", "attempt", "tries", "due_at", "lease_owner", "claimed_at", "first_ended_at", "first_delivered_at",
		"duration", "expire_from", "ended_at", "redelivered_at", "redelivered_by", "created_at",
	},
	types: "tittittibbttiiiitiiiiiiiti",
	values: func(d *models.Delivery) []any {
		return []any{
			d.ID, d.StackKey, d.WebhookID, d.EventID, nullZero(d.RunKey), d.RunID, string(d.State), d.StateVersion, d.Test, d.Silent, string(d.Status),
			string(d.Reason), d.Code, d.Attempt, d.Tries, micros(d.DueAt), d.LeaseOwner, micros(d.ClaimedAt), micros(d.FirstEndedAt), micros(d.FirstDelivered),
			int64(d.Duration), micros(d.ExpireFrom), micros(d.EndedAt), micros(d.RedeliveredAt), d.RedeliveredBy, micros(d.CreatedAt),
		}
	},
}

var attemptRows = table[models.Attempt]{
	name: "attempts",
	columns: []string{
		"delivery_id", "number", "started_at", "reason", "detail", "code", "url", "address", "reused", "protocol", "tls_version",
		"certificate_expires_at", "dns", "connect", "tls", "first_byte", "body", "total",
	},
	types: "tiittittbttiiiiiii",
	values: func(a *models.Attempt) []any {
		return []any{
			a.DeliveryID, a.Number, micros(a.StartedAt), string(a.Reason), a.Detail, a.Code, a.URL, a.Address, a.Reused, a.Protocol, a.TLSVersion,
			micros(a.CertificateExpiresAt), int64(a.DNS), int64(a.Connect), int64(a.TLS), int64(a.FirstByte), int64(a.Body), int64(a.Total),
		}
	},
	conflict: replaceAttempt,
}

var exchangeRows = table[models.Exchange]{
	name: "exchanges",
	columns: []string{
		"delivery_id", "number", "request_headers", "response_headers", "response_body", "cut", "headers_cut",
	},
	types: "tittybb",
	values: func(x *models.Exchange) []any {
		return []any{x.DeliveryID, x.Number, headersText(x.RequestHeaders), headersText(x.ResponseHeaders), x.ResponseBody, x.Cut, x.HeadersCut}
	},
	conflict: replaceAttempt,
}

// replaceAttempt overwrites an attempt that was recorded as interrupted: its result came after all.
const replaceAttempt = "ON CONFLICT (delivery_id, number) DO UPDATE SET "

// insert adds the rows. PostgreSQL gets them as one array for each column: one statement for any number of them, whose
// text is always the same.
func (t table[T]) insert(tx *gorm.DB, rows []T) error {
	return t.each(tx, rows, func(text string, args []any) error { return execute(tx, text, args) })
}

// insertReturning adds the rows and scans columns of those that were added.
func (t table[T]) insertReturning(tx *gorm.DB, rows []T, columns string, scan func(row) error) error {
	return t.each(tx, rows, func(text string, args []any) error { return query(tx, text+" RETURNING "+columns, args, scan) })
}

// each runs the statements that insert the rows.
func (t table[T]) each(tx *gorm.DB, rows []T, run func(text string, args []any) error) error {
	if len(rows) == 0 {
		return nil
	}
	if onPostgres(tx) {
		return run(t.arrays(), columnArrays(t.types, len(rows), func(i int) []any { return t.values(&rows[i]) }))
	}
	args := make([]any, 0, min(len(rows), largestBatch)*len(t.columns))
	for batch := range batches(rows) {
		args = args[:0]
		for i := range batch {
			args = append(args, t.values(&batch[i])...)
		}
		if err := run(t.lists(len(batch)), args); err != nil {
			return err
		}
	}
	return nil
}

// lists is the text of an insertion of so many rows on SQLite.
func (t table[T]) lists(rows int) string {
	return built(statementKey{t.name, rows}, func() string {
		row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(t.columns)), ", ") + ")"
		return t.into() + " VALUES " + row + strings.Repeat(", "+row, rows-1) + " " + t.onConflict()
	})
}

// arrays is the text of an insertion on PostgreSQL.
func (t table[T]) arrays() string {
	return built(statementKey{t.name, 0}, func() string {
		return t.into() + " SELECT * FROM unnest(" + arrayParameters(t.types) + ") " + t.onConflict()
	})
}

func (t table[T]) into() string {
	return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ")"
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
