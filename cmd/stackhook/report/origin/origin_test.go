package origin_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stackhook/cmd/stackhook/report/origin"
	"stackhook/models"
	"stackhook/models/needs"
)

// token is in every remote: it must be in no report.
const token = "s3cr3t-t0ken"

// at is when everything in the tests' repositories was committed.
const at = 1_700_000_000

// clone is a git repository in a folder of the test.
type clone struct {
	t   *testing.T
	dir string
}

func newClone(t *testing.T) clone {
	t.Helper()
	needs.Program(t, "git", "runs of git repositories", "git")
	c := clone{t, t.TempDir()}
	c.git("init", "--quiet", "--initial-branch=main")
	c.git("remote", "add", "origin", "https://ada:"+token+"@github.com/acme/network.git")
	return c
}

// git runs git away from what the machine's user has configured.
func (c clone) git(arguments ...string) string {
	c.t.Helper()
	command := exec.Command("git", arguments...)
	command.Dir = c.dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada Lovelace", "GIT_AUTHOR_EMAIL=1815+ada@users.noreply.github.com",
		"GIT_COMMITTER_NAME=Merger", "GIT_COMMITTER_EMAIL=merger@example.com",
		"GIT_AUTHOR_DATE=1600000000 +0000", "GIT_COMMITTER_DATE=1700000000 +0000")
	out, err := command.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit and returns its hash.
func (c clone) commit(message string) string {
	c.t.Helper()
	file := filepath.Join(c.dir, "message")
	if err := os.WriteFile(file, []byte(message), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--file", file)
	return c.git("rev-parse", "HEAD")
}

// of is Of in a form that can be compared; it fails the test when the report would be refused or holds the token.
func of(t *testing.T, dir string, env map[string]string) models.Run {
	t.Helper()
	report := origin.Of(t.Context(), dir, func(name string) string { return env[name] })
	if err := report.Check(); err != nil {
		t.Errorf("the API would refuse it: %v", err)
	}
	var run models.Run
	if report.Branch != nil {
		run.Branch = *report.Branch
	}
	if report.TriggeredBy != nil {
		run.TriggeredBy = *report.TriggeredBy
	}
	if c := report.Commit; c != nil {
		take(&run.Commit.AuthorLogin, c.AuthorLogin)
		take(&run.Commit.AuthorName, c.AuthorName)
		take(&run.Commit.Hash, c.Hash)
		take(&run.Commit.Message, c.Message)
		take(&run.Commit.Timestamp, c.Timestamp)
		take(&run.Commit.URL, c.URL)
	}
	for _, text := range []string{run.Branch, run.TriggeredBy, run.Commit.AuthorLogin, run.Commit.AuthorName, run.Commit.Message, run.Commit.URL} {
		if strings.Contains(text, token) {
			t.Errorf("the remote's token is in %q", text)
		}
	}
	return run
}

func take[T comparable](into *T, sent *T) {
	if sent != nil {
		*into = *sent
	}
}

func want(t *testing.T, got, want models.Run) {
	t.Helper()
	if got.Branch != want.Branch {
		t.Errorf("branch %q, want %q", got.Branch, want.Branch)
	}
	if got.TriggeredBy != want.TriggeredBy {
		t.Errorf("triggered by %q, want %q", got.TriggeredBy, want.TriggeredBy)
	}
	if got.Commit != want.Commit {
		t.Errorf("commit\n%+v, want\n%+v", got.Commit, want.Commit)
	}
}

// ada is the commit that the tests' repositories have, as git tells it.
func ada(hash, message string) models.Commit {
	return models.Commit{
		AuthorLogin: "ada", AuthorName: "Ada Lovelace", Hash: hash, Message: message, Timestamp: at,
		URL: "https://github.com/acme/network/commit/" + hash,
	}
}

func TestGitAlone(t *testing.T) {
	t.Parallel()
	shell := map[string]string{"USER": "ada"}

	t.Run("a branch", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		hash := c.commit("Add a subnet\n\nIt was missing.\n")
		c.git("switch", "--quiet", "--create", "feature/subnets")
		folder := filepath.Join(c.dir, "stacks", "network")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		want(t, of(t, folder, shell), models.Run{Branch: "feature/subnets", TriggeredBy: "ada", Commit: ada(hash, "Add a subnet\n\nIt was missing.")})
	})
	t.Run("a detached head", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		hash := c.commit("one")
		c.git("switch", "--quiet", "--detach")
		want(t, of(t, c.dir, shell), models.Run{TriggeredBy: "ada", Commit: ada(hash, "one")})
	})
	t.Run("a shallow clone", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		c.commit("one")
		hash := c.commit("two")
		shallow := clone{t, filepath.Join(t.TempDir(), "shallow")}
		c.git("clone", "--quiet", "--depth=1", "file://"+c.dir, shallow.dir)
		shallow.git("remote", "set-url", "origin", "git@github.com:acme/network.git")
		want(t, of(t, shallow.dir, shell), models.Run{Branch: "main", TriggeredBy: "ada", Commit: ada(hash, "two")})
	})
}

func TestWhereThereIsLittle(t *testing.T) {
	t.Parallel()
	shell := map[string]string{"USER": "ada"}
	t.Run("no commit yet", func(t *testing.T) {
		t.Parallel()
		want(t, of(t, newClone(t).dir, shell), models.Run{TriggeredBy: "ada"})
	})
	t.Run("no repository", func(t *testing.T) {
		t.Parallel()
		want(t, of(t, t.TempDir(), shell), models.Run{TriggeredBy: "ada"})
	})
	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		want(t, of(t, filepath.Join(t.TempDir(), "none"), shell), models.Run{TriggeredBy: "ada"})
	})
	t.Run("no remote, and nobody", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		hash := c.commit("one")
		c.git("remote", "remove", "origin")
		commit := ada(hash, "one")
		commit.URL = ""
		want(t, of(t, c.dir, nil), models.Run{Branch: "main", Commit: commit})
	})
	t.Run("a branch that follows another remote", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		hash := c.commit("one")
		c.git("remote", "add", "upstream", "ssh://git@codeberg.org:22/people/network.git")
		c.git("config", "branch.main.remote", "upstream")
		commit := ada(hash, "one")
		commit.URL = "https://codeberg.org/people/network/commit/" + hash
		want(t, of(t, c.dir, shell), models.Run{Branch: "main", TriggeredBy: "ada", Commit: commit})
	})
}

func TestWithoutGit(t *testing.T) { // not in parallel: it takes the program away
	c := newClone(t)
	c.commit("one")
	t.Setenv("PATH", t.TempDir())
	want(t, of(t, c.dir, map[string]string{"USER": "ada"}), models.Run{TriggeredBy: "ada"})
	hash := strings.Repeat("ab", 20)
	want(t, of(t, c.dir, map[string]string{"CIRCLECI": "true", "CIRCLE_BRANCH": "main", "CIRCLE_SHA1": hash}),
		models.Run{Branch: "main", Commit: models.Commit{Hash: hash}})
}

func TestOddCommits(t *testing.T) {
	t.Parallel()
	t.Run("a huge message", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		c.commit(strings.Repeat("ü", 200_000))
		got := of(t, c.dir, nil)
		if !strings.HasSuffix(got.Commit.Message, "ü…") || len(got.Commit.Message) < models.MaxCommitMessage-3 || got.Commit.Timestamp != at {
			t.Errorf("%d bytes, ending %q", len(got.Commit.Message), got.Commit.Message[max(0, len(got.Commit.Message)-9):])
		}
	})
	t.Run("bytes that are no text", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		c.commit("one")
		raw := strings.Replace(c.git("cat-file", "commit", "HEAD"), "\none", "\nodd \xff\xfe\x1b[31m bytes\u202e\r\nsecond\tline", 1)
		file := filepath.Join(t.TempDir(), "commit") // git commit would have mended it
		if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		hash := c.git("hash-object", "-t", "commit", "-w", "--literally", file)
		c.git("update-ref", "HEAD", hash)
		want(t, of(t, c.dir, nil), models.Run{Branch: "main", Commit: ada(hash, "odd \uFFFD[31m bytes\nsecond\tline")})
	})
	t.Run("another encoding", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		c.git("config", "i18n.commitEncoding", "ISO-8859-1")
		hash := c.commit("caf\xe9")
		want(t, of(t, c.dir, nil), models.Run{Branch: "main", Commit: ada(hash, "café")})
	})
}

func TestOtherCommits(t *testing.T) {
	t.Parallel()
	t.Run("no message", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		c.git("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--message=")
		want(t, of(t, c.dir, nil), models.Run{Branch: "main", Commit: ada(c.git("rev-parse", "HEAD"), "")})
	})
	t.Run("a merge of an address with a token", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		hash := c.commit("Merge https://ada:" + token + "@github.com/acme/network into main")
		want(t, of(t, c.dir, nil), models.Run{Branch: "main", Commit: ada(hash, "Merge https://github.com/acme/network into main")})
	})
	t.Run("SHA-256", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		c.dir = t.TempDir()
		c.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
		hash := c.commit("one")
		if got := of(t, c.dir, nil); len(hash) != 64 || got.Commit.Hash != hash {
			t.Errorf("%q, want %q", got.Commit.Hash, hash)
		}
	})
	t.Run("a branch that reads as another", func(t *testing.T) {
		t.Parallel()
		c := newClone(t)
		hash := c.commit("one")
		c.git("switch", "--quiet", "--create", "ma\u202ein") // without the sign it would be main
		want(t, of(t, c.dir, nil), models.Run{Commit: ada(hash, "one")})
	})
}
