package store

import (
	"context"
	"time"

	"stackhook/models"
)

// Target is what an attempt reads when it starts.
type Target struct {
	Webhook models.Webhook
	Secret  string
}

// Target returns the webhook as it is now, or was at most so long ago, with its secret opened; not found when it is
// deleted. What this process changed is seen at once.
func (s *Store) Target(ctx context.Context, webhookID string, ago time.Duration) (Target, error) {
	return s.targets.get(webhookID, ago, func() (Target, error) {
		w, err := first[models.Webhook](s.quickReader(ctx).Where("id = ? AND deleted_at IS NULL", webhookID))
		if err != nil {
			return Target{}, err
		}
		secret, err := s.Secret(w)
		return Target{w, secret}, err
	})
}
