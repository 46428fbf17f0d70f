// Package needs finds what only tests need and a machine may lack: a browser, receivers in other languages. A test that
// cannot run is skipped by name, never in silence, and in CI it fails.
//
// Only tests import it. It knows nothing of Stackhook and lies below models, where every package's tests may reach it,
// because models is the one package that all of them already build on.
package needs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// inCI is set to anything where everything is installed: there a test that cannot run fails.
const inCI = "CI"

// SkipsFile is the environment variable that names a file which gets one line for each skip; `task test` prints it at the
// end.
const SkipsFile = "STACKHOOK_SKIPS"

// Program returns the path of a program, which is one of the Debian packages named, blank-separated. Where it is missing
// the test is skipped, as one of the group; a group is in the plural, such as "browser journeys".
func Program(t testing.TB, name, group, packages string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, os.Getenv, group, "install the Debian package "+packages)
	}
	return path
}

// Modules returns the folder that holds the npm modules of .ci/npm/package.json. Where it is missing the test is
// skipped, as one of the group.
func Modules(t testing.TB, group string) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(root, ".ci", "npm", "node_modules")
	if _, err := os.Stat(modules); err != nil {
		missing(t, os.Getenv, group, "run npm ci --prefix .ci/npm")
	}
	return modules
}

// missing ends a test that lacks something.
//
// `task test` names a new skips file each time. Reading its name here makes it part of what the go command caches a
// result by, so a package that skipped something runs again and says so again.
func missing(t testing.TB, env func(string) string, group, remedy string) {
	t.Helper()
	reason := fmt.Sprintf("skipped: %s (%s)", group, remedy)
	if env(inCI) != "" {
		t.Fatalf("%s: nothing is skipped where %s is set", reason, inCI)
		return
	}
	skip(t, env, reason)
}

// skip ends a test without a result, and notes why.
func skip(t testing.TB, env func(string) string, reason string) {
	t.Helper()
	if path := env(SkipsFile); path != "" {
		if err := record(path, reason); err != nil {
			t.Fatalf("record a skipped test: %v", err)
			return
		}
	}
	t.Skip(reason)
}

// record adds a line to a file. Tests of many processes write to it at once, each line by one write at its end.
func record(path, line string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(line + "\n"); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// moduleRoot returns the folder of go.mod. Tests run in the folder of their package, which is somewhere below it.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find go.mod: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find go.mod: no folder above this test holds one")
		}
		dir = parent
	}
}
