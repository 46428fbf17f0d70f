package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// checkpointAfter is about how many pages, of 4 KiB, SQLite's write-ahead log grows before it is moved into the
	// database. SQLite's own way, after 1000, delays a commit several times a second under load.
	checkpointAfter = 2600
	// commitPages is how many pages a commit of one change writes; each further change in a group adds about one. A group
	// touches the same pages of the indexes for all its changes: 1,062 lone commits wrote 15,300.
	commitPages = 13
	// checkpointIdle is how long fewer changes stay in the log.
	checkpointIdle = 30 * time.Second
)

// checkpointer moves SQLite's write-ahead log into the database, on a connection of its own while others commit.
type checkpointer struct {
	store *Store
	pages atomic.Int64  // since the last checkpoint, about
	work  chan struct{} // holds one nudge
	quit  chan struct{}
	end   sync.Once
	done  sync.WaitGroup
}

func newCheckpointer(s *Store) *checkpointer {
	c := &checkpointer{store: s, work: make(chan struct{}, 1), quit: make(chan struct{})}
	c.done.Go(c.loop)
	return c
}

// committed counts what a commit of so many changes wrote. It never blocks.
func (c *checkpointer) committed(changes int) {
	if c.pages.Add(int64(changes+commitPages)) < checkpointAfter {
		return
	}
	signal(c.work)
}

func (c *checkpointer) close() {
	c.end.Do(func() { close(c.quit) })
	c.done.Wait()
}

func (c *checkpointer) loop() {
	idle := time.NewTicker(checkpointIdle)
	defer idle.Stop()
	for {
		select {
		case <-c.work:
		case <-idle.C:
		case <-c.quit:
			return
		}
		if n := c.pages.Swap(0); n > 0 && c.checkpoint() != nil {
			c.pages.Add(n)
		}
	}
}

// checkpoint moves most of the log while commits go on, and the rest between two of them: only a log of which nothing is
// left is begun anew rather than made longer. If it fails, as on a full disk, a later one tries again: what is in the log
// is as durable as what is in the database. Where it succeeds there, the log is written anew in the space that it has.
func (c *checkpointer) checkpoint() error {
	const passive = `PRAGMA wal_checkpoint(PASSIVE)`
	pool, err := c.store.write.DB()
	if err != nil {
		return err
	}
	// Past GORM, which would keep it prepared, and begun: a connection that such a statement is on cannot commit.
	if _, err := pool.Exec(passive); err != nil {
		return err
	}
	return c.store.conn.exclusively(context.Background(), passive)
}
