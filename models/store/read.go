package store

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"

	"stackhook/models"
)

// reader returns the pool for reading, see within.
func (s *Store) reader(ctx context.Context) *gorm.DB { return within(ctx, s.read) }

// quickReader returns the pool for what is looked up by a key, or in an index of what is pending, for an engine that sends
// or a program that waits. However many pages read through whole logs, it has a connection.
func (s *Store) quickReader(ctx context.Context) *gorm.DB { return within(ctx, s.quick) }

// within bounds what is read from a pool at once: it comes within commitWithin, or not at all. PostgreSQL bounds a statement
// itself, but it may be beyond a line that broke without a word.
func within(ctx context.Context, pool *gorm.DB) *gorm.DB {
	if onPostgres(pool) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commitWithin)
		context.AfterFunc(ctx, cancel) // nobody knows when the last row was read
	}
	return pool.WithContext(ctx)
}

// first loads one row; none is models.ErrNotFound.
func first[T any](query *gorm.DB) (T, error) {
	var row T
	err := query.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) || holdsNoText(err) {
		err = models.ErrNotFound
	}
	return row, unavailable(err)
}

// all loads the rows of a query, an empty list when there are none.
func all[T any](query *gorm.DB) ([]T, error) {
	rows := []T{}
	err := query.Find(&rows).Error
	if holdsNoText(err) {
		return rows, nil
	}
	return rows, unavailable(err)
}

// columns names the columns of a model in a table of a join, see gormConfig.
func columns[T any](db *gorm.DB, table string) string {
	of := &gorm.Statement{DB: db}
	if err := of.Parse(new(T)); err != nil {
		panic("store: a model that GORM cannot read: " + err.Error())
	}
	return table + "." + strings.Join(of.Schema.DBNames, ", "+table+".")
}
