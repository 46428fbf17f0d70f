package store

import "time"

// Taker is an engine of this process. It takes new deliveries straight from the commit that makes them: they are leased
// to it from the start, and no claim is needed. Its methods never block.
type Taker interface {
	// Reserve keeps a place for one delivery of the webhook; false if there is none.
	Reserve(webhookID string) bool
	// Return gives so many reserved places back: their commit failed.
	Return(webhookID string, places int)
	// Take brings the deliveries for which places were reserved.
	Take(jobs []Job)
}

// handover is who takes new deliveries, and how they are leased to it. The zero value is nobody.
type handover struct {
	taker Taker
	owner string
	lease time.Duration
}

// HandTo makes the taker get new deliveries, leased to owner; a nil taker ends that.
func (s *Store) HandTo(taker Taker, owner string, lease time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handover = handover{taker, owner, lease}
}

func (s *Store) hand() handover {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handover
}
