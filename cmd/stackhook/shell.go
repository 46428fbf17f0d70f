package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// everything is how the shell sees: whoever may read the database and its keys may read all that is in it.
var everything = models.Viewer{User: &models.User{Role: models.Administrator}}

// open opens the database for a command. It must exist, and a server may be running on it.
func (f databaseFlags) open(ctx context.Context) (*store.Store, error) {
	return store.Open(ctx, store.Options{Database: f.Database, KeyFile: f.KeyFile})
}

// with opens the database, lets do work on it and closes it.
func (f databaseFlags) with(ctx context.Context, do func(*store.Store) error) error {
	s, err := f.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// shellActor is who the audit log says it was: the account on the machine.
func shellActor() models.Actor {
	name := "shell"
	if account, err := user.Current(); err == nil {
		name = account.Username
	}
	return models.Actor{Kind: models.ActorShell, Name: name}
}

func findStack(ctx context.Context, s *store.Store, id string) (models.Stack, error) {
	stack, err := s.Stack(ctx, everything, id)
	if errors.Is(err, models.ErrNotFound) {
		return stack, fmt.Errorf("there is no stack %q: “stackhook stack list” shows them", id)
	}
	return stack, err
}

func findUser(ctx context.Context, s *store.Store, email string) (models.User, error) {
	found, err := s.UserByEmail(ctx, email)
	if errors.Is(err, models.ErrNotFound) {
		return found, fmt.Errorf("there is no user %q: “stackhook user list” shows them", email)
	}
	return found, err
}

// readPassword reads a password that is piped in, without the line break that echo ends it with.
func readPassword(in io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(in, models.MaxPassword+3)) // one more than fits, and the line break
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" {
		return "", errors.New("there is no password on standard input")
	}
	return password, nil
}

// printTable prints rows in aligned columns.
func printTable(out io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t")) // an error stays until Flush
	}
	return table.Flush()
}

// moment writes an instant for a table.
func moment(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format("2006-01-02 15:04Z")
}
