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
	values: func(x *models.Exchange) []any {
		return []any{x.DeliveryID, x.Number, headersText(x.RequestHeaders), headersText(x.ResponseHeaders), x.ResponseBody, x.Cut, x.HeadersCut}
	},
	conflict: replaceAttempt,
}

// replaceAttempt overwrites an attempt that was recorded as interrupted: its result came after all.
const replaceAttempt = "ON CONFLICT (delivery_id, number) DO UPDATE SET "

// insert adds the rows and returns how many were added.
func (t table[T]) insert(tx *gorm.DB, rows []T) (int64, error) {
	var added int64
	args := make([]any, 0, min(len(rows), largestBatch)*len(t.columns))
	for batch := range batches(rows) {
		args = args[:0]
		for i := range batch {
			args = append(args, t.values(&batch[i])...)
		}
		done, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, t.statement(tx, len(batch)), args...)
		if err != nil {
			return added, translate(tx, err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			return added, err
		}
		added += n
	}
	return added, nil
}

// statement is the text of an insertion of so many rows.
func (t table[T]) statement(tx *gorm.DB, rows int) string {
	key := statementKey{t.name, rows, onPostgres(tx)}
	if text, known := statements.Load(key); known {
		return text.(string)
	}
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES ")
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + strings.TrimSuffix(strings.Repeat("?, ", len(t.columns)), ", ") + ")")
	}
	b.WriteString(" " + t.conflict)
	if t.conflict == replaceAttempt {
		for i, c := range t.columns[2:] {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(c + " = excluded." + c)
		}
	}
	text := numbered(tx, b.String())
	statements.Store(key, text)
	return text
}
