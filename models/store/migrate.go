package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
)

// sqliteWords fills the braces of schema.go. STRICT makes SQLite refuse a value of another type.
var sqliteWords = strings.NewReplacer(
	"{key}", "INTEGER PRIMARY KEY AUTOINCREMENT", "{int}", "INTEGER", "{bool}", "INTEGER", "{bytes}", "BLOB", "{strict}", "STRICT",
)

// migrate brings the database to this version's schema. A database that a newer version has migrated is refused.
func migrate(db *gorm.DB) error {
	options := *gormigrate.DefaultOptions
	options.UseTransaction = true
	options.ValidateUnknownMigrations = true
	err := gormigrate.New(db, &options, []*gormigrate.Migration{
		{ID: "0001-first", Migrate: func(tx *gorm.DB) error { return execAll(tx, append(firstSchema, auditAppendOnly)) }},
		{ID: "0002-circuit", Migrate: func(tx *gorm.DB) error { return execAll(tx, circuitSchema) }},
	}).Migrate()
	if errors.Is(err, gormigrate.ErrUnknownPastMigration) {
		return errors.New("the database was migrated by a newer version of Stackhook; start that version, or restore a backup made before")
	}
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

func execAll(tx *gorm.DB, statements []string) error {
	for _, s := range statements {
		if err := tx.Exec(sqliteWords.Replace(s)).Error; err != nil {
			return err
		}
	}
	return nil
}
