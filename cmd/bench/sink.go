package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// sink writes rows past the store, as fast as the database takes them: in large lots, without its indexes, which are made
// anew at the end, and without waiting for the disk. What breaks off is of no use.
type sink interface {
	add(table string, row []any) error
	finish(ctx context.Context) error
	close()
}

// openSink opens a database that the store has made, which nobody else has open.
func openSink(ctx context.Context, database string) (sink, error) {
	if onPostgres(database) {
		return openPostgresSink(ctx, database)
	}
	return openSQLiteSink(ctx, database)
}

// lots are rows that wait to be written together.
type lots map[string][][]any

// sqliteSink writes one transaction.
type sqliteSink struct {
	db      *sql.DB
	conn    *sql.Conn
	lots    lots
	write   map[string]*sql.Stmt
	indexes []string
}

// sqliteLot is how many rows a statement has.
const sqliteLot = 100

func openSQLiteSink(ctx context.Context, database string) (*sqliteSink, error) {
	db, err := sql.Open("sqlite3", "file:"+database+"?_foreign_keys=off&_synchronous=off&_journal_mode=off&_locking_mode=exclusive&_cache_size=-262144")
	if err != nil {
		return nil, err
	}
	s := &sqliteSink{db: db, lots: lots{}, write: map[string]*sql.Stmt{}}
	if s.conn, err = db.Conn(ctx); err == nil {
		s.indexes, err = dropIndexes(ctx, s.conn, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN `+generatedTables())
	}
	for table, columns := range generatedColumns {
		if err == nil {
			row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
			s.write[table], err = s.conn.PrepareContext(ctx, insertInto(table)+row+strings.Repeat(", "+row, sqliteLot-1))
		}
	}
	if err == nil {
		_, err = s.conn.ExecContext(ctx, "BEGIN")
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("open the database to fill it: %w", err)
	}
	return s, nil
}

func insertInto(table string) string {
	return "INSERT INTO " + table + " (" + strings.Join(generatedColumns[table], ", ") + ") VALUES "
}

// generatedTables are the tables as a list of SQL.
func generatedTables() string {
	return "('" + strings.Join(slices.Sorted(maps.Keys(generatedColumns)), "', '") + "')"
}

// dropIndexes drops the indexes that a query names, and returns the statements that make them again.
func dropIndexes(ctx context.Context, conn *sql.Conn, query string) (indexes []string, err error) {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		names, indexes = append(names, name), append(indexes, text)
	}
	for _, name := range names {
		if _, err := conn.ExecContext(ctx, "DROP INDEX "+name); err != nil {
			return nil, err
		}
	}
	return indexes, rows.Err()
}

func (s *sqliteSink) add(table string, row []any) error {
	s.lots[table] = append(s.lots[table], row)
	if len(s.lots[table]) < sqliteLot {
		return nil
	}
	_, err := s.write[table].Exec(slices.Concat(s.lots[table]...)...)
	s.lots[table] = s.lots[table][:0]
	return err
}

func (s *sqliteSink) finish(ctx context.Context) error {
	for table, rows := range s.lots {
		for _, row := range rows {
			if _, err := s.conn.ExecContext(ctx, insertInto(table)+"(?"+strings.Repeat(", ?", len(row)-1)+")", row...); err != nil {
				return err
			}
		}
	}
	return execEach(ctx, s.conn, slices.Concat([]string{"COMMIT"}, s.indexes, []string{"ANALYZE"}))
}

func execEach(ctx context.Context, conn *sql.Conn, statements []string) error {
	for _, text := range statements {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// close also closes the statements: with one left, SQLite would keep the file locked.
func (s *sqliteSink) close() {
	for _, stmt := range s.write {
		if stmt != nil {
			stmt.Close()
		}
	}
	if s.conn != nil {
		s.conn.Close()
	}
	s.db.Close()
}

// postgresSink copies rows.
type postgresSink struct {
	db      *sql.DB
	conn    *sql.Conn
	lots    lots
	indexes []string
}

// postgresLot is how many rows are copied at once.
const postgresLot = 5_000

func openPostgresSink(ctx context.Context, database string) (*postgresSink, error) {
	db, err := sql.Open("pgx", database)
	if err != nil {
		return nil, err
	}
	s := &postgresSink{db: db, lots: lots{}}
	if s.conn, err = db.Conn(ctx); err == nil {
		s.indexes, err = dropIndexes(ctx, s.conn, `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND indexname !~ '_(key|pkey)$'
			AND tablename IN `+generatedTables())
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("open the database to fill it: %w", err)
	}
	return s, nil
}

func (s *postgresSink) add(table string, row []any) error {
	s.lots[table] = append(s.lots[table], row)
	if len(s.lots[table]) < postgresLot {
		return nil
	}
	return s.copy(context.Background(), table)
}

func (s *postgresSink) copy(ctx context.Context, table string) error {
	err := s.conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, generatedColumns[table], pgx.CopyFromRows(s.lots[table]))
		return err
	})
	s.lots[table] = s.lots[table][:0]
	return err
}

// finish also moves the numbers of runs on, so that the next run gets one that is free.
func (s *postgresSink) finish(ctx context.Context) error {
	for table := range s.lots {
		if err := s.copy(ctx, table); err != nil {
			return err
		}
	}
	return execEach(ctx, s.conn, append(s.indexes, `SELECT setval(pg_get_serial_sequence('runs', 'key'), max(key)) FROM runs`, "VACUUM ANALYZE"))
}

func (s *postgresSink) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.db.Close()
}
