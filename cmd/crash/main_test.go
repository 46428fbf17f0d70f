package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"stackhook/models/needs"
)

// The short form: few kills, on each database. The command does more of them.
func TestCrash(t *testing.T) {
	t.Parallel()
	binary, err := build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, p plan) {
		var out bytes.Buffer
		if err := crash(t.Context(), &out, p); err != nil {
			t.Errorf("%v\n%s", err, &out)
		}
		t.Log(out.String())
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		run(t, plan{binary: binary, dir: dir, database: filepath.Join(dir, "stackhook.db"), servers: 1, kills: 6, seed: 1})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cluster := needs.Postgres(t, "tests on PostgreSQL")
		name, err := cluster.NewDatabase("")
		if err != nil {
			t.Fatal(err)
		}
		run(t, plan{binary: binary, dir: t.TempDir(), database: cluster.URL(name), servers: 2, kills: 6, seed: 1})
	})
}
