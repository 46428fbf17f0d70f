package store

import (
	"encoding/json"
	"iter"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// among is the condition that a column has one of the keys. The keys are one parameter, so that the text of a statement,
// and with it the prepared one, is the same for any number of them.
func among[K int64 | string](tx *gorm.DB, column string, keys []K) clause.Expr {
	list, err := json.Marshal(keys)
	if err != nil {
		panic("store: numbers and texts cannot be written as JSON: " + err.Error())
	}
	sql := "(SELECT value FROM json_each(?))"
	if onPostgres(tx) {
		sql = "(SELECT json_array_elements_text(CAST(? AS json)))"
		if _, numbers := any(keys).([]int64); numbers {
			sql = "(SELECT CAST(json_array_elements_text(CAST(? AS json)) AS bigint))"
		}
	}
	return clause.Expr{SQL: column + " IN " + sql, Vars: []any{string(list)}}
}

// locked makes a query lock its rows against other transactions. SQLite has one writer and needs none.
func locked(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
}

// batches splits rows into batches of few sizes. Each size is a statement that is prepared once.
func batches[T any](rows []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for size := 64; len(rows) > 0; {
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

// insert adds the rows; conflict is the statement's ON CONFLICT clause, if any. It returns how many were added.
func insert[T any](tx *gorm.DB, rows []T, conflict ...clause.Expression) (int64, error) {
	var added int64
	for batch := range batches(rows) {
		done := tx.Clauses(conflict...).Create(&batch)
		if done.Error != nil {
			return added, done.Error
		}
		added += done.RowsAffected
	}
	return added, nil
}
