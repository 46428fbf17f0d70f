package store

import (
	"context"
	"time"
)

// Lead reports whether this process is the one that tidies the database. On SQLite it is the only one that serves; on
// PostgreSQL it is whoever holds a lock, until it ends or loses its connection.
func (s *Store) Lead(ctx context.Context) (lead bool, err error) {
	if s.leader == nil {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
	return s.leader.lock(ctx, leaderLock)
}

// lock takes an advisory lock, or finds that the connection has it already.
func (c *conn) lock(ctx context.Context, key int64) (held bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.open(ctx); err != nil {
		return false, unavailable(err)
	}
	text := `SELECT pg_try_advisory_lock($1)`
	if c.locked {
		text = `SELECT $1::bigint IS NOT NULL` // is the connection still there?
	}
	if err := c.QueryRowContext(ctx, text, key).Scan(&held); err != nil {
		c.drop()
		return false, unavailable(err)
	}
	c.locked = held
	return held, nil
}

// unlock gives an advisory lock back, before the connection is: PostgreSQL notices only later that one was closed.
func (c *conn) unlock(ctx context.Context, key int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.raw == nil {
		return
	}
	if _, err := c.raw.ExecContext(ctx, `SELECT pg_advisory_unlock($1)`, key); err != nil {
		c.drop() // which ends it too
	}
	c.locked = false
}

// ClockSkew returns how far the database's clock is ahead of this machine's; 0 on SQLite.
func (s *Store) ClockSkew(ctx context.Context) (time.Duration, error) {
	if !onPostgres(s.write) {
		return 0, nil
	}
	var micros int64
	before := time.Now()
	err := s.quickReader(ctx).Raw(`SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)`).Scan(&micros).Error
	if err != nil {
		return 0, unavailable(err)
	}
	middle := before.Add(time.Since(before) / 2) // when the database looked at its clock, about
	return time.UnixMicro(micros).Sub(middle), nil
}
