package storetest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"stackhook/models/store"
)

// Story checks a property of a store so many times, each time in a testing/synctest bubble and with the options of an
// empty database of its own, which fresh makes. rapid.T.Repeat then takes steps actions on average. A check opens a
// database, so there are fewer of them than is usual; -rapid.checks and -rapid.steps have the last word. The test may not
// be parallel: the numbers are rapid's, for the whole process.
func Story(t *testing.T, checks, steps int, fresh func() store.Options, tell func(*rapid.T, store.Options)) {
	t.Helper()
	defer setDefault("rapid.checks", checks)()
	defer setDefault("rapid.steps", steps)()
	rapid.Check(t, func(t *rapid.T) {
		o := fresh() // outside of the bubble
		rapid.SyncTest(t, func(t *rapid.T) { tell(t, o) })
	})
}

// Files returns a function that makes empty SQLite databases, all under the same key: a migrated one is copied.
func Files(t testing.TB) func() store.Options {
	t.Helper()
	dir := t.TempDir()
	o := store.Options{Database: filepath.Join(dir, "empty.db"), KeyFile: filepath.Join(dir, "stackhook.key"), Account: "spacelift-io", Create: true}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	empty, err := os.ReadFile(o.Database)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	return func() store.Options {
		made++
		own := o
		own.Database = filepath.Join(dir, fmt.Sprintf("%d.db", made))
		if err := os.WriteFile(own.Database, empty, 0o600); err != nil {
			t.Fatal(err)
		}
		return own
	}
}

// setDefault sets a flag of the test binary that was not set by whoever runs it, and returns what sets it back.
func setDefault(name string, value int) (back func()) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return func() {}
	}
	before := flag.Lookup(name).Value.String()
	set := func(value string) {
		// Past flag.Set, which would make it look given.
		if err := flag.Lookup(name).Value.Set(value); err != nil {
			panic(err)
		}
	}
	set(strconv.Itoa(value))
	return func() { set(before) }
}
