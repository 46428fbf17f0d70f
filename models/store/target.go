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
	// The prepared and the previous one, "" if there is none.
	Next, Previous string
}

// Target returns the webhook as it is now, or was at most so long ago, with its secrets opened; not found when it is
// deleted. What this process changed is seen at once.
func (s *Store) Target(ctx context.Context, webhookID string, ago time.Duration) (Target, error) {
	return s.targets.get(webhookID, ago, func() (Target, error) {
		w, err := first[models.Webhook](s.quickReader(ctx).Where("id = ? AND deleted_at IS NULL", webhookID))
		if err != nil {
			return Target{}, err
		}
		t := Target{Webhook: w}
		if t.Secret, err = s.Secret(w); err != nil {
			return t, err
		}
		if t.Next, err = s.keys.open(webhookSecret, w.ID, w.NextSecret.Sealed); err != nil {
			return t, err
		}
		t.Previous, err = s.keys.open(webhookSecret, w.ID, w.PreviousSecret.Sealed)
		return t, err
	})
}
