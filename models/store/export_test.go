package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// TamperWithAudit tries what nobody may do.
func TamperWithAudit(s *Store) error {
	return s.write.Exec(`UPDATE audit_records SET actor_name = 'somebody else'`).Error
}

// CommitWithin bounds how long a caller waits.
const CommitWithin = commitWithin

// Listen listens as a replica does, until it is ended.
func Listen(url string) (end func()) {
	return newListener(&Store{changed: make(chan struct{})}, url).close
}

// Exec runs a statement beside the store's own.
func Exec(s *Store, text string, args ...any) error { return s.write.Exec(text, args...).Error }

// ReadLong makes as many pages as there can be read, until end is called.
func ReadLong(s *Store) (end func(), err error) {
	pool, err := s.read.DB()
	if err != nil {
		return nil, err
	}
	var taken []*sql.Conn
	for range readers {
		c, err := pool.Conn(context.Background())
		if err != nil {
			return nil, err
		}
		taken = append(taken, c)
	}
	return func() {
		for _, c := range taken {
			c.Close()
		}
	}, nil
}

// ExportBy is ExportDeliveries with so few deliveries at once.
func ExportBy(ctx context.Context, s *Store, v models.Viewer, f DeliveryFilter, rows int, take func([]DeliveryRow) error) error {
	return s.exportBy(ctx, v, f, rows, take)
}

// FailuresAmong is Failures that looks through so few.
func FailuresAmong(ctx context.Context, s *Store, v models.Viewer, stack *models.Stack, most int) (Failures, error) {
	return s.failuresAmong(ctx, v, stack, time.Time{}, most)
}

// Ask reads one value beside the store's own queries.
func Ask(s *Store, value any, text string) error { return s.read.Raw(text).Scan(value).Error }

// MigrateSome brings a database to the schema that it had after so many migrations, and runs the statements on it.
func MigrateSome(database string, n int, statements ...string) error {
	db, err := openSQLite(database, writerPragmas, 1)
	if namesPostgres(database) {
		db, err = openPostgres(database, 1)
	}
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := migrateWith(db, migrations()[:n]); err != nil {
		return err
	}
	return execAll(db, statements)
}

// PreviewLooking is PreviewRedelivery that looks so often only.
func PreviewLooking(ctx context.Context, s *Store, o RedeliveryOrder, looks int) (RedeliveryPreview, error) {
	return s.previewLooking(ctx, o, looks)
}

// AuditDetails returns what the records of an action say, oldest first.
func AuditDetails(s *Store, action models.Action) (details []string, err error) {
	err = s.read.Raw(`SELECT actor_name || ': ' || detail FROM audit_records WHERE action = ? ORDER BY id`, action).Scan(&details).Error
	return details, err
}

// BreakOff works off the next batch of a redelivery up to just before its commit.
func BreakOff(ctx context.Context, s *Store, id string) error {
	r, err := s.Redelivery(ctx, nil, id)
	if err != nil || r.State != models.RedeliveryRunning {
		return err
	}
	next, err := s.nextToRedeliver(ctx, r)
	if err != nil {
		return err
	}
	broken := errors.New("broken off")
	err = s.transact(ctx, func(tx *gorm.DB) error {
		if _, err := (redeliveryOf{tx: tx, Redelivery: &r, now: time.Now(), done: newCounts()}).redeliver(next); err != nil {
			return err
		}
		return errors.Join(tx.Save(&r).Error, broken)
	})
	if errors.Is(err, broken) {
		return nil
	}
	return err
}

// Redelivered returns when each of a webhook's deliveries was sent again, in order.
func Redelivered(s *Store, w models.Webhook) ([]time.Time, error) {
	rows, err := all[models.Delivery](s.read.Where("webhook_id = ? AND redelivered_at IS NOT NULL", w.ID).Order("redelivered_at"))
	var at []time.Time
	for _, r := range rows {
		at = append(at, r.RedeliveredAt)
	}
	return at, err
}

// RedeliverSome works off the next batch of a redelivery as it was read before.
func RedeliverSome(ctx context.Context, s *Store, r models.Redelivery) error {
	_, err := s.redeliverSome(ctx, r)
	return err
}

// NoteWebhook tells watches of a webhook.
func NoteWebhook(s *Store, webhook string, stack int64) { s.noteWebhook(webhook, stack) }

// Counts returns how many rows each table has.
func Counts(s *Store, tables ...string) string {
	var counts []string
	for _, table := range tables {
		var n int64
		if err := s.read.Table(table).Count(&n).Error; err != nil {
			return err.Error()
		}
		counts = append(counts, strconv.FormatInt(n, 10))
	}
	return strings.Join(counts, " ")
}
