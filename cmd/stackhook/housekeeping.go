package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"stackhook/models/store"
)

const (
	// tidyEvery is how late what nobody sees any more may be removed.
	tidyEvery = time.Minute
	// purgeBatch is how many rows of a kind go in one transaction: deliveries get their turn at the database in between.
	purgeBatch = 200
)

// keepHouse removes what deleted stacks, and sessions and links that ended, left behind, until ctx ends. idle is how
// long a session may be unused. The engine itself expires deliveries.
func keepHouse(ctx context.Context, s *store.Store, idle time.Duration, log *slog.Logger) {
	for ctx.Err() == nil {
		if err := tidy(ctx, s, idle); err != nil && ctx.Err() == nil {
			log.Error("housekeeping failed; it is tried again in a minute", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(tidyEvery):
		}
	}
}

func tidy(ctx context.Context, s *store.Store, idle time.Duration) error {
	if err := s.PurgeSessions(ctx, idle); err != nil {
		return fmt.Errorf("remove ended sessions: %w", err)
	}
	for {
		removed, err := s.PurgeStacks(ctx, purgeBatch)
		if err != nil {
			return fmt.Errorf("remove what deleted stacks left: %w", err)
		}
		if removed == 0 {
			return nil
		}
	}
}
