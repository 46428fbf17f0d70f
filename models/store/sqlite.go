package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"stackhook/models"
)

const (
	// writerPragmas: WAL lets readers read while one writes; synchronous=FULL makes a commit durable before it is
	// answered; _txlock=immediate takes the write lock at the start, without which a transaction that reads before it
	// writes fails with "database is locked" whatever the busy time-out is.
	writerPragmas = "_journal_mode=WAL&_synchronous=FULL&_foreign_keys=on&_busy_timeout=5000&_txlock=immediate&_mutex=no"
	readerPragmas = "_journal_mode=WAL&_foreign_keys=on&_busy_timeout=5000&_query_only=true&_mutex=no"
	// readers is how many pages may read at once. Each holds a page cache of up to 2 MB.
	readers = 8
	// quickReaders is how many look-ups there may be at once beside them. Each takes well under a millisecond.
	quickReaders = 4
)

func checkFile(path string, create bool) error {
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !create:
		shown, absErr := filepath.Abs(path)
		if absErr != nil {
			shown = path
		}
		return fmt.Errorf("there is no database at %s: start “stackhook serve” once to make it, or name another with STACKHOOK_DATABASE", shown)
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("make the folder of the database: %w", err)
		}
		// SQLite would make the file readable by everybody, as far as the umask lets it.
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return fmt.Errorf("make the database: %w", err)
		}
		return f.Close()
	case err != nil:
		return fmt.Errorf("look for the database: %w", err)
	}
	return nil
}

// gormConfig is how GORM is used on either database.
func gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true, // every exported method is one transaction already
		TranslateError:         true,
		PrepareStmt:            true,
		// Columns are named: PostgreSQL refuses a prepared SELECT * once a newer version of the program has added a column.
		QueryFields: true,
		// With exactly this value GORM starts no goroutine to expire statements, which would outlive Close.
		PrepareStmtTTL: 10 * 365 * 24 * time.Hour,
		Logger:         logger.Discard, // errors are returned, and say no values
	}
}

func openSQLite(path, pragmas string, connections int) (*gorm.DB, error) {
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas
	db, err := gorm.Open(sqlite.Open(dsn), gormConfig())
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db, nil
}

// lockFile makes this process the only one that sends from the database. The lock is the kernel's: it ends with the
// process, however that ends. The file holds the pid for the one that is refused.
func lockFile(database string) (unlock func(), err error) {
	f, err := os.OpenFile(database+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(f.Name())
		f.Close()
		return nil, fmt.Errorf("the database %s is in use by another server (pid %s): end that one first, or name another database", database, strings.TrimSpace(string(pid)))
	}
	err = errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintln(os.Getpid())))
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("write the lock file: %w", err)
	}
	return func() { f.Close() }, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// unavailable turns what a full disk, a read-only file, a lock that lasts too long or a lost server looks like into
// models.ErrUnavailable; other errors stay as they are.
func unavailable(err error) error {
	if err == nil || errors.Is(err, models.ErrUnavailable) {
		return err
	}
	if unavailablePostgres(err) {
		return fmt.Errorf("%w: %w", models.ErrUnavailable, err)
	}
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrFull, sqlite3.ErrReadonly, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrNomem:
		return fmt.Errorf("%w: %w", models.ErrUnavailable, err)
	}
	return err
}
