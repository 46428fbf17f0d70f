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
	// SearchedTo is set where the page is not full because a search stopped that no index serves: the key up to which it
	// looked. It is the cursor to go on with, so Older is the same, or Newer on a page of newer rows.
	SearchedTo string
}

// size is how many rows the page has at most.
func (p Page) size() int {
	if p.Limit < 1 || p.Limit > MaxPageSize {
		return PageSize
	}
	return p.Limit
}

// list reads one page of a query, ordered by a unique column, newest first.
func list[T any](q *gorm.DB, column string, page Page, key func(T) string) (Listing[T], error) {
	limit, order := page.size(), column+" DESC"
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
	return listing(rows, more, page, key), nil
}

// listing gives a page's rows, newest first, its cursors. More says that there are more rows the way that the page goes.
func listing[T any](rows []T, more bool, page Page, key func(T) string) Listing[T] {
	l := Listing[T]{Rows: rows}
	if len(rows) == 0 {
		return l
	}
	if more && page.Newer == "" || page.Newer != "" {
		l.Older = key(rows[len(rows)-1])
	}
	if more && page.Newer != "" || page.Newer == "" && page.Older != "" {
		l.Newer = key(rows[0])
	}
	return l
}
