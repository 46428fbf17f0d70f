package store

import (
	"database/sql"
	"iter"
	"strconv"
	"strings"
	"sync"

	"gorm.io/gorm"
)

// The writer's own statements go to the connection directly, past GORM.

// largestBatch is the most rows of one statement: beyond it a row costs the same.
const largestBatch = 64

// batches splits rows into batches of few sizes. Each size is a statement that is prepared once.
func batches[T any](rows []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for size := largestBatch; len(rows) > 0; {
			if len(rows) < size {
				size /= 4
				continue
			}
			if !yield(rows[:size:size]) {
				return
			}
			rows = rows[size:]
		}
	}
}

// statements are the texts that were built, by statementKey.
var statements sync.Map

type statementKey struct {
	name     string
	rows     int
	postgres bool
}

// numbered writes a statement's question marks as PostgreSQL wants them.
func numbered(tx *gorm.DB, text string) string {
	if !onPostgres(tx) {
		return text
	}
	var b strings.Builder
	n := 0
	for {
		before, after, found := strings.Cut(text, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
		text = after
	}
}

// query runs a query of ours and scans each row.
func query(tx *gorm.DB, text string, args []any, scan func(*sql.Rows) error) error {
	rows, err := tx.Statement.ConnPool.QueryContext(tx.Statement.Context, text, args...)
	if err != nil {
		return translate(tx, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return translate(tx, rows.Err())
}

// translate makes a violated constraint what GORM calls it.
func translate(tx *gorm.DB, err error) error {
	if t, ok := tx.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		return t.Translate(err)
	}
	return err
}
