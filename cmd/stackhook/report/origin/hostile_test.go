package origin_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"stackhook/cmd/stackhook/report/origin"
	"stackhook/models"
)

// TestLinks: a remote becomes the address of a commit, or nothing.
func TestLinks(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	hash := c.commit("one")
	for remote, start := range map[string]string{
		"git@github.com:acme/network.git":                                     "https://github.com/acme/network/commit/",
		"github.com:acme/network":                                             "https://github.com/acme/network/commit/",
		"ssh://git@ssh.github.com:443/acme/network.git":                       "https://github.com/acme/network/commit/",
		"https://" + token + "@github.com/acme/network.git/":                  "https://github.com/acme/network/commit/",
		"https://x-access-token:" + token + "@GitHub.com/acme/network":        "https://github.com/acme/network/commit/",
		"git+ssh://git@github.com/acme/network.git":                           "https://github.com/acme/network/commit/",
		"https://github.com/acme/network.git?access_token=" + token:           "https://github.com/acme/network/commit/",
		"https://github.com/acme/network#" + token:                            "https://github.com/acme/network/commit/",
		"git@gitlab.com:infra/team/network.git":                               "https://gitlab.com/infra/team/network/-/commit/",
		"https://oauth2:" + token + "@gitlab.com/infra/network.git":           "https://gitlab.com/infra/network/-/commit/",
		"git@bitbucket.org:acme/network.git":                                  "https://bitbucket.org/acme/network/commits/",
		"ssh://git@altssh.bitbucket.org:443/acme/network.git":                 "https://bitbucket.org/acme/network/commits/",
		"https://acme@dev.azure.com/acme/Our%20Network/_git/network":          "https://dev.azure.com/acme/Our%20Network/_git/network/commit/",
		"git@ssh.dev.azure.com:v3/acme/Our%20Network/network":                 "https://dev.azure.com/acme/Our%20Network/_git/network/commit/",
		"acme@vs-ssh.visualstudio.com:v3/acme/Net/network":                    "https://dev.azure.com/acme/Net/_git/network/commit/",
		"https://acme.visualstudio.com/DefaultCollection/Net/_git/network":    "https://acme.visualstudio.com/DefaultCollection/Net/_git/network/commit/",
		"ssh://git@codeberg.org/acme/network.git":                             "https://codeberg.org/acme/network/commit/",
		"https://gitea.com/acme/network.git":                                  "https://gitea.com/acme/network/commit/",
		"https://user:" + token + "@git.acme.example:8443/acme/network.git":   "", // nobody says what that is
		"https://dev.azure.com/acme/network":                                  "",
		"https://github.com.evil.example/acme/network":                        "",
		"https://github.com/acme":                                             "",
		"/srv/git/network.git":                                                "",
		"file:///srv/git/network.git":                                         "",
		"../network":                                                          "",
		"javascript://github.com/acme/network":                                "",
		"https://[::1/acme/network":                                           "",
		"https://github.com/acme/" + strings.Repeat("n", models.MaxCommitURL): "",
	} {
		c.git("config", "remote.origin.url", remote)
		wanted := start
		if start != "" {
			wanted += hash
		}
		if got := of(t, c.dir, nil).Commit.URL; got != wanted {
			t.Errorf("%s\n%q, want\n%q", remote, got, wanted)
		}
	}
}

// TestHostileWords: names that something may hang on are left out when they would have to be mended; texts are mended.
func TestHostileWords(t *testing.T) {
	t.Parallel()
	kite := map[string]string{"BUILDKITE": "true", "BUILDKITE_BRANCH": "main", "BUILDKITE_COMMIT": head, "BUILDKITE_BUILD_CREATOR": "ada"}
	name := func(name string) models.Commit { return models.Commit{Hash: head, AuthorName: name} }
	for what, c := range map[string]struct {
		variable, value string
		want            models.Run
	}{
		"a branch in lines":         {"BUILDKITE_BRANCH", "main\nx", models.Run{TriggeredBy: "ada", Commit: name("")}},
		"a branch with blanks":      {"BUILDKITE_BRANCH", "ma\u2066in", models.Run{TriggeredBy: "ada", Commit: name("")}},
		"a branch that is too long": {"BUILDKITE_BRANCH", strings.Repeat("b", 256), models.Run{TriggeredBy: "ada", Commit: name("")}},
		"a branch that just fits":   {"BUILDKITE_BRANCH", strings.Repeat("ü", 255), models.Run{Branch: strings.Repeat("ü", 255), TriggeredBy: "ada", Commit: name("")}},
		"a branch that is no text":  {"BUILDKITE_BRANCH", "ma\xffin", models.Run{TriggeredBy: "ada", Commit: name("")}},
		"a person with a bell":      {"BUILDKITE_BUILD_CREATOR", "ada\a", models.Run{Branch: "main", Commit: name("")}},
		"a hash that is none":       {"BUILDKITE_COMMIT", "../../etc", models.Run{Branch: "main", TriggeredBy: "ada"}},
		"an option for a hash":      {"BUILDKITE_COMMIT", "--output=x", models.Run{Branch: "main", TriggeredBy: "ada"}},
		"a hash of zeros":           {"BUILDKITE_COMMIT", strings.Repeat("0", 40), models.Run{Branch: "main", TriggeredBy: "ada"}},
		"a hash in capitals":        {"BUILDKITE_COMMIT", strings.ToUpper(merge), models.Run{Branch: "main", TriggeredBy: "ada", Commit: models.Commit{Hash: merge}}},
		"an author in lines":        {"BUILDKITE_BUILD_AUTHOR", " Ada\r\nLovelace\x00 ", models.Run{Branch: "main", TriggeredBy: "ada", Commit: name("Ada Lovelace")}},
		"an author without end":     {"BUILDKITE_BUILD_AUTHOR", strings.Repeat("é", 999), models.Run{Branch: "main", TriggeredBy: "ada", Commit: name(strings.Repeat("é", 254) + "…")}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			want(t, of(t, t.TempDir(), with(kite, map[string]string{c.variable: c.value})), c.want)
		})
	}
}

// TestAHashIsNoOption: git must not take for an option what the environment calls a commit.
func TestAHashIsNoOption(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.commit("one")
	file := filepath.Join(c.dir, "written")
	of(t, c.dir, map[string]string{"BUILDKITE": "true", "BUILDKITE_COMMIT": "--output=" + file})
	if _, err := os.Stat(file); err == nil {
		t.Error("git wrote a file")
	}
}

// TestWhateverIsSet: the API accepts what is made of any environment.
func TestWhateverIsSet(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	cases := environments(t)
	anything := rapid.OneOf(rapid.String(), rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }),
		rapid.SampledFrom([]string{
			"", "https://[::1]:99/a/b", "https://x:y@h/a/b/pull/1", "git@[::1]:a/b", "http:///a/b", "https://h:port/a/b", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59",
			"https://h/%zz/pull/1", "https://h\x00/a/b", "https://exa mple/a/b", head, merge,
		}))
	rapid.Check(t, func(t *rapid.T) {
		for name, c := range cases {
			env := with(map[string]string{}, c.env)
			for variable := range c.env {
				if variable != "GITHUB_EVENT_PATH" && rapid.Bool().Draw(t, "change "+variable) {
					env[variable] = anything.Draw(t, variable)
				}
			}
			report := origin.Of(t.Context(), none, func(name string) string { return env[name] })
			if err := report.Check(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}
