package store

import (
	"time"

	"stackhook/models"
)

// OnCommit sets the function that is called after each commit that may have made a delivery due. It must not block.
func (s *Store) OnCommit(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onCommit = f
}

// OnLost sets the function that is told, after the commit, of each delivery that changed without a result: nobody came
// back from its attempt, or it expired. It must not block.
func (s *Store) OnLost(f func(models.Delivery)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onLost = f
}

// count counts what a durable transaction did.
func (s *Store) count(done *counts) {
	s.metrics.add(done)
	s.tallier.add(done.tallies, time.Now())
}

// tell counts what a durable transaction did, tells whoever watches, and the engine of what it found lost.
func (s *Store) tell(done *counts) {
	s.count(done)
	s.noteCounts(done)
	s.mu.Lock()
	f := s.onLost
	s.mu.Unlock()
	for _, d := range done.lost {
		if f != nil {
			f(d)
		}
	}
}

// committed tells the engine and whoever waits for a delivery that something changed.
func (s *Store) committed() {
	s.announce()
	s.nudge()
}

// nudge tells the engine that something may be due.
func (s *Store) nudge() {
	s.mu.Lock()
	f := s.onCommit
	s.mu.Unlock()
	if f != nil {
		f()
	}
}

// announce wakes those who wait for a delivery to change.
func (s *Store) announce() {
	s.mu.Lock()
	changed := s.changed
	s.changed = make(chan struct{})
	s.mu.Unlock()
	close(changed)
}

// changes returns a channel that is closed with the next commit that changes a delivery.
func (s *Store) changes() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
