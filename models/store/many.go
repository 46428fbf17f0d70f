package store

import (
	"sync"
	"time"
)

const (
	// manyFrom is where a count is so long that it is remembered: below it, it takes no time, and somebody may be counting along.
	manyFrom = 1000
	// manyFor is for how long. A page that is watched while a receiver is down would count 10,000 deliveries again each time.
	manyFor = 3 * time.Second
	// manyMost bounds what is remembered; more is counted anew.
	manyMost = 4096
)

// many remembers counts of many rows for a moment.
type many struct {
	mu     sync.Mutex
	counts map[string]manyCount
}

type manyCount struct {
	n  int
	at time.Time
}

// of returns a count that was made lately, or makes it.
func (m *many) of(what string, count func() (int, error)) (int, error) {
	m.mu.Lock()
	last, known := m.counts[what]
	m.mu.Unlock()
	if known && time.Since(last.at) < manyFor {
		return last.n, nil
	}
	n, err := count()
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case n < manyFrom:
		delete(m.counts, what)
	case m.counts == nil || len(m.counts) >= manyMost:
		m.counts = map[string]manyCount{}
		fallthrough
	default:
		m.counts[what] = manyCount{n, time.Now()}
	}
	return n, nil
}
