package store

import (
	"context"
	"sync"
	"time"

	"stackhook/models"
)

// Target is what an attempt reads when it starts.
type Target struct {
	Webhook models.Webhook
	Secret  string
}

// targets are those that were read lately.
type targets struct {
	mu    sync.Mutex
	known map[string]knownTarget
	age   int // grows when all are forgotten
}

type knownTarget struct {
	Target
	read time.Time
}

// Target returns the webhook as it is now, or was at most so long ago, with its secret opened; not found when it is
// deleted. What this process changed is seen at once.
func (s *Store) Target(ctx context.Context, webhookID string, ago time.Duration) (Target, error) {
	now := time.Now()
	s.targets.mu.Lock()
	t, known := s.targets.known[webhookID]
	age := s.targets.age
	s.targets.mu.Unlock()
	if known && now.Sub(t.read) < ago {
		return t.Target, nil
	}
	w, err := first[models.Webhook](s.reader(ctx).Where("id = ? AND deleted_at IS NULL", webhookID))
	if err != nil {
		return Target{}, err
	}
	secret, err := s.Secret(w)
	if err != nil {
		return Target{Webhook: w}, err
	}
	t = knownTarget{Target{w, secret}, now}
	s.targets.mu.Lock()
	defer s.targets.mu.Unlock()
	if s.targets.age == age { // else what was read may be older than the change
		if s.targets.known == nil {
			s.targets.known = map[string]knownTarget{}
		}
		s.targets.known[webhookID] = t
	}
	return t.Target, nil
}

// forgetTargets is called after each commit that changes webhooks.
func (s *Store) forgetTargets() {
	s.targets.mu.Lock()
	defer s.targets.mu.Unlock()
	s.targets.known = nil
	s.targets.age++
}
