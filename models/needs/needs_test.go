package needs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestProgramIsFound(t *testing.T) {
	t.Parallel()
	path := Program(t, "go", "tests of needs", "golang-go")
	if !strings.Contains(filepath.Base(path), "go") {
		t.Errorf("the path of go is %q", path)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	const line = "skipped: browser journeys (install the Debian package chromium)"
	tests := map[string]struct {
		ci, skipped, failed string
		recorded            string
	}{
		"on a developer's machine": {skipped: line, recorded: line + "\n"},
		"in CI":                    {ci: "true", failed: line + ": nothing is skipped where CI is set"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			skips := filepath.Join(t.TempDir(), "skips")
			env := map[string]string{inCI: test.ci, SkipsFile: skips}
			ended := &ending{TB: t}
			missing(ended, func(name string) string { return env[name] }, "browser journeys", "install the Debian package chromium")
			if ended.skipped != test.skipped || ended.failed != test.failed {
				t.Errorf("skipped %q, failed %q; want %q and %q", ended.skipped, ended.failed, test.skipped, test.failed)
			}
			recorded, _ := os.ReadFile(skips) // none in CI
			if string(recorded) != test.recorded {
				t.Errorf("recorded %q, want %q", recorded, test.recorded)
			}
		})
	}
}

func TestMissingFailsWhenItCannotBeRecorded(t *testing.T) {
	t.Parallel()
	ended := &ending{TB: t}
	folder := t.TempDir()
	missing(ended, func(name string) string { return map[string]string{SkipsFile: folder}[name] }, "a group", "a remedy")
	if ended.skipped != "" || !strings.HasPrefix(ended.failed, "record a skipped test: ") {
		t.Errorf("skipped %q, failed %q; want a failure to record", ended.skipped, ended.failed)
	}
}

// What -short leaves out is named like everything else that is skipped.
func TestShort(t *testing.T) {
	t.Parallel()
	skips := filepath.Join(t.TempDir(), "skips")
	ended := &ending{TB: t}
	skip(ended, func(name string) string { return map[string]string{inCI: "true", SkipsFile: skips}[name] }, "skipped: a group (-short leaves them out)")
	recorded, err := os.ReadFile(skips)
	if err != nil || ended.failed != "" || ended.skipped+"\n" != string(recorded) {
		t.Errorf("skipped %q, failed %q, recorded %q, %v", ended.skipped, ended.failed, recorded, err)
	}
}

func TestRecordFromManyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "skips")
	var writers sync.WaitGroup
	for range 50 {
		writers.Go(func() {
			if err := record(path, "skipped: a group (a remedy)"); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	recorded, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("skipped: a group (a remedy)\n", 50); string(recorded) != want {
		t.Errorf("50 lines written at once are\n%s", recorded)
	}
}

func TestModuleRoot(t *testing.T) {
	t.Parallel()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "models", "needs", "needs_test.go")); err != nil {
		t.Errorf("this file is not below %s", root)
	}
}

// ending notes how a test would have ended, instead of ending.
type ending struct {
	testing.TB
	skipped, failed string
}

func (e *ending) Helper()                        {}
func (e *ending) Skip(args ...any)               { e.skipped = fmt.Sprint(args...) }
func (e *ending) Fatalf(format string, a ...any) { e.failed = fmt.Sprintf(format, a...) }
