package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

type tokenCommands struct {
	Create tokenCreateCommand `cmd:"" help:"Create a token and print it, once."`
	List   tokenListCommand   `cmd:"" help:"List the tokens that are not revoked."`
	Revoke tokenRevokeCommand `cmd:"" help:"End a token at once."`
}

type tokenCreateCommand struct {
	databaseFlags
	Name      string `required:"" help:"To recognise it by."`
	Scope     string `required:"" enum:"report,read,admin" placeholder:"SCOPE" help:"report, read or admin; admin contains both others."`
	Stack     string `required:"" xor:"stacks" placeholder:"ID" help:"The one stack that it is for."`
	AllStacks bool   `required:"" xor:"stacks" help:"For every stack, those still to come included."`
	Expires   string `enum:"never,30d,90d,365d" default:"never" placeholder:"TIME" help:"When it stops working: never, 30d, 90d or 365d (default: ${default})."`
}

// Run creates the token and prints it alone on stdout.
func (c tokenCreateCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		token := models.Token{Name: c.Name, Scope: models.Scope(c.Scope)}
		token.ExpiresAt, _ = models.TokenExpiry(c.Expires, time.Now()) // the flag has no others
		if !c.AllStacks {
			stack, err := findStack(ctx, s, c.Stack)
			if err != nil {
				return err
			}
			token.StackKey = stack.Key
		}
		text, _, err := s.CreateToken(ctx, shellActor(), token)
		if err != nil {
			return fmt.Errorf("create the token: %w", err)
		}
		_, err = fmt.Fprintln(t.Out, text)
		return err
	})
}

type tokenListCommand struct{ databaseFlags }

// Run lists the tokens; what is secret of them is not stored.
func (c tokenListCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		tokens, err := s.Tokens(ctx)
		if err != nil {
			return fmt.Errorf("list the tokens: %w", err)
		}
		ids, err := stackIDs(ctx, s)
		if err != nil {
			return err
		}
		rows := [][]string{{"NAME", "SCOPE", "STACK", "STARTS WITH", "CREATED BY", "CREATED", "LAST USED", "EXPIRES", "ID"}}
		for _, token := range tokens {
			rows = append(rows, []string{
				token.Name, string(token.Scope), ids[token.StackKey], token.Prefix, token.CreatedBy,
				moment(token.CreatedAt), moment(token.LastUsedAt), moment(token.ExpiresAt), token.ID,
			})
		}
		return printTable(t.Out, rows)
	})
}

// stackIDs returns the stacks' ids by their keys, and a word for the key 0.
func stackIDs(ctx context.Context, s *store.Store) (map[int64]string, error) {
	stacks, err := s.Stacks(ctx, everything)
	if err != nil {
		return nil, fmt.Errorf("list the stacks: %w", err)
	}
	ids := map[int64]string{0: "(all)"}
	for _, stack := range stacks {
		ids[stack.Key] = stack.ID
	}
	return ids, nil
}

type tokenRevokeCommand struct {
	databaseFlags
	ID   string `required:"" xor:"token" placeholder:"ID" help:"The token's id, as “token list” shows it."`
	Name string `required:"" xor:"token" placeholder:"NAME" help:"Its name, if only one token has it."`
}

// Run revokes the token.
func (c tokenRevokeCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		token, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		if err := s.RevokeToken(ctx, shellActor(), token.ID); err != nil {
			return fmt.Errorf("revoke the token: %w", err)
		}
		_, err = fmt.Fprintf(t.Err, "Revoked %s (%s…).\n", token.Name, token.Prefix)
		return err
	})
}

func (c tokenRevokeCommand) find(ctx context.Context, s *store.Store) (models.Token, error) {
	tokens, err := s.Tokens(ctx)
	if err != nil {
		return models.Token{}, fmt.Errorf("list the tokens: %w", err)
	}
	var found []models.Token
	for _, token := range tokens {
		if token.ID == c.ID || c.Name != "" && token.Name == c.Name {
			found = append(found, token)
		}
	}
	switch len(found) {
	case 0:
		return models.Token{}, errors.New("there is no such token: “stackhook token list” shows them")
	case 1:
		return found[0], nil
	}
	return models.Token{}, fmt.Errorf("%d tokens are named %q: say which with --id", len(found), c.Name)
}
