package store

import (
	"database/sql"
	"encoding/json"

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

// noKeyUpdate locks rows against changes, and lets others insert rows that refer to them: with the stronger FOR UPDATE two
// groups that inserted deliveries of one webhook would wait for each other.
const noKeyUpdate = "NO KEY UPDATE"

// locked makes a query lock its rows against other transactions. SQLite has one writer and needs none.
func locked(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: noKeyUpdate}) }

// selectAmong runs a query of ours for the rows of which two columns have one of the keys each.
func selectAmong(tx *gorm.DB, text, numbers string, ns []int64, texts string, ts []string, scan func(*sql.Rows) error) error {
	a, b := among(tx, numbers, ns), among(tx, texts, ts)
	return query(tx, numbered(tx, text+a.SQL+" AND "+b.SQL), append(a.Vars, b.Vars...), scan)
}
