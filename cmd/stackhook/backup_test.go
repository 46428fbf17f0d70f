package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stackhook/models/store/storetest"
)

func TestBackupCommand(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	database := strings.TrimPrefix(env[0], "STACKHOOK_DATABASE=")
	s := storetest.Open(t, database) // as a server does
	storetest.Stack(t, s, "networking")
	file := filepath.Join(t.TempDir(), "copy.db")

	r := command(t, env, "", "backup", file)
	if r.code != 0 || !regexp.MustCompile(`^`+regexp.QuoteMeta(file)+` \(\d+\.\d MiB\)\n$`).MatchString(r.out) ||
		!strings.Contains(r.err, filepath.Join(filepath.Dir(database), "stackhook.key")) {
		t.Fatalf("exit code %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
	if r := command(t, env, "", "backup", file); r.code != 1 || r.out != "" || !strings.Contains(r.err, "is there already") {
		t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
	key := filepath.Join(filepath.Dir(database), "stackhook.key")
	if list := succeed(t, []string{"STACKHOOK_DATABASE=" + file, "STACKHOOK_KEY_FILE=" + key}, "stack", "list"); !strings.Contains(list, "networking") {
		t.Errorf("the copy lists %q", list)
	}
}
