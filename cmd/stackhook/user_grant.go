package main

import (
	"context"
	"fmt"

	"stackhook/models"
	"stackhook/models/store"
)

// grantFlags say who may read what.
type grantFlags struct {
	databaseFlags
	Email     string `required:"" help:"Who."`
	Stack     string `required:"" xor:"stacks" placeholder:"ID" help:"One stack."`
	AllStacks bool   `required:"" xor:"stacks" help:"Every stack, those still to come included."`
}

type userGrantCommand struct{ grantFlags }

// Run lets the user read the stack, or all. Granting twice is granting once.
func (c userGrantCommand) Run(ctx context.Context, t *terminal) error {
	return c.change(ctx, t, true, "may read", (*store.Store).GrantStack)
}

type userRevokeCommand struct{ grantFlags }

// Run takes a grant back. The access to all stacks and the grants of single ones do not touch each other.
func (c userRevokeCommand) Run(ctx context.Context, t *terminal) error {
	return c.change(ctx, t, false, "is no longer granted", (*store.Store).RevokeStack)
}

// change sets the access to all stacks to all, or does one to the grant of a single stack.
func (c grantFlags) change(ctx context.Context, t *terminal, all bool, words string,
	one func(*store.Store, context.Context, models.Actor, models.User, models.Stack) error,
) error {
	return c.with(ctx, func(s *store.Store) error {
		who, err := findUser(ctx, s, c.Email)
		if err != nil {
			return err
		}
		what := "all stacks"
		if c.AllStacks {
			who.AllStacks = all
			err = s.UpdateUser(ctx, shellActor(), who)
		} else {
			var stack models.Stack
			if stack, err = findStack(ctx, s, c.Stack); err != nil {
				return err
			}
			what = stack.ID
			err = one(s, ctx, shellActor(), who, stack)
		}
		if err != nil {
			return fmt.Errorf("change what %s may read: %w", who.Email, err)
		}
		_, err = fmt.Fprintf(t.Err, "%s %s %s.\n", who.Email, words, what)
		return err
	})
}
