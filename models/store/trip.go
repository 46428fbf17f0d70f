package store

import (
	"gorm.io/gorm"
)

// trip is statements of ours that go to the database together: on PostgreSQL in one round trip, which otherwise costs both
// sides more than most of the statements; on SQLite, where there is none, each runs at once. So nothing in a trip may
// depend on what another of its statements returned, and all of it is known after send.
type trip struct {
	tx    *gorm.DB
	calls []call // on PostgreSQL, until they are sent
	err   error  // on SQLite, of the first that failed
}

// call is a statement with its arguments. scan gets each row; nil is for a statement that returns none.
type call struct {
	text string
	args []any
	scan func(row) error
}

// row is one that a statement of ours returned.
type row interface {
	// Scan puts the values where they belong: string, int64, bool and []byte. An absent one leaves the zero value.
	Scan(into ...any) error
}

// add adds a statement. Its arguments may be used again afterwards on SQLite only.
func (t *trip) add(text string, args []any, scan func(row) error) {
	if onPostgres(t.tx) {
		t.calls = append(t.calls, call{text, args, scan})
		return
	}
	if c := t.conn(); t.err == nil {
		t.err = c.native.query(c.raw, text, args, scan)
	}
}

// send returns when every statement has run. An error leaves the transaction to be rolled back.
func (t *trip) send() error {
	calls, err := t.calls, t.err
	t.calls, t.err = nil, nil
	if c := t.conn(); len(calls) > 0 {
		if c.first {
			c.first, calls = false, append([]call{{text: "BEGIN"}}, calls...)
		}
		err = c.wire.send(t.tx.Statement.Context, c.raw, calls)
	}
	return t.translate(err)
}

// leave is send for statements that return nothing and are the last of the transaction: they may go with its end.
func (t *trip) leave() error {
	if c := t.conn(); onPostgres(t.tx) && !c.first {
		c.last, t.calls = t.calls, nil
	}
	return t.send()
}

func (t *trip) translate(err error) error {
	if translator, ok := t.tx.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		return translator.Translate(err) // a violated constraint becomes what GORM calls it
	}
	return err
}

// conn returns the connection of the transaction: trips are made by the writer only.
func (t *trip) conn() *conn { return t.tx.Statement.ConnPool.(*conn) }
