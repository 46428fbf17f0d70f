package origin

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Git reads a few small files: what takes longer than patience hangs, on a network drive for instance. A commit with
// more than fits is cut; reports hold much less.
const (
	patience = 5 * time.Second
	fits     = 64 << 10
)

// repository is what git says of a folder. Nothing where there is no git, no repository, or one of somebody else that
// git refuses to read.
type repository struct {
	ctx context.Context
	dir string
}

func open(ctx context.Context, dir string) repository { return repository{ctx, dir} }

// branch returns the branch that is checked out; none when the head is detached.
func (r repository) branch() string {
	out, _ := r.git("symbolic-ref", "--quiet", "--short", "HEAD")
	return out
}

// remote returns the address that git would push to or fetch from by default, secrets and all.
func (r repository) remote() string {
	out, _ := r.git("ls-remote", "--get-url")
	return out
}

// commit returns the facts of a commit, and whether the repository has it.
func (r repository) commit(name string) (facts, bool) {
	if name != "HEAD" && !shortHash.MatchString(name) {
		return facts{}, false
	}
	out, fine := r.git("log", "-1", "--no-show-signature", "--no-notes", "--no-patch", "--no-color", "--encoding=UTF-8",
		"--format=%H%n%an%n%ae%n%ct%n%B", name, "--")
	lines := strings.SplitN(out, "\n", 5)
	if !fine || len(lines) < 4 {
		return facts{}, false
	}
	known := facts{hash: lines[0], name: lines[1], login: loginOf(lines[2])}
	known.at, _ = strconv.ParseInt(lines[3], 10, 64)
	if len(lines) == 5 {
		known.message = lines[4]
	}
	return known, true
}

var shortHash = regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`)

// parents returns a commit's parents as the commit names them: a shallow clone does not have them, but knows their names.
func (r repository) parents(name string) (hashes []string) {
	out, _ := r.git("--no-replace-objects", "cat-file", "commit", name)
	for header := range strings.Lines(out) {
		if header == "\n" {
			break
		}
		if hash, is := strings.CutPrefix(strings.TrimSpace(header), "parent "); is {
			hashes = append(hashes, hash)
		}
	}
	return hashes
}

// Commits made in the browser, or by people who keep their address private, carry the login in an address that the
// forge made up for them.
var madeUp = regexp.MustCompile(`^(?:\d+\+([A-Za-z0-9-]+)@users\.noreply\.github\.com|\d+-([A-Za-z0-9_.-]+)@users\.noreply\.gitlab\.com)$`)

func loginOf(address string) string {
	if found := madeUp.FindStringSubmatch(address); found != nil {
		return found[1] + found[2]
	}
	return ""
}

// git runs git in the folder, and returns the first of what it prints, and whether it succeeded.
func (r repository) git(arguments ...string) (string, bool) {
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	command := exec.CommandContext(ctx, "git", arguments...)
	command.Dir = r.dir
	command.WaitDelay = time.Second
	for _, variable := range command.Environ() {
		// In a hook of git's these name the repository of the hook; here the folder does.
		switch name, _, _ := strings.Cut(variable, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX":
		default:
			command.Env = append(command.Env, variable)
		}
	}
	// No questions, no locks, no network for a clone that has only a part.
	command.Env = append(command.Env, "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "LC_ALL=C")
	var out beginning
	command.Stdout = &out
	err := command.Run()
	return strings.TrimRight(out.String(), "\n"), err == nil
}

// beginning keeps the first bytes that are written to it, and takes the rest, so that who writes does not fail.
type beginning struct{ kept bytes.Buffer }

func (b *beginning) Write(p []byte) (int, error) {
	b.kept.Write(p[:min(len(p), fits-b.kept.Len())])
	return len(p), nil
}

func (b *beginning) String() string { return b.kept.String() }
