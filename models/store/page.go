package store

import (
	"slices"

	"gorm.io/gorm"
)

// PageSize is how many rows a page has unless it says otherwise; MaxPageSize is the most that it may say.
const (
	PageSize    = 50
	MaxPageSize = 200
)

// Page names a part of a list that is ordered newest first, by keyset: the cursor is the key of the row next to it, so
// that a page costs the same wherever it is, and rows that arrive move nothing.
type Page struct {
	Older string // show what is older than the row with this key
	Newer string // show what is newer than the row with this key
	Limit int    // 0 is PageSize
}

// Listing is a page of rows with the cursors of its neighbours, "" where there is none.
type Listing[T any] struct {
	Rows         []T
	Older, Newer string
}

// list reads one page of a query, ordered by a unique column, newest first.
func list[T any](q *gorm.DB, column string, page Page, key func(T) string) (Listing[T], error) {
	limit := page.Limit
	if limit < 1 || limit > MaxPageSize {
		limit = PageSize
	}
	order := column + " DESC"
	switch {
	case page.Newer != "":
		q, order = q.Where(column+" > ?", page.Newer), column
	case page.Older != "":
		q = q.Where(column+" < ?", page.Older)
	}
	rows, err := all[T](q.Order(order).Limit(limit + 1)) // one more tells whether there is a next page
	if err != nil {
		return Listing[T]{}, err
	}
	more := len(rows) > limit
	if more {
		rows = rows[:limit]
	}
	if page.Newer != "" {
		slices.Reverse(rows)
	}
	l := Listing[T]{Rows: rows}
	if len(rows) == 0 {
		return l, nil
	}
	if more && page.Newer == "" || page.Newer != "" {
		l.Older = key(rows[len(rows)-1])
	}
	if more && page.Newer != "" || page.Newer == "" && page.Older != "" {
		l.Newer = key(rows[0])
	}
	return l, nil
}
