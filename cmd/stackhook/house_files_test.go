package main_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stackhook/models/needs"
)

// root is the folder of go.mod, seen from this package.
var root = filepath.Join("..", "..")

// topLevel is all that the root may hold: the folder tree is the architecture.
var topLevel = []string{
	"cmd", "web", "views", "static", "models", "handlers", "delivery",
	"go.mod", "go.sum", "Taskfile.yml", "README.md",
	".ci", ".editorconfig", ".gitignore",
}

func TestTopLevel(t *testing.T) {
	t.Parallel()
	for _, path := range projectFiles(t) {
		name, _, _ := strings.Cut(path, "/")
		if !slices.Contains(topLevel, name) {
			t.Errorf("%s: the top level holds only %s", path, strings.Join(topLevel, " "))
		}
	}
}

// TestMachineWords fails when a file says something about the machine that it was written on. A file that does builds
// there and nowhere else.
func TestMachineWords(t *testing.T) {
	t.Parallel()
	words := machineWords(t)
	for _, path := range projectFiles(t) {
		content, err := os.ReadFile(filepath.Join(root, path))
		if errors.Is(err, fs.ErrNotExist) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		for word, what := range words {
			if at := bytes.Index(content, []byte(word)); at >= 0 {
				t.Errorf("%s:%d names %s, %q: write what is true on any machine", path, 1+bytes.Count(content[:at], []byte("\n")), what, word)
			}
		}
	}
}

// projectFiles returns the paths, from the root, of all files that are committed or could be: not the ignored ones.
func projectFiles(t *testing.T) []string {
	t.Helper()
	git := needs.Program(t, "git", "checks of the repository", "git")
	if _, err := os.Stat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("this is a copy of the files without their repository")
	}
	// Whoever runs the tests may be somebody else than the clone's owner, which git refuses unless told.
	list := exec.Command(git, "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
}

// machineWords returns what no file may hold, with what it is. None is spelled here: this file is checked too.
func machineWords(t *testing.T) map[string]string {
	t.Helper()
	words := map[string]string{
		"/wo" + "rk/":    "a machine's folder",
		"../sha" + "red": "a folder outside the project",
	}
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		words[home+"/"] = "somebody's home folder"
	}
	settings := output(t, "go", "env", "GOPROXY", "GOSUMDB")
	if _, err := exec.LookPath("npm"); err == nil {
		settings += " " + output(t, "npm", "config", "get", "registry")
	}
	for _, host := range hosts(settings) {
		words[host] = "a package registry"
	}
	return words
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}

// hosts returns the host names in settings that list addresses, as GOPROXY does. Words such as direct are none.
func hosts(settings string) []string {
	var found []string
	for _, word := range strings.FieldsFunc(settings, func(r rune) bool { return strings.ContainsRune(",| \n", r) }) {
		address, err := url.Parse(word)
		switch {
		case err == nil && address.Hostname() != "":
			found = append(found, address.Hostname())
		case strings.Contains(word, ".") && !strings.ContainsAny(word, "/+"):
			found = append(found, word)
		}
	}
	return found
}

func TestHosts(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"direct":                                nil,
		"https://a.example,direct\nb.example\n": {"a.example", "b.example"},
		"https://user:word@a.example:8443/go|https://b.example/\noff": {"a.example", "b.example"},
		"file:///modules":                          nil,
		"name+031a2b https://sum.example/database": {"sum.example"},
	}
	for settings, want := range tests {
		if got := hosts(settings); !slices.Equal(got, want) {
			t.Errorf("hosts(%q) = %q, want %q", settings, got, want)
		}
	}
}
