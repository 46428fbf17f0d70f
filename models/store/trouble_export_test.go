package store

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// BeginTrouble makes a store on SQLite write through connections on which a pragma was set, until end is called.
func BeginTrouble(s *Store, path, pragma string) (end func(), err error) {
	pool := sql.OpenDB(troubled{dsn: "file:" + path + "?" + writerPragmas, pragma: pragma})
	db, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), gormConfig())
	if err != nil {
		return nil, err
	}
	before := s.conn.swap(db)
	return func() {
		s.conn.swap(before)
		pool.Close()
	}, nil
}

func (c *conn) swap(db *gorm.DB) (before *gorm.DB) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop()
	before, c.db = c.db, db
	return before
}

// troubled opens connections with a pragma: those that fail are replaced, and the new ones must fail too.
type troubled struct{ dsn, pragma string }

func (c troubled) Connect(context.Context) (driver.Conn, error) { return c.Driver().Open(c.dsn) }

func (c troubled) Driver() driver.Driver {
	return &sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
		_, err := conn.Exec(c.pragma, nil)
		return err
	}}
}
