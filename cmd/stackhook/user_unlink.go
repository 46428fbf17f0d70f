package main

import (
	"context"
	"fmt"

	"stackhook/models/store"
)

type userUnlinkCommand struct {
	databaseFlags
	Email string `required:"" help:"Whose account at the identity provider is forgotten."`
}

// Run forgets the account and signs the user out everywhere. The next sign-in with the user's address links anew.
func (c userUnlinkCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		who, err := findUser(ctx, s, c.Email)
		if err != nil {
			return err
		}
		forgotten, err := s.Unlink(ctx, shellActor(), who)
		if err != nil {
			return fmt.Errorf("unlink %s: %w", who.Email, err)
		}
		if forgotten == 0 {
			_, err = fmt.Fprintf(t.Err, "%s is linked to no account at an identity provider.\n", who.Email)
			return err
		}
		_, err = fmt.Fprintf(t.Err, "%s is unlinked and signed out everywhere: the next sign-in with this address is linked anew.\n", who.Email)
		return err
	})
}
