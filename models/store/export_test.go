package store

import (
	"context"
	"database/sql"
	"time"

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
