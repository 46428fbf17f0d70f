package origin_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stackhook/models"
)

// In the tables, head is the commit that is built and merge the one that the CI made of it and of the target branch.
var (
	head  = strings.Repeat("0123456789", 4)
	merge = strings.Repeat("abcdef0123", 4)
)

func event(t *testing.T, json string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, []byte(json), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// environments are what each CI sets, as its documentation says it, shortened to what matters here and what misleads.
// The folder holds no repository: all is the environment's.
func environments(t *testing.T) map[string]struct {
	env  map[string]string
	want models.Run
} {
	t.Helper()
	github := map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "USER": "runner", "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_REPOSITORY": "acme/network", "GITHUB_ACTOR": "ada", "GITHUB_TRIGGERING_ACTOR": "grace",
		"GITHUB_SHA": head, "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch",
		"GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": "", "GITHUB_EVENT_NAME": "push",
		"GITHUB_EVENT_PATH": event(t, `{"head_commit":{"id":"`+head+`","message":"Add a subnet\n\nMore.","timestamp":"2023-11-14T23:13:20+01:00","author":{"name":"Ada Lovelace","email":"ada@example.com","username":"ada"}},"pusher":{"name":"x"}}`),
	}
	pull := map[string]string{
		"GITHUB_SHA": merge, "GITHUB_REF": "refs/pull/7/merge", "GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "subnets",
		"GITHUB_BASE_REF": "main", "GITHUB_EVENT_NAME": "pull_request",
		"GITHUB_EVENT_PATH": event(t, `{"number":7,"pull_request":{"title":"Subnets","user":{"login":"ada"},"head":{"sha":"`+head+`","ref":"subnets"},"base":{"sha":"`+merge+`"}}}`),
	}
	gitlab := map[string]string{
		"CI": "true", "GITLAB_CI": "true", "USER": "root", "CI_SERVER_URL": "https://git.acme.example:8443", "CI_PROJECT_URL": "https://git.acme.example:8443/infra/team/network",
		"CI_REPOSITORY_URL": "https://gitlab-ci-token:" + token + "@git.acme.example:8443/infra/team/network.git",
		"CI_COMMIT_SHA":     head, "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main", "CI_COMMIT_AUTHOR": "Ada Lovelace <ada@example.com>",
		"CI_COMMIT_MESSAGE": "Add a subnet\n\nMore.\n", "CI_COMMIT_TIMESTAMP": "2023-11-14T23:13:20+01:00",
		"GITLAB_USER_LOGIN": "grace", "GITLAB_USER_NAME": "Grace Hopper", "GITLAB_USER_EMAIL": "grace@example.com",
	}
	jenkins := map[string]string{
		"JENKINS_URL": "https://ci.acme.example/", "USER": "jenkins", "BUILD_NUMBER": "7", "GIT_COMMIT": head, "GIT_BRANCH": "origin/release/2",
		"GIT_URL": "https://bot:" + token + "@github.com/acme/network.git", "BUILD_USER_ID": "grace", "BUILD_USER": "Grace Hopper",
	}
	azure := map[string]string{
		"TF_BUILD": "True", "USER": "vsts", "BUILD_REPOSITORY_PROVIDER": "TfsGit", "BUILD_REPOSITORY_URI": "https://acme@dev.azure.com/acme/Our%20Network/_git/network",
		"BUILD_SOURCEBRANCH": "refs/heads/release/2", "BUILD_SOURCEBRANCHNAME": "2", "BUILD_SOURCEVERSION": head,
		"BUILD_SOURCEVERSIONMESSAGE": "Add a subnet", "BUILD_REQUESTEDFOR": "Grace Hopper", "BUILD_REQUESTEDFOREMAIL": "grace@example.com",
	}
	bitbucket := map[string]string{
		"CI": "true", "BITBUCKET_BUILD_NUMBER": "7", "USER": "root", "BITBUCKET_COMMIT": head, "BITBUCKET_BRANCH": "main", "BITBUCKET_REPO_FULL_NAME": "acme/network",
		"BITBUCKET_GIT_HTTP_ORIGIN": "http://bitbucket.org/acme/network", "BITBUCKET_STEP_TRIGGERER_UUID": "{59bd2c50-a2a3-4e9c-8a2f-2a4bdbc6c4d6}",
	}
	circle := map[string]string{
		"CI": "true", "CIRCLECI": "true", "USER": "circleci", "CIRCLE_BRANCH": "main", "CIRCLE_SHA1": head,
		"CIRCLE_REPOSITORY_URL": "git@github.com:acme/network.git", "CIRCLE_USERNAME": "grace",
	}
	buildkite := map[string]string{
		"CI": "true", "BUILDKITE": "true", "USER": "buildkite-agent", "BUILDKITE_BRANCH": "main", "BUILDKITE_TAG": "", "BUILDKITE_COMMIT": head,
		"BUILDKITE_REPO": "git@github.com:acme/network.git", "BUILDKITE_MESSAGE": "Add a subnet", "BUILDKITE_BUILD_AUTHOR": "Ada Lovelace",
		"BUILDKITE_BUILD_CREATOR": "Grace Hopper", "BUILDKITE_BUILD_CREATOR_EMAIL": "grace@example.com",
	}
	atlantis := map[string]string{
		"ATLANTIS_TERRAFORM_VERSION": "1.11.0", "USER": "atlantis", "PULL_NUM": "7", "PULL_URL": "https://ghe.acme.example/acme/network/pull/7", "PULL_AUTHOR": "ada",
		"USER_NAME": "grace", "HEAD_BRANCH_NAME": "subnets", "BASE_BRANCH_NAME": "main", "HEAD_COMMIT": head,
	}
	// Links to the commit, by where it is.
	const onGitHub, onOwnGitLab, onBitbucket = "https://github.com/acme/network/commit/", "https://git.acme.example:8443/infra/team/network/-/commit/", "https://bitbucket.org/acme/network/commits/"
	const onAzure = "https://dev.azure.com/acme/Our%20Network/_git/network/commit/"
	whole := models.Commit{AuthorName: "Ada Lovelace", Hash: head, Message: "Add a subnet\n\nMore.", Timestamp: at}
	pushed := whole
	pushed.AuthorLogin, pushed.URL = "ada", onGitHub+head
	merged := whole
	merged.URL = onOwnGitLab + head
	bare := func(link string) models.Commit { return models.Commit{Hash: head, URL: link + head} }
	said := bare(onAzure)
	said.Message = "Add a subnet"
	kite := bare(onGitHub)
	kite.Message, kite.AuthorName = "Add a subnet", "Ada Lovelace"

	return map[string]struct {
		env  map[string]string
		want models.Run
	}{
		"GitHub, a push":                    {github, models.Run{Branch: "main", TriggeredBy: "grace", Commit: pushed}},
		"GitHub, a pull request":            {with(github, pull), models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: bare(onGitHub)}},
		"GitHub, a tag":                     {with(github, map[string]string{"GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "tag"}), models.Run{TriggeredBy: "grace", Commit: pushed}},
		"GitHub, by hand":                   {with(github, map[string]string{"GITHUB_EVENT_PATH": event(t, `{"inputs":{}}`)}), models.Run{Branch: "main", TriggeredBy: "grace", Commit: bare(onGitHub)}},
		"GitHub, an event that is broken":   {with(github, map[string]string{"GITHUB_EVENT_PATH": event(t, `{"head_commit":`)}), models.Run{Branch: "main", TriggeredBy: "grace", Commit: bare(onGitHub)}},
		"GitHub, an event that is a folder": {with(github, map[string]string{"GITHUB_EVENT_PATH": t.TempDir()}), models.Run{Branch: "main", TriggeredBy: "grace", Commit: bare(onGitHub)}},
		"Forgejo": {
			with(github, map[string]string{"GITHUB_SERVER_URL": "https://forge.acme.example", "GITEA_ACTIONS": "true", "GITHUB_TRIGGERING_ACTOR": "", "GITHUB_EVENT_PATH": ""}),
			models.Run{Branch: "main", TriggeredBy: "ada", Commit: bare("https://forge.acme.example/acme/network/commit/")},
		},
		"GitLab, a branch": {gitlab, models.Run{Branch: "main", TriggeredBy: "grace", Commit: merged}},
		"GitLab, a merge request": {
			with(gitlab, map[string]string{"CI_COMMIT_BRANCH": "", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "subnets", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": ""}),
			models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: merged},
		},
		"GitLab, a merged result": {
			with(gitlab, map[string]string{"CI_COMMIT_BRANCH": "", "CI_COMMIT_SHA": merge, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "subnets", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head}),
			models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: bare(onOwnGitLab)},
		},
		"GitLab, a tag":     {with(gitlab, map[string]string{"CI_COMMIT_BRANCH": "", "CI_COMMIT_TAG": "main"}), models.Run{TriggeredBy: "grace", Commit: merged}},
		"Jenkins":           {jenkins, models.Run{Branch: "release/2", TriggeredBy: "grace", Commit: bare(onGitHub)}},
		"Jenkins, branches": {with(jenkins, map[string]string{"BRANCH_NAME": "main", "GIT_BRANCH": "main"}), models.Run{Branch: "main", TriggeredBy: "grace", Commit: bare(onGitHub)}},
		"Jenkins, detached": {with(jenkins, map[string]string{"GIT_BRANCH": "detached", "BUILD_USER_ID": "", "BUILD_USER": ""}), models.Run{Commit: bare(onGitHub)}},
		"Jenkins, a pull request": {
			with(jenkins, map[string]string{"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_BRANCH": "subnets", "CHANGE_TARGET": "main", "CHANGE_URL": "https://bitbucket.org/acme/network/pull-requests/7"}),
			models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: bare(onBitbucket)},
		},
		"Azure, a branch": {azure, models.Run{Branch: "release/2", TriggeredBy: "grace@example.com", Commit: said}},
		"Azure, a pull request": {
			with(azure, map[string]string{"BUILD_SOURCEBRANCH": "refs/pull/7/merge", "BUILD_SOURCEVERSION": merge, "BUILD_SOURCEVERSIONMESSAGE": "Merge", "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/subnets", "SYSTEM_PULLREQUEST_SOURCECOMMITID": head}),
			models.Run{Branch: "subnets", TriggeredBy: "grace@example.com", Commit: bare(onAzure)},
		},
		"Azure, a tag": {with(azure, map[string]string{"BUILD_SOURCEBRANCH": "refs/tags/main"}), models.Run{TriggeredBy: "grace@example.com", Commit: said}},
		"Azure, a server of one's own": {
			with(azure, map[string]string{"BUILD_REPOSITORY_URI": "https://tfs.acme.example/tfs/Main/Net/_git/network", "BUILD_SOURCEVERSIONMESSAGE": ""}),
			models.Run{Branch: "release/2", TriggeredBy: "grace@example.com", Commit: bare("https://tfs.acme.example/tfs/Main/Net/_git/network/commit/")},
		},
		"Bitbucket":        {bitbucket, models.Run{Branch: "main", TriggeredBy: "{59bd2c50-a2a3-4e9c-8a2f-2a4bdbc6c4d6}", Commit: bare(onBitbucket)}},
		"Bitbucket, a tag": {with(bitbucket, map[string]string{"BITBUCKET_BRANCH": "", "BITBUCKET_TAG": "main"}), models.Run{TriggeredBy: "{59bd2c50-a2a3-4e9c-8a2f-2a4bdbc6c4d6}", Commit: bare(onBitbucket)}},
		"CircleCI":         {circle, models.Run{Branch: "main", TriggeredBy: "grace", Commit: bare(onGitHub)}},
		"CircleCI, a tag":  {with(circle, map[string]string{"CIRCLE_BRANCH": "", "CIRCLE_TAG": "v1"}), models.Run{TriggeredBy: "grace", Commit: bare(onGitHub)}},
		"CircleCI, GitLab": {
			with(circle, map[string]string{"CIRCLE_REPOSITORY_URL": "https://gitlab.com/infra/network", "CIRCLE_USERNAME": ""}),
			models.Run{Branch: "main", Commit: bare("https://gitlab.com/infra/network/-/commit/")},
		},
		"Buildkite":            {buildkite, models.Run{Branch: "main", TriggeredBy: "grace@example.com", Commit: kite}},
		"Buildkite, unblocked": {with(buildkite, map[string]string{"BUILDKITE_UNBLOCKER": "Mary Somerville"}), models.Run{Branch: "main", TriggeredBy: "Mary Somerville", Commit: kite}},
		"Buildkite, a tag":     {with(buildkite, map[string]string{"BUILDKITE_TAG": "main"}), models.Run{TriggeredBy: "grace@example.com", Commit: kite}},
		"Atlantis":             {atlantis, models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: bare("https://ghe.acme.example/acme/network/commit/")}},
		"Atlantis on a CI":     {with(circle, atlantis), models.Run{Branch: "subnets", TriggeredBy: "grace", Commit: bare("https://ghe.acme.example/acme/network/commit/")}},
		"an unknown CI":        {map[string]string{"CI": "true", "USER": "agent"}, models.Run{}},
		"a shell":              {map[string]string{"USER": "ada", "LOGNAME": "ada"}, models.Run{TriggeredBy: "ada"}},
		"a shell as root":      {map[string]string{"USER": "root", "SUDO_USER": "ada"}, models.Run{TriggeredBy: "ada"}},
		"a shell of Windows":   {map[string]string{"USERNAME": "ada"}, models.Run{TriggeredBy: "ada"}},
		"nothing":              {nil, models.Run{}},
	}
}

func with(base, more map[string]string) map[string]string {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

func TestEnvironments(t *testing.T) {
	t.Parallel()
	for name, c := range environments(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, of(t, t.TempDir(), c.env), c.want)
		})
	}
}
