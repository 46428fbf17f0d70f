package origin_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"stackhook/models"
)

// pulled is a repository with a pull request: main, the branch subnets, and the merge that a CI makes of them.
func pulled(t *testing.T) (c clone, base, head, merge string) {
	t.Helper()
	c = newClone(t)
	c.commit("base")
	c.git("switch", "--quiet", "--create", "subnets")
	head = c.commit("Add a subnet")
	c.git("switch", "--quiet", "main")
	base = c.commit("main goes on")
	c.git("merge", "--quiet", "--no-ff", "--message=Merge "+head+" into "+base, "subnets")
	return c, base, head, c.git("rev-parse", "HEAD")
}

// TestPullRequests: what the CI checks out is its own merge; what is reported is the pull request's commit.
func TestPullRequests(t *testing.T) {
	t.Parallel()
	c, base, head, merge := pulled(t)
	c.git("switch", "--quiet", "--detach")
	onGitHub := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/network",
		"GITHUB_SHA": merge, "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "subnets", "GITHUB_EVENT_NAME": "pull_request",
		"GITHUB_EVENT_PATH": event(t, `{"pull_request":{"head":{"sha":"`+head+`"}}}`), "GITHUB_ACTOR": "grace",
	}
	asked := models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: ada(head, "Add a subnet")}
	shallow := asked
	shallow.Commit = models.Commit{Hash: head, URL: asked.Commit.URL}

	t.Run("merged by the CI", func(t *testing.T) {
		t.Parallel()
		want(t, of(t, c.dir, onGitHub), asked)
	})
	t.Run("merged by the CI, in a shallow clone", func(t *testing.T) {
		t.Parallel()
		want(t, of(t, c.shallow(1).dir, onGitHub), shallow)
		want(t, of(t, c.shallow(2).dir, onGitHub), asked)
	})
	t.Run("merged on the machine", func(t *testing.T) { // by Bitbucket, and by Atlantis if one tells it so
		t.Parallel()
		want(t, of(t, c.shallow(1).dir, map[string]string{
			"ATLANTIS_TERRAFORM_VERSION": "1.11.0", "PULL_NUM": "7", "HEAD_COMMIT": head, "HEAD_BRANCH_NAME": "subnets",
			"USER_NAME": "grace", "PULL_URL": "https://github.com/acme/network/pull/7",
		}), shallow)
	})
	t.Run("merged by the CI, which tells of its merge", func(t *testing.T) {
		t.Parallel()
		want(t, of(t, c.shallow(1).dir, map[string]string{
			"GITLAB_CI": "true", "CI_PROJECT_URL": "https://github.com/acme/network", "CI_COMMIT_SHA": merge, "CI_COMMIT_MESSAGE": "Merge", "CI_COMMIT_TIMESTAMP": "2023-11-14T23:13:20Z",
			"CI_COMMIT_AUTHOR": "Bot <>", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "subnets", "GITLAB_USER_LOGIN": "grace",
		}), models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: models.Commit{Hash: head, URL: "https://github.com/acme/network/-/commit/" + head}})
	})
	t.Run("an event that cannot be read", func(t *testing.T) {
		t.Parallel()
		unread := with(onGitHub, map[string]string{"GITHUB_EVENT_PATH": ""})
		want(t, of(t, c.dir, unread), models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: ada(merge, "Merge "+head+" into "+base)})
		unread["GITHUB_EVENT_NAME"] = "pull_request_target"
		want(t, of(t, c.dir, unread), models.Run{TriggeredBy: "grace", Commit: ada(merge, "Merge "+head+" into "+base)})
	})
	t.Run("the first digits", func(t *testing.T) {
		t.Parallel()
		want(t, of(t, c.dir, map[string]string{
			"ATLANTIS_TERRAFORM_VERSION": "1.11.0", "PULL_NUM": "7", "HEAD_COMMIT": head[:12], "HEAD_BRANCH_NAME": "subnets",
			"USER_NAME": "grace", "PULL_URL": "https://github.com/acme/network/pull/7",
		}), asked)
	})
	t.Run("the target's own commit", func(t *testing.T) { // pull_request_target checks out what is trusted
		t.Parallel()
		target := with(onGitHub, map[string]string{"GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_SHA": base, "GITHUB_REF_NAME": "main"})
		own := clone{t, filepath.Join(t.TempDir(), "own")}
		c.git("clone", "--quiet", c.dir, own.dir)
		own.git("remote", "set-url", "origin", "https://github.com/acme/network")
		own.git("switch", "--quiet", "--force-create", "main", base)
		want(t, of(t, own.dir, target), models.Run{Branch: "main", TriggeredBy: "grace", Commit: ada(base, "main goes on")})
		own.git("switch", "--quiet", "--detach", head)
		want(t, of(t, own.dir, target), asked)
	})
}

// shallow clones the last commits, as CIs do.
func (c clone) shallow(depth int) clone {
	c.t.Helper()
	s := clone{c.t, filepath.Join(c.t.TempDir(), "shallow")}
	c.git("clone", "--quiet", "--depth", strconv.Itoa(depth), "file://"+c.dir, s.dir)
	s.git("remote", "set-url", "origin", "https://github.com/acme/network")
	s.git("switch", "--quiet", "--detach")
	return s
}

// TestAnotherRepository: a pipeline of one repository plans what it has checked out of another.
func TestAnotherRepository(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	hash := c.commit("elsewhere")
	c.git("remote", "set-url", "origin", "https://oauth2:"+token+"@git.acme.example/infra/modules.git")
	commit := ada(hash, "elsewhere")
	commit.URL = "https://git.acme.example/infra/modules/-/commit/" + hash
	want(t, of(t, c.dir, map[string]string{
		"GITLAB_CI": "true", "CI_SERVER_URL": "https://git.acme.example", "CI_PROJECT_URL": "https://git.acme.example/infra/network",
		"CI_COMMIT_SHA": strings.Repeat("1", 40), "CI_COMMIT_BRANCH": "pipelines", "CI_COMMIT_MESSAGE": "here", "GITLAB_USER_LOGIN": "grace",
	}), models.Run{Branch: "main", TriggeredBy: "grace", Commit: commit})
}

// TestACommitOfTheCI: where the CI and git know the same commit, git's words are taken, and the CI's where git has none.
func TestACommitOfTheCI(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	hash := c.commit("Add a subnet")
	c.git("switch", "--quiet", "--detach")
	kite := map[string]string{
		"BUILDKITE": "true", "BUILDKITE_BRANCH": "main", "BUILDKITE_COMMIT": hash, "BUILDKITE_MESSAGE": "started by hand",
		"BUILDKITE_REPO": "https://ada:" + token + "@github.com/acme/network.git", "BUILDKITE_BUILD_CREATOR": "Grace Hopper",
	}
	built := models.Run{Branch: "main", TriggeredBy: "Grace Hopper", Commit: ada(hash, "Add a subnet")}
	want(t, of(t, c.dir, kite), built)
	want(t, of(t, c.dir, with(kite, map[string]string{"BUILDKITE_COMMIT": "HEAD"})), built)
	want(t, of(t, c.dir, with(kite, map[string]string{"BUILDKITE_COMMIT": ""})), built)
	want(t, of(t, c.dir, map[string]string{"CI": "true", "USER": "agent"}), models.Run{Commit: built.Commit})
}

// TestInAHook: git tells its hooks where the hook's repository is; the folder counts.
func TestInAHook(t *testing.T) { // not in parallel: it sets what git reads
	c, other := newClone(t), newClone(t)
	hash := c.commit("here")
	other.commit("there")
	t.Setenv("GIT_DIR", filepath.Join(other.dir, ".git"))
	t.Setenv("GIT_WORK_TREE", other.dir)
	want(t, of(t, c.dir, nil), models.Run{Branch: "main", Commit: ada(hash, "here")})
}
