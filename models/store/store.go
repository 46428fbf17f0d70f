package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"

	"stackhook/models"
)

// Options say which database to open and how.
type Options struct {
	// Database is a path of a SQLite file, or a postgres:// URL.
	Database string
	// KeyFile is the path of the keys; "" is stackhook.key beside the SQLite file, in the current folder with PostgreSQL.
	KeyFile string
	// Account is the payloads' account.
	Account string
	// Create makes the database, or PostgreSQL's tables, when there are none; without it that is an error that says so.
	Create bool
	// Serve is for the process that sends: on SQLite it takes the lock file, of which there is one a database; on
	// PostgreSQL it listens for what other replicas commit.
	Serve bool
	// Metrics takes the metrics of what is committed; nil is nobody.
	Metrics prometheus.Registerer

	look time.Duration // in tests: how often a server looks at its key file
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	account string
	keys    *keyring
	write   *gorm.DB // on SQLite for migrations; conn has its connection afterwards
	read    *gorm.DB // for pages, of which some read long
	quick   *gorm.DB // for the engine and programs, which must not wait for them
	unlock  func()

	metrics      *metrics
	writer       *writer
	conn         *conn                // the one that writes, on SQLite
	checkpointer *checkpointer        // on SQLite
	listener     *listener            // on PostgreSQL, of a process that serves
	leader       *conn                // on PostgreSQL, holds the leader's lock
	reporter     *reporter            // of a process that serves
	targets      recent[Target]       // by webhook
	tokens       recent[models.Token] // by hash
	stacks       recent[models.Stack] // by id
	inlets       recent[OpenInlet]    // by kind and the stack's id
	uses         seen                 // of tokens
	calm         calm
	many         many
	tallier      *tallier

	watchers watchers
	access   atomic.Int64 // see AccessVersion

	mu       sync.Mutex
	onCommit func()
	onLost   func(models.Delivery)
	changed  chan struct{} // closed and replaced after each commit that changed a delivery
	handover handover

	redelivering chan struct{} // told when a redelivery starts
}

// Open opens the database, migrates it and opens the keys. Errors say what to do.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{account: o.Account, unlock: func() {}, changed: make(chan struct{}), metrics: newMetrics(o.Metrics), redelivering: make(chan struct{}, 1)}
	open := s.openSQLite
	if namesPostgres(o.Database) {
		open = s.openPostgres
	}
	err := open(ctx, o)
	if err == nil {
		err = s.openKeys(ctx, o)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.begin(o)
	return s, nil
}

func (s *Store) openSQLite(ctx context.Context, o Options) (err error) {
	if err := checkFile(o.Database, o.Create); err != nil {
		return err
	}
	if o.Serve {
		unlock, err := lockFile(o.Database)
		if err != nil {
			return err
		}
		s.unlock = unlock
	}
	// Two connections: one for changes, one for checkpoints.
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
	s.quick, err = openSQLite(o.Database, readerPragmas, quickReaders)
	return err
}

func (s *Store) openPostgres(ctx context.Context, o Options) (err error) {
	if s.write, err = openPostgres(o.Database, postgresConnections); err != nil {
		return err
	}
	if err := migratePostgres(context.WithoutCancel(ctx), s.write, o.Create); err != nil {
		return err
	}
	if s.read, err = openPostgres(o.Database, readers); err != nil {
		return err
	}
	s.quick, err = openPostgres(o.Database, quickReaders)
	return err
}

// openKeys opens the key file, which must hold what sealed the secrets in the database, and be able to open them.
func (s *Store) openKeys(ctx context.Context, o Options) error {
	path := o.KeyFile
	switch {
	case path != "":
	case namesPostgres(o.Database):
		path = "stackhook.key"
	default:
		path = filepath.Join(filepath.Dir(o.Database), "stackhook.key")
	}
	used, err := s.usedKeys(ctx)
	if err != nil {
		return fmt.Errorf("read which keys the database uses: %w", err)
	}
	if s.keys, err = newKeyring(path, used); err != nil {
		return err
	}
	for _, id := range used.now {
		if err := s.tryKey(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// begin starts what runs beside the callers.
func (s *Store) begin(o Options) {
	s.tallier = newTallier(s)
	if namesPostgres(o.Database) {
		s.writer = newWriter(s, newConn(s.write), newConn(s.write))
		s.leader = newConn(s.write)
		if o.Serve {
			s.listener = newListener(s, o.Database)
		}
	} else {
		s.conn = newConn(s.write)
		s.checkpointer = newCheckpointer(s)
		s.writer = newWriter(s, s.conn)
	}
	if o.Serve {
		s.reporter = newReporter(s, cmp.Or(o.look, lookEvery))
	}
}

// Close closes the database and gives the lock back.
func (s *Store) Close() error {
	if s.listener != nil {
		s.listener.close()
	}
	if s.reporter != nil {
		s.reporter.close()
	}
	if s.writer != nil {
		s.tallier.close()
		s.writer.close()
	}
	if s.checkpointer != nil {
		s.checkpointer.close()
	}
	if s.leader != nil {
		s.leader.close()
	}
	var errs []error
	for _, db := range []*gorm.DB{s.read, s.quick, s.write} {
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
	if err := s.quickReader(ctx).Raw(`SELECT 1`).Scan(&one).Error; err != nil {
		return unavailable(err)
	}
	return nil
}

// CookieKeys returns the keys that authenticate and encrypt cookies and sealed form fields, 32 bytes each.
func (s *Store) CookieKeys() (hash, block []byte) {
	k := s.keys.now()
	return k.file.CookieHash, k.file.CookieBlock
}

// transact runs f in one transaction. Domain errors pass through as they are.
func (s *Store) transact(ctx context.Context, f func(tx *gorm.DB) error) error {
	if s.conn != nil {
		defer s.checkpointer.committed(1)
		return unavailable(s.conn.transact(context.WithoutCancel(ctx), f))
	}
	for range raceTries {
		err := s.transactWithin(ctx, f)
		if !collided(err) {
			return unavailable(err)
		}
	}
	return fmt.Errorf("%w: %w", models.ErrUnavailable, errRaced)
}

// transactWithin runs f in one transaction on PostgreSQL, which may be silent, see reader.
func (s *Store) transactWithin(ctx context.Context, f func(tx *gorm.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, commitWithin)
	defer cancel()
	return s.write.WithContext(ctx).Transaction(f)
}
