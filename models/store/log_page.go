package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"stackhook/models"
)

// glance is how many deliveries are looked at first for what no index tells: most searches find enough among them.
const glance = 1_000

// list reads a page of what is looked for.
func (q search) list(db *gorm.DB, page Page) (Listing[DeliveryRow], error) {
	var ids []string
	var searchedTo string
	err := inOrder(db, func(db *gorm.DB) (err error) {
		ids, searchedTo, err = q.find(db, page)
		return err
	})
	if err != nil {
		return Listing[DeliveryRow]{}, err
	}
	more := len(ids) > page.size()
	if more {
		ids = ids[:page.size()]
	}
	if page.Newer != "" {
		slices.Reverse(ids)
	}
	cursors := listing(ids, more, page, func(id string) string { return id })
	l := Listing[DeliveryRow]{Older: cursors.Older, Newer: cursors.Newer}
	if !more && searchedTo != "" {
		l.SearchedTo = searchedTo
		if page.Newer != "" {
			l.Newer, l.Older = searchedTo, cmp.Or(l.Older, searchedTo)
		} else {
			l.Older = searchedTo
		}
	}
	l.Rows, err = logRows(db, ids)
	return l, err
}

// orderly keeps PostgreSQL from reading all that there is of a kind, or the log of a whole stack, and sorting it, where it
// guesses that this is little. What it must sort all the same it takes for so costly then that it would compile it.
const orderly = `SELECT set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true),
	set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true)`

// inOrder runs queries that an index has the order of.
func inOrder(db *gorm.DB, f func(db *gorm.DB) error) error {
	if !onPostgres(db) {
		return f(db)
	}
	return db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec(orderly).Error; err != nil {
			return err
		}
		return f(tx)
	})
}

// find returns the ids of the page and of one row more, which tells whether there is a next page; and the id up to which it
// looked if it stopped there.
func (q search) find(db *gorm.DB, page Page) (ids []string, searchedTo string, err error) {
	switch {
	case page.Newer != "":
		q.from(page.Newer + justOver)
	case page.Older != "":
		q.below(page.Older)
	}
	most := page.size() + 1
	if err := q.newest(db, page, most); err != nil || q.many != nil && len(q.lanes) == 0 {
		return nil, "", err
	}
	tail := fmt.Sprintf("%s LIMIT %d", q.order(page), most)
	if len(q.rest) == 0 || q.sorted {
		ids, err = q.ids(db, page, tail)
		return ids[:min(len(ids), most)], "", err
	}
	for _, looked := range []int{glance, MaxLooked} {
		if searchedTo, err = q.end(db, page, looked); err != nil {
			return nil, "", err
		}
		near := q
		switch {
		case searchedTo == "":
		case page.Newer != "":
			near.below(searchedTo + justOver)
		default:
			near.from(searchedTo)
		}
		ids, err = near.ids(db, page, tail)
		if err != nil || len(ids) >= most || searchedTo == "" {
			break
		}
	}
	return ids[:min(len(ids), most)], searchedTo, err
}

// newest makes the lanes those of the viewer's many stacks that can have a row on the page: as many as it has rows, whose
// first row comes first. If there are so many, the page ends with the last of these first rows at the latest, and no lane is
// read beyond it.
func (q *search) newest(db *gorm.DB, page Page, rows int) error {
	if q.many == nil {
		return nil
	}
	head, values := q.leg("stacks.key")
	text := "SELECT key, (" + head + q.order(page) + " LIMIT 1) AS head FROM stacks WHERE deleted_at IS NULL"
	if !q.many.AllStacks() {
		text += " AND " + amongKeys[int64](db, "key", "?")
		values = append(values, keyList(db, readable(*q.many)))
	}
	way := ""
	if page.Newer == "" {
		way = " DESC"
	}
	text = "SELECT key, head FROM (" + text + ") AS heads WHERE head IS NOT NULL ORDER BY head" + way + fmt.Sprintf(" LIMIT %d", rows)
	var heads []struct {
		Key  int64
		Head string
	}
	if err := db.Raw(text, values...).Scan(&heads).Error; err != nil {
		return err
	}
	for _, h := range heads {
		q.lanes = append(q.lanes, h.Key)
	}
	switch {
	case len(heads) < rows:
	case page.Newer != "":
		q.below(heads[rows-1].Head + justOver)
	default:
		q.from(heads[rows-1].Head)
	}
	return nil
}

// end returns the id at which so many deliveries were looked at, "" if there are fewer. Of several stacks each has its part of
// them, and the search ends where the first one has used it up: beyond, that one has rows that were not looked at.
func (q search) end(db *gorm.DB, page Page, looked int) (string, error) {
	q.rest = nil
	ends, err := q.ids(db, page, fmt.Sprintf("%s LIMIT 1 OFFSET %d", q.order(page), looked/max(len(q.lanes), 1)-1))
	if err != nil || len(ends) == 0 {
		return "", err
	}
	return ends[0], nil
}

// order is that of the ids of a page.
func (q search) order(page Page) string {
	way := " DESC"
	if page.Newer != "" {
		way = ""
	}
	if q.sorted {
		return " ORDER BY id || ''" + way
	}
	return " ORDER BY " + strings.Join(append(slices.Clone(q.prefix), "id"), way+", ") + way
}

// ids runs the query of each lane and returns what they find together, in the order of the page. Its text is the same for
// any number of stacks, and so is the prepared statement.
func (q search) ids(db *gorm.DB, page Page, tail string) (ids []string, err error) {
	switch {
	case q.lanes == nil:
		var first []any
		if len(q.values) > 0 {
			first = q.values[:1]
		}
		text, values := q.leg("?", first...)
		err = db.Raw(text+tail, values...).Scan(&ids).Error
		return ids, err
	case onPostgres(db):
		text, values := q.leg("lanes.key")
		text = `SELECT found.id FROM unnest(CAST(? AS bigint[])) AS lanes (key) CROSS JOIN LATERAL (` + text + tail + `) AS found`
		err = db.Raw(text, append([]any{keyList(db, q.lanes)}, values...)...).Scan(&ids).Error
	default:
		for _, key := range q.lanes {
			var some []string
			text, values := q.leg("?", key)
			if err := db.Raw(text+tail, values...).Scan(&some).Error; err != nil {
				return nil, err
			}
			ids = append(ids, some...)
		}
	}
	slices.Sort(ids)
	if page.Newer == "" {
		slices.Reverse(ids)
	}
	return ids, err
}

// logRows reads deliveries with the names of what they belong to, newest first. Those of a deleted stack are not there any
// more.
func logRows(db *gorm.DB, ids []string) ([]DeliveryRow, error) {
	return all[DeliveryRow](db.Table("deliveries").
		Select(columns[models.Delivery](db, "deliveries") + `, webhooks.endpoint, webhooks.endpoint_host,
			webhooks.enabled AS webhook_enabled, webhooks.open_until, stacks.id AS stack_id, stacks.name AS stack_name`).
		Joins("JOIN webhooks ON webhooks.id = deliveries.webhook_id").
		Joins("JOIN stacks ON stacks.key = deliveries.stack_key AND stacks.deleted_at IS NULL").
		Where(among(db, "deliveries.id", ids)).Order("deliveries.id DESC"))
}
