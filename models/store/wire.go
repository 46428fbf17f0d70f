package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// wire runs statements on PostgreSQL's protocol itself, on the one connection of a conn: all of a trip are sent before the
// first answer is read. database/sql and the driver above it would wait for each, and find out by reflection, for each
// element of an array anew, how it is encoded.
type wire struct {
	stmts map[string]*pgconn.StatementDescription
}

// send runs the calls in order.
func (w *wire) send(ctx context.Context, raw *sql.Conn, calls []call) error {
	return raw.Raw(func(c any) error {
		pg := c.(*stdlib.Conn).Conn().PgConn()
		for _, c := range calls {
			if err := w.prepare(ctx, pg, c.text); err != nil {
				return err
			}
		}
		p := pg.StartPipeline(ctx)
		err := w.exchange(p, calls)
		if closing := p.Close(); err == nil {
			err = closing
		}
		return err
	})
}

func (w *wire) prepare(ctx context.Context, pg *pgconn.PgConn, text string) error {
	if w.stmts[text] != nil {
		return nil
	}
	if w.stmts == nil {
		w.stmts = map[string]*pgconn.StatementDescription{}
	}
	stmt, err := pg.Prepare(ctx, "stackhook"+strconv.Itoa(len(w.stmts)), text, nil)
	if err == nil {
		w.stmts[text] = stmt
	}
	return err
}

// forget forgets the statements, with their connection.
func (w *wire) forget() { w.stmts = nil }

var binaryFormat = []int16{pgtype.BinaryFormatCode} // of all parameters, or columns

func (w *wire) exchange(p *pgconn.Pipeline, calls []call) error {
	for _, c := range calls {
		stmt := w.stmts[c.text]
		values := make([][]byte, len(c.args))
		for i, arg := range c.args {
			value, err := binaryValue(stmt.ParamOIDs[i], arg)
			if err != nil {
				return err
			}
			values[i] = value
		}
		p.SendQueryStatement(stmt, values, binaryFormat, binaryFormat)
	}
	if err := p.Sync(); err != nil {
		return err
	}
	for _, c := range calls {
		results, err := p.GetResults()
		if err != nil {
			return err
		}
		rows, is := results.(*pgconn.ResultReader)
		if !is {
			return fmt.Errorf("PostgreSQL answered a statement with a %T", results)
		}
		for rows.NextRow() {
			if c.scan != nil && err == nil {
				err = c.scan(wireRow(rows.Values()))
			}
		}
		if _, closing := rows.Close(); closing != nil {
			return closing
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// binaryValue encodes a parameter of the type that PostgreSQL expects.
func binaryValue(oid uint32, arg any) ([]byte, error) {
	switch v := arg.(type) {
	case nil:
		return nil, nil
	case column:
		return v, nil
	case string:
		return []byte(v), nil
	case int64:
		if oid == pgtype.Int8OID {
			return binary.BigEndian.AppendUint64(nil, uint64(v)), nil
		}
	case bool:
		return binaryBool(nil, v), nil
	}
	return nil, fmt.Errorf("a %T is no parameter of type %d", arg, oid)
}

func binaryBool(to []byte, v bool) []byte {
	if v {
		return append(to, 1)
	}
	return append(to, 0)
}

// arrayTypes are the types of columns by their letters, see table: names and object ids of the elements.
var arrayTypes = map[byte]struct {
	name string
	oid  uint32
}{
	't': {"text", pgtype.TextOID}, 'i': {"bigint", pgtype.Int8OID}, 'b': {"boolean", pgtype.BoolOID}, 'y': {"bytea", pgtype.ByteaOID},
}

// unnested are the elements of parameters for columns of these types, an array each. SELECT * FROM unnest(…) with all of
// them does the same, and first writes each array into a table of its own: for a group's rows five times the work.
func unnested(types string) string {
	var list []string
	for i := range len(types) {
		list = append(list, "unnest($"+strconv.Itoa(i+1)+"::"+arrayTypes[types[i]].name+"[])")
	}
	return strings.Join(list, ", ")
}

// column is an array of one dimension as PostgreSQL's array_recv reads it: the number of dimensions, whether there are
// NULLs, the elements' type, their number, the first one's index, and each element's length before its bytes.
type column []byte

// columnArrays turns rows into an array for each column, all in one piece of memory.
func columnArrays(types string, rows int, row func(i int) []any) []any {
	values, size := make([][]any, rows), 20*len(types)
	for i := range values {
		values[i] = row(i)
		for _, v := range values[i] {
			size += 4 + elementSize(v)
		}
	}
	all := make([]byte, 0, size)
	columns := make([]any, len(types))
	for c := range types {
		from := len(all)
		for _, n := range []uint32{1, 1, arrayTypes[types[c]].oid, uint32(rows), 1} {
			all = binary.BigEndian.AppendUint32(all, n)
		}
		for _, r := range values {
			all = appendElement(all, r[c])
		}
		columns[c] = column(all[from:])
	}
	return columns
}

func elementSize(value any) int {
	switch v := value.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	case bool:
		return 1
	case int, int64:
		return 8
	}
	return 0
}

func appendElement(to []byte, value any) []byte {
	const null = 0xffffffff // -1
	switch v := value.(type) {
	case string:
		return append(binary.BigEndian.AppendUint32(to, uint32(len(v))), v...)
	case []byte:
		if v != nil {
			return append(binary.BigEndian.AppendUint32(to, uint32(len(v))), v...)
		}
	case bool:
		return binaryBool(binary.BigEndian.AppendUint32(to, 1), v)
	case int:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(to, 8), uint64(v))
	case int64:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(to, 8), uint64(v))
	}
	return binary.BigEndian.AppendUint32(to, null)
}

// wireRow is a row in binary.
type wireRow [][]byte

// Scan is as in row.
func (r wireRow) Scan(into ...any) error {
	for i, to := range into {
		if r[i] == nil {
			continue
		}
		switch to := to.(type) {
		case *string:
			*to = string(r[i])
			continue
		case *[]byte:
			*to = bytes.Clone(r[i])
			continue
		case *bool:
			if len(r[i]) == 1 {
				*to = r[i][0] != 0
				continue
			}
		case *int64:
			if len(r[i]) == 8 {
				*to = int64(binary.BigEndian.Uint64(r[i]))
				continue
			}
		}
		return fmt.Errorf("column %d, of %d bytes, does not fit into a %T", i+1, len(r[i]), to)
	}
	return nil
}
