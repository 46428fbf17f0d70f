package store

import (
	"strings"

	"gorm.io/gorm"
)

// columns names the columns of a model in a table of a join, see gormConfig.
func columns[T any](db *gorm.DB, table string) string {
	of := &gorm.Statement{DB: db}
	if err := of.Parse(new(T)); err != nil {
		panic("store: a model that GORM cannot read: " + err.Error())
	}
	return table + "." + strings.Join(of.Schema.DBNames, ", "+table+".")
}
