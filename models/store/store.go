package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"gorm.io/gorm"

	"stackhook/models"
)

// Options say which database to open and how.
type Options struct {
	// Database is a path of a SQLite file.
	Database string
	// KeyFile is the path of the keys; "" is stackhook.key beside the database.
	KeyFile string
	// Account is the payloads' account.
	Account string
	// Create makes the database when there is none; without it that is an error that names the path.
	Create bool
	// Exclusive takes the lock file of the one process that sends from this database.
	Exclusive bool
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	account string
	keys    *keys
	write   *gorm.DB // on SQLite for migrations; conn has its connection afterwards
	read    *gorm.DB
	unlock  func()

	writer       *writer
	conn         *conn // the one that writes, on SQLite
	checkpointer *checkpointer
	targets      recent[Target]       // by webhook
	tokens       recent[models.Token] // by hash
	stacks       recent[models.Stack] // by id

	mu       sync.Mutex
	onCommit func()
	changed  chan struct{} // closed and replaced after each commit that changed a delivery
	handover handover
}

// Open opens the database, migrates it and opens the keys. Errors say what to do.
func Open(ctx context.Context, o Options) (*Store, error) {
	if strings.HasPrefix(o.Database, "postgres://") || strings.HasPrefix(o.Database, "postgresql://") {
		return nil, errors.New("STACKHOOK_DATABASE names PostgreSQL, which this version cannot use yet: name a SQLite file")
	}
	if err := checkFile(o.Database, o.Create); err != nil {
		return nil, err
	}
	s := &Store{account: o.Account, unlock: func() {}, changed: make(chan struct{})}
	if err := s.open(ctx, o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) (err error) {
	if o.Exclusive {
		if s.unlock, err = lockFile(o.Database); err != nil {
			s.unlock = func() {}
			return err
		}
	}
	if s.write, err = openSQLite(o.Database, writerPragmas, 2); err != nil {
		return err
	}
	// GORM panics when it looks for a table under a context that has ended. A migration is short: it is not cut off.
	if err := migrate(s.write.WithContext(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	if s.read, err = openSQLite(o.Database, readerPragmas, readers); err != nil {
		return err
	}
	var inUse []int64
	if err := s.read.WithContext(ctx).Raw(`SELECT id FROM key_ids ORDER BY id`).Scan(&inUse).Error; err != nil {
		return fmt.Errorf("read which keys the database uses: %w", err)
	}
	if o.KeyFile == "" {
		o.KeyFile = filepath.Join(filepath.Dir(o.Database), "stackhook.key")
	}
	if s.keys, err = openKeys(o.KeyFile, inUse); err != nil {
		return err
	}
	s.conn = newConn(s.write)
	s.checkpointer = newCheckpointer(s)
	s.writer = newWriter(s, 1)
	return nil
}

// Close closes the database and gives the lock back.
func (s *Store) Close() error {
	if s.writer != nil {
		s.writer.close()
		s.checkpointer.close()
		s.conn.close()
	}
	var errs []error
	for _, db := range []*gorm.DB{s.read, s.write} {
		if db == nil {
			continue
		}
		pool, err := db.DB()
		if err == nil {
			err = pool.Close()
		}
		errs = append(errs, err)
	}
	s.unlock()
	return errors.Join(errs...)
}

// Ready reports whether the database answers.
func (s *Store) Ready(ctx context.Context) error {
	var one int
	if err := s.read.WithContext(ctx).Raw(`SELECT 1`).Scan(&one).Error; err != nil {
		return unavailable(err)
	}
	return nil
}

// CookieKeys returns the keys that authenticate and encrypt cookies and sealed form fields, 32 bytes each.
func (s *Store) CookieKeys() (hash, block []byte) {
	return s.keys.file.CookieHash, s.keys.file.CookieBlock
}

// OnCommit sets the function that is called after each commit that may have made a delivery due. It must not block.
func (s *Store) OnCommit(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onCommit = f
}

// committed tells the engine and whoever waits for a delivery that something changed.
func (s *Store) committed() {
	s.announce()
	s.nudge()
}

// nudge tells the engine that something may be due.
func (s *Store) nudge() {
	s.mu.Lock()
	f := s.onCommit
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

// announce wakes those who wait for a delivery to change.
func (s *Store) announce() {
	s.mu.Lock()
	changed := s.changed
	s.changed = make(chan struct{})
	s.mu.Unlock()
	close(changed)
}

// changes returns a channel that is closed with the next commit that changes a delivery.
func (s *Store) changes() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// transact runs f in one transaction. Domain errors pass through as they are.
func (s *Store) transact(ctx context.Context, f func(tx *gorm.DB) error) error {
	if s.conn != nil {
		defer s.checkpointer.committed(1)
		return unavailable(s.conn.transact(context.WithoutCancel(ctx), f))
	}
	return unavailable(s.write.WithContext(ctx).Transaction(f))
}

// reader returns the pool for reading.
func (s *Store) reader(ctx context.Context) *gorm.DB { return s.read.WithContext(ctx) }

// first loads one row; none is models.ErrNotFound.
func first[T any](query *gorm.DB) (T, error) {
	var row T
	err := query.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = models.ErrNotFound
	}
	return row, unavailable(err)
}

// all loads the rows of a query, an empty list when there are none.
func all[T any](query *gorm.DB) ([]T, error) {
	rows := []T{}
	return rows, unavailable(query.Find(&rows).Error)
}
