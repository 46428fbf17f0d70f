package store

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is what replicas on one PostgreSQL tell each other on: that something is due which nobody was handed, and for
// pages what changed, see relay.
const channel = "stackhook"

// notify tells the other replicas when the transaction commits.
func notify(trip *trip) {
	if onPostgres(trip.tx) {
		trip.add(`SELECT pg_notify($1, '')`, []any{channel}, nil)
	}
}

// listenAgain is the pause before a lost connection is replaced. Meanwhile the engine's poll finds what is due.
const listenAgain = time.Second

// listener nudges this process's engine when another replica commits, and hears what changed there.
type listener struct {
	store *Store
	relay *relay
	url   string
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func newListener(s *Store, url string) *listener {
	ctx, stop := context.WithCancel(context.Background())
	l := &listener{store: s, url: url, stop: stop, relay: &relay{store: s, self: rand.Text()}}
	l.done.Go(func() { l.relay.run(ctx) })
	l.done.Go(func() {
		for ctx.Err() == nil {
			l.listen(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(listenAgain):
			}
		}
	})
	return l
}

func (l *listener) close() {
	l.stop()
	l.done.Wait()
}

// listen returns when the connection is lost. What was said before it listened is looked for once.
func (l *listener) listen(ctx context.Context) {
	conn, err := l.connect(ctx)
	if err != nil {
		return // whatever else needs the database says so
	}
	defer conn.Close(context.WithoutCancel(ctx))
	l.relay.believe()
	l.store.noteElsewhere(Changes{Everything: true, Access: true})
	l.store.committed()
	for {
		notice, err := conn.WaitForNotification(ctx)
		if err != nil {
			return
		}
		if !l.relay.hear(notice.Payload) {
			l.store.committed()
		}
	}
}

// connect returns a connection that listens. A server that is reached and does not answer is tried again.
func (l *listener) connect(ctx context.Context) (*pgx.Conn, error) {
	u, err := postgresURL(l.url) // which bounds how long each of its servers may take
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, postgresPatience)
	defer cancel()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}
