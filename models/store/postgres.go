package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

const (
	// postgresConnections is how many the pool for changes has: two of them for the writer, one for the leader.
	postgresConnections = 8
	// postgresPatience bounds a statement and a connection attempt: below commitWithin, so that callers hear the cause.
	postgresPatience = 4 * time.Second
)

// namesPostgres reports whether a setting names a PostgreSQL database and not a file.
func namesPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

func onPostgres(db *gorm.DB) bool { return db.Dialector.Name() == "postgres" }

// postgresURL returns the URL with what every connection has, unless it says otherwise itself.
func postgresURL(database string) (*url.URL, error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, errors.New("STACKHOOK_DATABASE is not a URL: it must look like postgres://user:password@host:5432/database") // err would hold it
	}
	values := u.Query()
	for name, value := range map[string]string{
		"connect_timeout":                     fmt.Sprint(int(postgresPatience.Seconds())),
		"statement_timeout":                   fmt.Sprint(postgresPatience.Milliseconds()),
		"idle_in_transaction_session_timeout": "30000", // of a process that hangs: its locks must not stay
		"application_name":                    "stackhook",
	} {
		if !values.Has(name) {
			values.Set(name, value)
		}
	}
	u.RawQuery = values.Encode()
	return u, nil
}

// openPostgres opens a pool of so many connections. Errors never hold the password.
func openPostgres(database string, connections int) (*gorm.DB, error) {
	u, err := postgresURL(database)
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(postgres.Open(u.String()), gormConfig())
	if err != nil {
		return nil, fmt.Errorf("open the database %s (STACKHOOK_DATABASE): %w", shownURL(u), withoutPassword(u, err))
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", shownURL(u), err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db, nil
}

// shownURL is the URL as errors show it.
func shownURL(u *url.URL) string {
	shown := *u
	shown.RawQuery = ""
	return shown.Redacted()
}

// withoutPassword keeps an error's text, should it quote the URL.
func withoutPassword(u *url.URL, err error) error {
	err = errors.New(strings.Join(strings.Fields(err.Error()), " ")) // the driver writes one line for each address
	password, has := u.User.Password()
	if has && password != "" && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), url.QueryEscape(password))) {
		return errors.New("it cannot be reached")
	}
	return err
}

// migrationLock is the key of the advisory lock of one process that migrates; leaderLock that of one that tidies.
const (
	migrationLock = 0x5354_4143_4b01
	leaderLock    = 0x5354_4143_4b02
)

// migratePostgres migrates while no other process does. Without create, a database without our tables is an error.
func migratePostgres(ctx context.Context, db *gorm.DB, create bool) error {
	if !create && !db.Migrator().HasTable("migrations") {
		return errors.New("the database of STACKHOOK_DATABASE is empty: start “stackhook serve” once to fill it, or name another")
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The lock may be another's for longer than a statement may take, and so may a migration.
	if _, err := conn.ExecContext(ctx, `SET statement_timeout = 0`); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, migrationLock); err != nil {
		return fmt.Errorf("wait for others to migrate the database: %w", err)
	}
	defer conn.Raw(func(any) error { return driver.ErrBadConn }) // closing it ends the lock, and the setting
	alone := db.Session(&gorm.Session{NewDB: true, Context: ctx, PrepareStmt: false})
	alone.Statement.ConnPool = conn
	return migrate(alone)
}

// lost are the classes of SQLSTATE, and single ones, of a server that cannot do it now, and may later: connection
// exceptions, lack of resources, an operator's intervention, a server that only reads, a lock that lasts too long. See PostgreSQL's manual, appendix A.
var lost = []string{"08", "53", "57", "58", "25006", "55P03"}

// protocolViolation is of class 08, and says that this program, or the driver, made a mistake.
const protocolViolation = "08P01"

// unavailablePostgres reports whether an error says that the database cannot be reached or written at the moment.
func unavailablePostgres(err error) bool {
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &connect): // whatever it is refused for: while it fails over a server may know no users or databases
		return true
	case errors.As(err, &refused):
		if refused.Code == protocolViolation {
			return false
		}
		for _, code := range lost {
			if strings.HasPrefix(refused.Code, code) {
				return true
			}
		}
		return false
	case errors.As(err, &network), errors.Is(err, driver.ErrBadConn), pgconn.SafeToRetry(err), pgconn.Timeout(err):
		return true
	}
	return isBroken(err)
}

// holdsNoText reports whether PostgreSQL refused a parameter that is no text to it: one with NUL, or that is not UTF-8. No row
// has it, and SQLite says just that.
func holdsNoText(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "22021"
}

// collided reports whether PostgreSQL ended a transaction because it and another were in each other's way: class 40.
func collided(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && strings.HasPrefix(refused.Code, "40")
}

// isBroken reports whether a connection ended in the middle.
func isBroken(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded)
}
