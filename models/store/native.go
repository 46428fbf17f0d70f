package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// native runs statements on SQLite's driver itself, on the one connection of a conn. database/sql would look at each
// argument three times more, and there are a hundred for a delivery.
type native struct {
	stmts map[string]driver.Stmt
	args  []driver.NamedValue // of the statement that runs
}

// query runs a query and scans each row. Without rows it runs all the same: the driver takes the first step at once. That
// way, other than the one for statements without rows, it binds all arguments by one call into C.
func (n *native) query(raw *sql.Conn, text string, args []any, scan func(row) error) error {
	stmt, err := n.prepare(raw, text)
	if err != nil {
		return err
	}
	n.args = n.args[:0]
	for i, a := range args {
		if whole, is := a.(int); is {
			a = int64(whole)
		}
		n.args = append(n.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(context.Background(), n.args)
	if err != nil {
		return err
	}
	defer rows.Close()
	if scan == nil {
		return nil
	}
	values := make(nativeRow, len(rows.Columns()))
	for {
		err := rows.Next(values)
		if err == nil {
			err = scan(values)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (n *native) prepare(raw *sql.Conn, text string) (driver.Stmt, error) {
	if s := n.stmts[text]; s != nil {
		return s, nil
	}
	var stmt driver.Stmt
	err := raw.Raw(func(c any) (err error) {
		stmt, err = c.(driver.Conn).Prepare(text)
		return err
	})
	if err != nil {
		return nil, err
	}
	if n.stmts == nil {
		n.stmts = map[string]driver.Stmt{}
	}
	n.stmts[text] = stmt
	return stmt, nil
}

// close closes the statements, before their connection is.
func (n *native) close() {
	for _, s := range n.stmts {
		s.Close()
	}
	n.stmts = nil
}

// nativeRow is a row as the driver gives it.
type nativeRow []driver.Value

// Scan puts the values where they belong. An absent one leaves the zero value.
func (r nativeRow) Scan(into ...any) error {
	for i, to := range into {
		fits := r[i] == nil
		switch to := to.(type) {
		case *string:
			*to, fits = as[string](r[i], fits)
		case *int64:
			*to, fits = as[int64](r[i], fits)
		case *[]byte:
			*to, fits = as[[]byte](r[i], fits)
		case *bool:
			var n int64
			if *to, fits = as[bool](r[i], fits); !fits { // a column of an expression has no type
				n, fits = as[int64](r[i], false)
				*to = n != 0
			}
		default:
			fits = false
		}
		if !fits {
			return fmt.Errorf("column %d holds a %T, which does not fit into a %T", i+1, r[i], to)
		}
	}
	return nil
}

func as[T any](value driver.Value, absent bool) (T, bool) {
	v, is := value.(T)
	return v, is || absent
}
