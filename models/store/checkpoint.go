package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// checkpointAfter is how many changes are committed before SQLite's write-ahead log is moved into the database: some
	// ten megabytes of it. SQLite's own way, after four, delays a commit several times a second under load.
	checkpointAfter = 2000
	// checkpointIdle is how long fewer changes stay in the log.
	checkpointIdle = 30 * time.Second
)

// checkpointer moves SQLite's write-ahead log into the database, on a connection of its own while others commit.
type checkpointer struct {
	store   *Store
	changes atomic.Int64  // since the last checkpoint
	work    chan struct{} // holds one nudge
	quit    chan struct{}
	end     sync.Once
	done    sync.WaitGroup
}

func newCheckpointer(s *Store) *checkpointer {
	c := &checkpointer{store: s, work: make(chan struct{}, 1), quit: make(chan struct{})}
	c.done.Go(c.loop)
	return c
}

// committed counts changes. It never blocks.
func (c *checkpointer) committed(changes int) {
	if c.changes.Add(int64(changes)) < checkpointAfter {
		return
	}
	select {
	case c.work <- struct{}{}:
	default:
	}
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
		if c.changes.Swap(0) > 0 {
			c.checkpoint()
		}
	}
}

// checkpoint moves most of the log while commits go on, and the rest between two of them: only a log of which nothing is
// left is begun anew rather than made longer. If it fails, as on a full disk, a later one tries again: what is in the log
// is as durable as what is in the database.
func (c *checkpointer) checkpoint() {
	const passive = `PRAGMA wal_checkpoint(PASSIVE)`
	if err := c.store.write.Exec(passive).Error; err == nil {
		_ = c.store.conn.exclusively(context.Background(), passive)
	}
}
