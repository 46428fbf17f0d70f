package store

import (
	"encoding/json"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// among is the condition that a column has one of the keys. The keys are one parameter, so that the text of a statement,
// and with it the prepared one, is the same for any number of them.
func among[K int64 | string](tx *gorm.DB, column string, keys []K) clause.Expr {
	list, err := json.Marshal(append([]K{}, keys...)) // never null
	if err != nil {
		panic("store: numbers and texts cannot be written as JSON: " + err.Error())
	}
	if !onPostgres(tx) {
		return clause.Expr{SQL: column + " IN (SELECT value FROM json_each(?))", Vars: []any{string(list)}}
	}
	// As an array: PostgreSQL looks each of its elements up in an index. Between braces its elements are written as in JSON.
	kind := "text"
	if _, numbers := any(keys).([]int64); numbers {
		kind = "bigint"
	}
	array := "{" + string(list[1:len(list)-1]) + "}"
	return clause.Expr{SQL: column + " = ANY (CAST(? AS " + kind + "[]))", Vars: []any{array}}
}

// noKeyUpdate locks rows against changes, and lets others insert rows that refer to them: with the stronger FOR UPDATE two
// groups that inserted deliveries of one webhook would wait for each other.
const noKeyUpdate = "NO KEY UPDATE"

// locked makes a query lock its rows against other transactions. SQLite has one writer and needs none.
func locked(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: noKeyUpdate}) }
