package store

import (
	"encoding/json"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// among is the condition that a column has one of the keys. The keys are one parameter, so that the text of a statement,
// and with it the prepared one, is the same for any number of them.
func among[K int64 | string](tx *gorm.DB, column string, keys []K) clause.Expr {
	return clause.Expr{SQL: amongKeys[K](tx, column, "?"), Vars: []any{keyList(tx, keys)}}
}

// amongKeys is the text of the condition, for a parameter that holds a keyList.
func amongKeys[K int64 | string](tx *gorm.DB, column, parameter string) string {
	if !onPostgres(tx) {
		return column + " IN (SELECT value FROM json_each(" + parameter + "))"
	}
	// As an array: PostgreSQL looks each of its elements up in an index.
	kind := "text"
	if _, numbers := any(*new(K)).(int64); numbers {
		kind = "bigint"
	}
	return column + " = ANY (CAST(" + parameter + " AS " + kind + "[]))"
}

// keyList writes keys as one parameter of GORM. The elements of PostgreSQL's arrays are written as in JSON, between braces.
func keyList[K int64 | string](tx *gorm.DB, keys []K) string {
	list, err := json.Marshal(append([]K{}, keys...)) // never null
	if err != nil {
		panic("store: numbers and texts cannot be written as JSON: " + err.Error())
	}
	if onPostgres(tx) {
		list[0], list[len(list)-1] = '{', '}'
	}
	return string(list)
}

// noKeyUpdate locks rows against changes, and lets others insert rows that refer to them: with the stronger FOR UPDATE two
// groups that inserted deliveries of one webhook would wait for each other.
const noKeyUpdate = "NO KEY UPDATE"

// locked makes a query lock its rows against other transactions. SQLite has one writer and needs none.
func locked(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: noKeyUpdate}) }

// skipLocked makes a query lock its rows and leave out those that another transaction has locked.
func skipLocked(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: noKeyUpdate, Options: clause.LockingOptionsSkipLocked})
}

// tripKeys writes keys as one parameter of a trip.
func tripKeys[K int64 | string](tx *gorm.DB, keys []K) any {
	if !onPostgres(tx) {
		return keyList(tx, keys)
	}
	kind := "t"
	if _, numbers := any(*new(K)).(int64); numbers {
		kind = "i"
	}
	return columnArrays(kind, len(keys), func(i int) []any { return []any{keys[i]} })[0]
}
