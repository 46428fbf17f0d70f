package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
	"gorm.io/gorm"
)

// backupPragmas: nothing of the database is changed, not even by a migration, so that a newer program can back up what
// an older one serves.
const backupPragmas = "mode=ro&_busy_timeout=5000"

// Backup copies a SQLite database to a file that must not exist, and returns the copy's size in bytes. The copy is of one
// moment, whatever a server writes meanwhile, and is durable when Backup returns. The file appears when it is complete;
// after an error there is none. The keys are not in it.
func Backup(ctx context.Context, database, file string) (size int64, err error) {
	if namesPostgres(database) {
		return 0, errors.New("a PostgreSQL database is backed up with pg_dump, and the key file beside it; this command copies SQLite files")
	}
	if err := checkFile(database, false); err != nil {
		return 0, err
	}
	if err := checkFree(file); err != nil {
		return 0, err
	}
	if file, err = filepath.Abs(file); err != nil { // what begins with file: would be a URL to SQLite
		return 0, fmt.Errorf("find the folder of the copy: %w", err)
	}
	// It has mode 0600, and is where a rename cannot fail for want of space.
	aside, err := os.CreateTemp(filepath.Dir(file), ".stackhook-backup-*")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("there is no folder %s: make it first", filepath.Dir(file))
	}
	if err != nil {
		return 0, fmt.Errorf("make the copy: %w", err)
	}
	defer func() {
		aside.Close()
		os.Remove(aside.Name())
		os.Remove(aside.Name() + "-journal")
	}()
	if err := vacuumInto(ctx, database, aside.Name()); err != nil {
		return 0, err
	}
	return place(aside, file)
}

// checkFree refuses to overwrite: what is there may be the only other copy.
func checkFree(file string) error {
	_, err := os.Lstat(file)
	switch {
	case err == nil:
		return fmt.Errorf("%s is there already: name a file that does not exist", file)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look for the file to copy to: %w", err)
	}
	return nil
}

// vacuumInto writes a copy into an empty file, in one read transaction.
func vacuumInto(ctx context.Context, database, file string) (err error) {
	db, err := openSQLite(database, backupPragmas, 1)
	if err != nil {
		return err
	}
	defer func() {
		if pool, poolErr := db.DB(); poolErr == nil {
			err = errors.Join(err, pool.Close())
		}
	}()
	err = db.WithContext(ctx).Session(&gorm.Session{PrepareStmt: false}).Exec(`VACUUM INTO ?`, file).Error
	if e, is := errors.AsType[sqlite3.Error](err); is && e.Code == sqlite3.ErrFull {
		return fmt.Errorf("there is not enough space for a copy in %s: make room, or name a file on another disk (%w)", filepath.Dir(file), err)
	}
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return nil
}

// place makes the copy durable under its name.
func place(aside *os.File, file string) (size int64, err error) {
	if err := aside.Sync(); err != nil {
		return 0, fmt.Errorf("write the copy: %w", err)
	}
	info, err := aside.Stat()
	if err != nil {
		return 0, fmt.Errorf("look at the copy: %w", err)
	}
	// Other than a renaming, a link never replaces what was made meanwhile. Some disks have none.
	if err := os.Link(aside.Name(), file); err != nil {
		if err := checkFree(file); err != nil {
			return 0, err
		}
		if err := os.Rename(aside.Name(), file); err != nil {
			return 0, fmt.Errorf("name the copy: %w", err)
		}
	}
	if err := syncFolder(filepath.Dir(file)); err != nil {
		return 0, fmt.Errorf("write the name of the copy: %w", err)
	}
	return info.Size(), nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
