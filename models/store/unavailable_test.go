package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"

	"stackhook/models"
)

func TestWhatMakesADatabaseUnavailable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"a full disk", &pgconn.PgError{Code: "53100"}, true},
		{"too many connections", &pgconn.PgError{Code: "53300"}, true},
		{"a server that only reads", &pgconn.PgError{Code: "25006"}, true},
		{"a lock that lasts", &pgconn.PgError{Code: "55P03"}, true},
		{"a statement that lasts", &pgconn.PgError{Code: "57014"}, true},
		{"a server that is being shut down", &pgconn.PgError{Code: "57P01"}, true},
		{"a server that starts", &pgconn.PgError{Code: "57P03"}, true},
		{"an error of a disk", &pgconn.PgError{Code: "58030"}, true},
		{"a connection that failed", &pgconn.PgError{Code: "08006"}, true},
		{"a protocol that is not kept", &pgconn.PgError{Code: "08P01"}, false},
		{"a value that is taken", &pgconn.PgError{Code: "23505"}, false},
		{"a statement that is wrong", &pgconn.PgError{Code: "42601"}, false},
		{"a password that is wrong", &pgconn.PgError{Code: "28P01"}, false},
		{"a connection that is refused", refusedConnection(t, ""), true},
		{"a server that knows no users yet", refusedConnection(t, "28000"), true},
		{"a server that has no databases yet", refusedConnection(t, "3D000"), true},
		{"a server that starts, to a new connection", refusedConnection(t, "57P03"), true},
		{"a connection that is used no more", driver.ErrBadConn, true},
		{"a connection that was closed", net.ErrClosed, true},
		{"a connection that ended", io.ErrUnexpectedEOF, true},
		{"no answer in time", context.DeadlineExceeded, true},
		{"a caller that went", context.Canceled, false},
		{"SQLite's full disk", sqlite3.Error{Code: sqlite3.ErrFull}, true},
		{"SQLite's constraint", sqlite3.Error{Code: sqlite3.ErrConstraint}, false},
		{"anything else", errors.New("else"), false},
	} {
		if got := errors.Is(unavailable(fmt.Errorf("do it: %w", c.err)), models.ErrUnavailable); got != c.want {
			t.Errorf("%s: unavailable %t, want %t", c.name, got, c.want)
		}
	}
}

// refusedConnection is the error of connecting to a server that says no, or is not there.
func refusedConnection(t *testing.T, code string) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if code == "" {
		l.Close()
	} else {
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			conn.Read(make([]byte, 1024)) // who wants to connect
			text := "SFATAL\x00C" + code + "\x00Mno\x00\x00"
			fmt.Fprintf(conn, "E%c%c%c%c%s", 0, 0, 0, len(text)+4, text)
		}()
	}
	_, err = pgconn.Connect(t.Context(), "postgres://stackhook@"+l.Addr().String()+"/stackhook?sslmode=disable")
	if err == nil {
		t.Fatal("it is connected")
	}
	return err
}
