package store

import (
	"sync"
	"time"
)

// recent keeps what was read lately, by key, for what is read with every request and changes rarely. A change that this
// process makes forgets all of it; another process's change is seen when what was read is too old.
type recent[V any] struct {
	mu    sync.Mutex
	known map[string]readAt[V]
	age   int // grows when all is forgotten
}

type readAt[V any] struct {
	value V
	at    time.Time
}

// recentMost bounds what is kept. Beyond it everything is read anew.
const recentMost = 10_000

// get returns what was read for the key at most so long ago, or reads it. An error is not kept.
func (r *recent[V]) get(key string, ago time.Duration, read func() (V, error)) (V, error) {
	now := time.Now()
	r.mu.Lock()
	known, has := r.known[key]
	age := r.age
	r.mu.Unlock()
	if has && now.Sub(known.at) < ago {
		return known.value, nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.age != age {
		return value, nil // what was read may be older than the change
	}
	if r.known == nil || len(r.known) >= recentMost {
		r.known = map[string]readAt[V]{}
	}
	r.known[key] = readAt[V]{value, now}
	return value, nil
}

// forget makes the next get read again.
func (r *recent[V]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = nil
	r.age++
}
