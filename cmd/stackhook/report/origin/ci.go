package origin

import (
	"cmp"
	"strings"
	"time"
)

// environments are the CIs that are known, each with what tells it. Atlantis is first: it may itself run on another.
var environments = []struct {
	is   func(env func(string) string) bool
	know func(env func(string) string) facts
}{
	{set("ATLANTIS_TERRAFORM_VERSION", "PULL_NUM"), onAtlantis},
	{set("GITHUB_ACTIONS"), onGitHub},
	{set("GITLAB_CI"), onGitLab},
	{set("TF_BUILD"), onAzure},
	{set("BITBUCKET_BUILD_NUMBER"), onBitbucket},
	{set("CIRCLECI"), onCircle},
	{set("BUILDKITE"), onBuildkite},
	{set("JENKINS_URL"), onJenkins},
	{set("CI"), func(func(string) string) facts { return facts{} }}, // one that is not known: its user is no person
}

// environment returns what the environment says.
func environment(env func(string) string) facts {
	for _, e := range environments {
		if e.is(env) {
			known := e.know(env)
			if known.tag {
				known.branch = ""
			}
			return known
		}
	}
	return inShell(env)
}

func set(variables ...string) func(func(string) string) bool {
	return func(env func(string) string) bool {
		for _, name := range variables {
			if env(name) == "" {
				return false
			}
		}
		return true
	}
}

// inShell: somebody at a terminal. Who became root by sudo is still who it is.
func inShell(env func(string) string) facts {
	return facts{triggeredBy: cmp.Or(env("SUDO_USER"), env("USER"), env("LOGNAME"), env("USERNAME"))}
}

// onGitLab: https://docs.gitlab.com/ci/variables/predefined_variables
func onGitLab(env func(string) string) facts {
	at, _ := time.Parse(time.RFC3339, env("CI_COMMIT_TIMESTAMP")) // of the commit, in ISO 8601
	name, _, _ := strings.Cut(env("CI_COMMIT_AUTHOR"), "<")       // "Name <email>"
	ci := facts{
		branch:      cmp.Or(env("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"), env("CI_COMMIT_BRANCH")), // the latter is not there for merge requests and tags
		tag:         env("CI_COMMIT_TAG") != "",
		hash:        env("CI_COMMIT_SHA"),
		of:          env("CI_COMMIT_SHA"),
		name:        name,
		message:     env("CI_COMMIT_MESSAGE"),
		at:          at.Unix(),
		link:        project(env("CI_PROJECT_URL"), commitPath[gitlab]), // also where GitLab is one's own
		triggeredBy: cmp.Or(env("GITLAB_USER_LOGIN"), env("GITLAB_USER_EMAIL")),
		hosts:       map[string]string{hostOf(env("CI_SERVER_URL")): gitlab},
	}
	// Only in a pipeline for merged results, where CI_COMMIT_SHA is a commit that GitLab made for it.
	if source := env("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"); fullHash(source) != "" {
		ci.hash = source
	}
	return ci
}

// onJenkins: https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables, its own list at
// /env-vars.html, and the plugins git (GIT_…), branch-api (CHANGE_…) and build-user-vars (BUILD_USER…).
func onJenkins(env func(string) string) facts {
	ci := facts{
		hash:        env("GIT_COMMIT"),
		tag:         env("TAG_NAME") != "",
		link:        cmp.Or(besideRequest(env("CHANGE_URL")), commitLink(env("GIT_URL"), nil)),
		triggeredBy: cmp.Or(env("BUILD_USER_ID"), env("BUILD_USER_EMAIL"), env("BUILD_USER")),
	}
	if env("CHANGE_ID") != "" { // BRANCH_NAME is then an arbitrary name like PR-7
		ci.branch = env("CHANGE_BRANCH")
		return ci
	}
	branch := env("GIT_BRANCH") // with the remote's name before it
	for _, before := range []string{"refs/", "remotes/", "heads/", "origin/"} {
		branch = strings.TrimPrefix(branch, before)
	}
	if branch == "detached" {
		branch = ""
	}
	ci.branch = cmp.Or(env("BRANCH_NAME"), branch)
	return ci
}

// onAzure: https://learn.microsoft.com/azure/devops/pipelines/build/variables
func onAzure(env func(string) string) facts {
	version, hosts := env("BUILD_SOURCEVERSION"), map[string]string{}
	if env("BUILD_REPOSITORY_PROVIDER") == "TfsGit" { // Azure Repos, also on a server of one's own
		hosts[hostOf(env("BUILD_REPOSITORY_URI"))] = azure
	}
	ci := facts{
		hash:        version,
		of:          version,
		message:     env("BUILD_SOURCEVERSIONMESSAGE"),
		link:        commitLink(env("BUILD_REPOSITORY_URI"), hosts),
		triggeredBy: cmp.Or(env("BUILD_REQUESTEDFOREMAIL"), env("BUILD_REQUESTEDFOR")),
		hosts:       hosts,
	}
	source := env("SYSTEM_PULLREQUEST_SOURCEBRANCH")
	if source == "" {
		source = env("BUILD_SOURCEBRANCH")
		ci.tag = strings.HasPrefix(source, "refs/tags/")
	}
	if branch := strings.TrimPrefix(source, "refs/heads/"); !strings.HasPrefix(branch, "refs/") {
		ci.branch = branch // the documentation says with refs/heads/, some say that it comes without
	}
	// The commit that is under review; BUILD_SOURCEVERSION is then its merge with the target.
	if reviewed := env("SYSTEM_PULLREQUEST_SOURCECOMMITID"); fullHash(reviewed) != "" {
		ci.hash = reviewed
	}
	return ci
}

// onBitbucket: https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/
func onBitbucket(env func(string) string) facts {
	return facts{
		branch:      env("BITBUCKET_BRANCH"), // the source branch; not there for tags
		tag:         env("BITBUCKET_TAG") != "",
		hash:        env("BITBUCKET_COMMIT"), // of a pull request too its own: the target is merged into the clone
		link:        cmp.Or(project(bitbucketPage(env("BITBUCKET_REPO_FULL_NAME")), commitPath[bitbucket]), commitLink(env("BITBUCKET_GIT_HTTP_ORIGIN"), nil)),
		triggeredBy: env("BITBUCKET_STEP_TRIGGERER_UUID"), // there is no name of that person
	}
}

func bitbucketPage(fullName string) string {
	if fullName == "" {
		return ""
	}
	return "https://bitbucket.org/" + fullName
}

// onCircle: https://circleci.com/docs/reference/variables/
func onCircle(env func(string) string) facts {
	return facts{
		branch:      env("CIRCLE_BRANCH"), // not there for tags; pull/7 for a fork's pull request
		tag:         env("CIRCLE_TAG") != "",
		hash:        env("CIRCLE_SHA1"),
		link:        cmp.Or(besideRequest(env("CIRCLE_PULL_REQUEST")), commitLink(env("CIRCLE_REPOSITORY_URL"), nil)),
		triggeredBy: cmp.Or(env("CIRCLE_USERNAME"), env("CIRCLE_PR_USERNAME")),
	}
}

// onBuildkite: https://buildkite.com/docs/pipelines/configure/environment-variables
func onBuildkite(env func(string) string) facts {
	return facts{
		branch:  env("BUILDKITE_BRANCH"), // of a pull request its own; a fork's has the fork's owner before it
		tag:     env("BUILDKITE_TAG") != "",
		hash:    env("BUILDKITE_COMMIT"), // may be the word HEAD: then git says which
		of:      env("BUILDKITE_COMMIT"),
		name:    env("BUILDKITE_BUILD_AUTHOR"),
		message: env("BUILDKITE_MESSAGE"),
		link:    commitLink(env("BUILDKITE_REPO"), nil),
		triggeredBy: cmp.Or( // who let a blocked build go on has triggered what comes then
			env("BUILDKITE_UNBLOCKER_EMAIL"), env("BUILDKITE_UNBLOCKER"),
			env("BUILDKITE_BUILD_CREATOR_EMAIL"), env("BUILDKITE_BUILD_CREATOR")),
	}
}

// onAtlantis: https://www.runatlantis.io/docs/custom-workflows.html#native-environment-variables
func onAtlantis(env func(string) string) facts {
	return facts{
		branch:      env("HEAD_BRANCH_NAME"),
		hash:        env("HEAD_COMMIT"), // twelve digits from Bitbucket Cloud: git says the rest
		link:        besideRequest(env("PULL_URL")),
		triggeredBy: env("USER_NAME"), // who wrote the comment; Atlantis itself when it plans by itself
	}
}
