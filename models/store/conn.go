package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"
)

// conn is one connection of a pool with the statements that were prepared on it. GORM's own cache forgets, at the end of
// each transaction, what was prepared inside it, and preparing costs more than most of the statements here.
type conn struct {
	mu     sync.Mutex // for one transaction
	db     *gorm.DB
	raw    *sql.Conn // nil until it is needed, and after it broke
	stmts  map[string]*sql.Stmt
	native native // statements of trips, on SQLite
	wire   wire   // the same on PostgreSQL

	// On PostgreSQL: the transaction begins with the first statement, and these are sent with its end.
	first bool
	last  []call

	locked  bool      // it holds the leader's lock
	planned time.Time // when PostgreSQL last forgot its plans
}

func newConn(db *gorm.DB) *conn {
	return &conn{db: db}
}

// errLost says that a connection was lost before its transaction was to be committed: nothing of it was done.
var errLost = errors.New("the connection to the database was lost")

// transact runs f in one transaction.
func (c *conn) transact(ctx context.Context, f func(tx *gorm.DB) error) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.start(ctx); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			c.end(ctx, "ROLLBACK")
			panic(p)
		}
	}()
	if err := f(c.session(ctx)); err != nil {
		if c.end(ctx, "ROLLBACK") != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", errLost, err)
		}
		return err
	}
	return c.end(ctx, "COMMIT")
}

// start begins a transaction; on PostgreSQL with the first statement of it, see trip.
func (c *conn) start(ctx context.Context) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	if onPostgres(c.db) {
		c.first, c.last = true, nil
		return c.replan(ctx)
	}
	_, err := c.ExecContext(ctx, "BEGIN IMMEDIATE") // takes the write lock at once, see writerPragmas
	if err != nil {
		c.drop()
	}
	return err
}

// replanEvery is how long PostgreSQL keeps the plan of a prepared statement here.
const replanEvery = 10 * time.Second

// replan makes PostgreSQL plan anew what was planned while the tables were smaller: otherwise it would do so only after the
// next ANALYZE. A connection that broke since the last transaction is found out and replaced now.
func (c *conn) replan(ctx context.Context) error {
	if time.Since(c.planned) < replanEvery {
		return nil
	}
	c.planned = time.Now()
	_, err := c.raw.ExecContext(ctx, `DISCARD PLANS`)
	if err != nil {
		c.drop()
		return c.open(ctx)
	}
	return nil
}

// session returns GORM on this connection, inside a transaction: it begins none of its own.
func (c *conn) session(ctx context.Context) *gorm.DB {
	tx := c.db.Session(&gorm.Session{NewDB: true, Context: ctx, SkipDefaultTransaction: true, PrepareStmt: false})
	tx.Statement.ConnPool = c
	return tx
}

// end ends the transaction. A connection that cannot do that is given up, and what it had begun with it.
func (c *conn) end(ctx context.Context, how string) error {
	err := ctx.Err() // the server must hear it all the same
	switch {
	case err != nil:
	case c.first: // it did nothing
		return nil
	case onPostgres(c.db) && how == "COMMIT":
		err = c.wire.send(ctx, c.raw, append(c.last, call{text: how}))
	default:
		_, err = c.ExecContext(ctx, how)
	}
	if err != nil {
		c.drop()
	}
	return err
}

func (c *conn) open(ctx context.Context) error {
	if c.raw != nil {
		return nil
	}
	pool, err := c.db.DB()
	if err != nil {
		return err
	}
	if c.raw, err = pool.Conn(ctx); err != nil {
		return err
	}
	c.stmts = map[string]*sql.Stmt{}
	settings := sqliteSettings
	if onPostgres(c.db) {
		settings = postgresSettings
	}
	for _, text := range settings {
		if _, err := c.raw.ExecContext(ctx, text); err != nil {
			c.drop()
			return err
		}
	}
	return nil
}

var (
	// A statement of many rows that could fail keeps what it would undo, in memory rather than in a file that it makes and
	// removes each time; the log is moved into the database by the checkpointer, beside the commits.
	sqliteSettings = []string{`PRAGMA temp_store = MEMORY`, `PRAGMA wal_autocheckpoint = 0`}
	// All of the writer's statements look up rows by keys. A plan that was made while the tables were small, and is kept
	// with the prepared statement, would read whole tables for that until the next ANALYZE.
	postgresSettings = []string{`SET plan_cache_mode = force_generic_plan`, `SET enable_seqscan = off`, `SET enable_hashjoin = off`, `SET enable_mergejoin = off`, `SET jit = off`}
)

// drop closes the connection; the next transaction opens another.
func (c *conn) drop() {
	if c.raw == nil {
		return
	}
	c.native.close()
	c.wire.forget()
	for _, s := range c.stmts {
		s.Close()
	}
	c.raw.Raw(func(any) error { return driver.ErrBadConn }) // the pool throws it away
	c.raw.Close()
	c.raw, c.stmts, c.locked, c.first = nil, nil, false, false
}

// exclusively runs a statement between two transactions.
func (c *conn) exclusively(ctx context.Context, text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.open(ctx); err != nil {
		return err
	}
	_, err := c.raw.ExecContext(ctx, text)
	return err
}

// close gives the connection back.
func (c *conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop()
}

// PrepareContext and the others make conn a gorm.ConnPool.
func (c *conn) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if c.first {
		c.first = false
		if _, err := c.raw.ExecContext(ctx, "BEGIN"); err != nil {
			return nil, err
		}
	}
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.raw.PrepareContext(ctx, query)
	if err == nil {
		c.stmts[query] = s
	}
	return s, err
}

// ExecContext runs a statement.
func (c *conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext runs a query.
func (c *conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext runs a query for one row.
func (c *conn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return c.raw.QueryRowContext(ctx, query, args...) // which fails in the same way
	}
	return s.QueryRowContext(ctx, args...)
}

// Commit and Rollback make conn a gorm.TxCommitter, by which GORM knows that a transaction is open. They are never
// called: transact ends it.
func (c *conn) Commit() error { return errors.ErrUnsupported }

// Rollback is as Commit.
func (c *conn) Rollback() error { return errors.ErrUnsupported }
