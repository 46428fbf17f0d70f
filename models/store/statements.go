package store

import (
	"iter"
	"strings"
	"sync"
)

// The writer's own statements go to the connection directly, past GORM, see trip.

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
	name string
	rows int // 0 for any number of them
}

func built(key statementKey, build func() string) string {
	if text, known := statements.Load(key); known {
		return text.(string)
	}
	text := build()
	statements.Store(key, text)
	return text
}

// inEach adds statements that take rows as their arguments: on PostgreSQL one of all rows, on SQLite one of each batch.
// text returns the statement for so many of them, see rowsOf.
func inEach[T any](trip *trip, rows []T, types string, values func(*T) []any, text func(n int) string, returned func(row) error) {
	if len(rows) == 0 {
		return
	}
	if onPostgres(trip.tx) {
		trip.add(text(0), columnArrays(types, len(rows), func(i int) []any { return values(&rows[i]) }), returned)
		return
	}
	args := make([]any, 0, min(len(rows), largestBatch)*len(types))
	for batch := range batches(rows) {
		args = args[:0]
		for i := range batch {
			args = append(args, values(&batch[i])...)
		}
		trip.add(text(len(batch)), args, returned)
	}
}

// rowsOf is the text of a query that returns so many rows of parameters, or, with 0, those of an array for each column.
func rowsOf(types string, n int) string {
	if n == 0 {
		return "SELECT " + unnested(types)
	}
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(types)), ", ") + ")"
	return "VALUES " + row + strings.Repeat(", "+row, n-1)
}
