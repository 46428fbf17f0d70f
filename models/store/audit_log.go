package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// AuditFilter narrows the audit log. What is not set narrows nothing.
type AuditFilter struct {
	Action   models.Action
	Who      string // the name of an actor, as it was then
	Stack    string // the id of a stack, as it was then
	Webhook  string // an id
	From, To time.Time
}

// AuditRecords returns a page of the audit log, newest first. Cursors are ids of records.
func (s *Store) AuditRecords(ctx context.Context, f AuditFilter, page Page) (Listing[models.AuditRecord], error) {
	l, err := list(f.where(s.reader(ctx)), "id", page, func(r models.AuditRecord) string { return r.ID })
	if holdsNoText(err) {
		return Listing[models.AuditRecord]{}, nil
	}
	return l, unavailable(err)
}

func (f AuditFilter) where(q *gorm.DB) *gorm.DB {
	for column, value := range map[string]string{"action": string(f.Action), "actor_name": f.Who, "stack_id": f.Stack, "webhook_id": f.Webhook} {
		if value != "" {
			q = q.Where(column+" = ?", value)
		}
	}
	if !f.From.IsZero() { // ids begin with the time
		q = q.Where("id >= ? AND at >= ?", models.LeastID(f.From), micros(f.From))
	}
	if !f.To.IsZero() {
		q = q.Where("id < ? AND at < ?", models.LeastID(f.To.Add(clockStep)), micros(f.To))
	}
	return q
}

// ExportAudit hands all records that the filter lets through to take, newest first, a page at a time: see ExportDeliveries.
func (s *Store) ExportAudit(ctx context.Context, f AuditFilter, take func([]models.AuditRecord) error) error {
	return exportPages(Page{Limit: MaxPageSize}, take, func(page Page) (Listing[models.AuditRecord], error) {
		return s.AuditRecords(ctx, f, page)
	})
}
