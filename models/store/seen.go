package store

import (
	"sync"
	"time"
)

// seenStep is how exactly it is kept when somebody was last seen: one write a minute, not one a request.
const seenStep = time.Minute

// seen is who was noted lately, or tried to be: of many requests at once one does that, and while it fails, as on a full
// disk, one a minute.
type seen struct {
	mu sync.Mutex
	at map[string]time.Time
}

// now reports whether to note that somebody is seen, who was last noted at some time.
func (s *seen) now(who string, last, now time.Time) bool {
	if now.Sub(last) <= seenStep {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.at[who]) <= seenStep {
		return false
	}
	if s.at == nil || len(s.at) >= recentMost {
		s.at = map[string]time.Time{}
	}
	s.at[who] = now
	return true
}
