package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stackhook/models/store"
)

type keyCommands struct {
	Rotate keyRotateCommand `cmd:"" help:"Seal all secrets with a new key."`
	List   keyListCommand   `cmd:"" help:"List the keys, and which servers have them."`
	Prune  keyPruneCommand  `cmd:"" help:"Remove retired keys from the key file."`
}

type keyRotateCommand struct{ databaseFlags }

// Help says what happens in which order.
func (keyRotateCommand) Help() string {
	return "Adds a key to the key file, waits until every server that runs has it, makes it the one that seals, and seals all secrets anew, while deliveries go on. Where servers have files of their own, copy the key file to them each time that this command waits for them. Interrupted, it goes on when it is repeated. The key before stays in the file, because backups need it; “key prune” removes it."
}

// Run rotates the key and prints the new one's id alone on stdout.
func (c keyRotateCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		id, err := s.Rotate(ctx, shellActor(), func(text string) { fmt.Fprintln(t.Err, text) })
		if err != nil {
			return fmt.Errorf("rotate the key: %w", err)
		}
		if _, err := fmt.Fprintln(t.Out, id); err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.Err, "All secrets are sealed with key %d. The key before stays in %s, for backups: keep a copy of the file with those to come.\n", id, s.KeyFile())
		return err
	})
}

type keyListCommand struct{ databaseFlags }

// Run lists the keys; nothing of what is secret about them.
func (c keyListCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		keys, err := s.Keys(ctx)
		if err != nil {
			return fmt.Errorf("list the keys: %w", err)
		}
		servers, err := s.Replicas(ctx)
		if err != nil {
			return fmt.Errorf("list the servers: %w", err)
		}
		rows := [][]string{{"KEY", "STATE", "SECRETS", "SINCE", "SERVERS"}}
		for _, key := range keys {
			holds := 0
			for _, server := range servers {
				if server.Holds(key.ID) {
					holds++
				}
			}
			state, since := keyState(key)
			rows = append(rows, []string{strconv.FormatInt(key.ID, 10), state, strconv.Itoa(key.Sealed), moment(since), fmt.Sprintf("%d of %d", holds, len(servers))})
		}
		for _, server := range servers {
			if server.Trouble != "" {
				fmt.Fprintf(t.Err, "%s: %s\n", server.Name, oneLine(fmt.Errorf("%s", server.Trouble)))
			}
		}
		return printTable(t.Out, rows)
	})
}

// keyState says what a key is for, and since when.
func keyState(key store.Key) (state string, since time.Time) {
	switch {
	case !key.RetiredAt.IsZero() && !key.InFile:
		return "retired, removed", key.RetiredAt
	case !key.RetiredAt.IsZero():
		return "retired", key.RetiredAt
	case key.Primary:
		return "seals", key.UsedAt
	case key.UsedAt.IsZero():
		return "added", key.UsedAt
	}
	return "opens", key.UsedAt
}

type keyPruneCommand struct {
	databaseFlags
	Yes bool `help:"Do it; without this nothing is done but to say what would be."`
}

// Help says what that costs.
func (keyPruneCommand) Help() string {
	return "Removes the keys that a rotation has retired from the key file of this machine. Backups from before that rotation can be used afterwards only with a copy of the key file from then. A key file that several databases share must be pruned only when none of them needs the keys: this command knows of one."
}

// Run removes the retired keys and prints their ids on stdout.
func (c keyPruneCommand) Run(ctx context.Context, t *terminal) error {
	return c.with(ctx, func(s *store.Store) error {
		keys, err := s.Keys(ctx)
		if err != nil {
			return fmt.Errorf("list the keys: %w", err)
		}
		var ids []string
		var last time.Time
		for _, key := range keys {
			if key.InFile && !key.RetiredAt.IsZero() {
				ids = append(ids, strconv.FormatInt(key.ID, 10))
				if key.RetiredAt.After(last) {
					last = key.RetiredAt
				}
			}
		}
		switch {
		case len(ids) == 0:
			_, err = fmt.Fprintf(t.Err, "There is no retired key in %s.\n", s.KeyFile())
			return err
		case !c.Yes:
			_, err = fmt.Fprintf(t.Err, "Backups made before %s are of no use without %s %s, which “stackhook key prune --yes” removes.\n",
				moment(last), cmp.Or(map[bool]string{true: "the keys"}[len(ids) > 1], "key"), strings.Join(ids, ", "))
			return err
		}
		removed, err := s.Prune(ctx, shellActor())
		if err != nil {
			return fmt.Errorf("remove retired keys: %w", err)
		}
		for _, id := range removed {
			fmt.Fprintln(t.Out, id)
		}
		_, err = fmt.Fprintf(t.Err, "Removed from %s.\n", s.KeyFile())
		return err
	})
}
