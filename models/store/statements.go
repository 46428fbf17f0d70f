package store

import (
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

// arrayParameters are PostgreSQL's parameters for columns of these types, an array each.
func arrayParameters(types string) string {
	names := map[rune]string{'t': "text", 'i': "bigint", 'b': "boolean", 'y': "bytea"}
	var list []string
	for i, t := range types {
		list = append(list, "$"+strconv.Itoa(i+1)+"::"+names[t]+"[]")
	}
	return strings.Join(list, ", ")
}

// columnArrays turns rows into an array for each column.
func columnArrays(types string, rows int, row func(i int) []any) []any {
	columns := make([]any, len(types))
	for c, t := range types {
		switch t {
		case 't':
			columns[c] = make([]*string, rows)
		case 'i':
			columns[c] = make([]*int64, rows)
		case 'b':
			columns[c] = make([]bool, rows)
		case 'y':
			columns[c] = make([][]byte, rows)
		}
	}
	for r := range rows {
		for c, value := range row(r) {
			switch v := value.(type) {
			case string:
				columns[c].([]*string)[r] = &v
			case int64:
				columns[c].([]*int64)[r] = &v
			case int:
				n := int64(v)
				columns[c].([]*int64)[r] = &n
			case bool:
				columns[c].([]bool)[r] = v
			case []byte:
				columns[c].([][]byte)[r] = v
			}
		}
	}
	return columns
}

// row is one that a query of ours returned.
type row interface {
	Scan(into ...any) error
}

// execute runs a statement of ours that returns nothing.
func execute(tx *gorm.DB, text string, args []any) error { return query(tx, text, args, nil) }

// query runs a query of ours and scans each row.
func query(tx *gorm.DB, text string, args []any, scan func(row) error) error {
	if c, own := tx.Statement.ConnPool.(*conn); own && !onPostgres(tx) {
		return translate(tx, c.native.query(c.raw, text, args, scan))
	}
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
