package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"stackhook/models/store"
)

type backupCommand struct {
	databaseFlags
	File string `arg:"" help:"Where to write the copy: a file that does not exist yet."`
}

// Help says what a copy needs.
func (backupCommand) Help() string {
	return "Copies a SQLite database, as it is at one moment, while a server runs on it. The key file is not in the copy, which is of no use without it: keep it beside the copy. To restore, stop the server and put both in their places."
}

// Run copies the database.
func (c backupCommand) Run(ctx context.Context, t *terminal) error {
	size, err := store.Backup(ctx, c.Database, c.File)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.Out, "%s (%.1f MiB)\n", c.File, float64(size)/(1<<20)); err != nil {
		return err
	}
	key := cmp.Or(c.KeyFile, filepath.Join(filepath.Dir(c.Database), "stackhook.key"))
	_, err = fmt.Fprintf(t.Err, "The keys are not in it: keep %s beside it, one is of no use without the other.\n", key)
	return err
}
