package origin

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Kinds of forges: they differ in how a commit's page is called.
const (
	github    = "github" // Gitea, Forgejo and Codeberg call it the same
	gitlab    = "gitlab"
	bitbucket = "bitbucket"
	azure     = "azure"
)

// forges are the hosts whose kind is known. The names for SSH through a port that firewalls let pass are among them.
var forges = map[string]struct{ kind, host string }{
	"github.com":              {github, "github.com"},
	"ssh.github.com":          {github, "github.com"},
	"codeberg.org":            {github, "codeberg.org"},
	"gitea.com":               {github, "gitea.com"},
	"gitlab.com":              {gitlab, "gitlab.com"},
	"altssh.gitlab.com":       {gitlab, "gitlab.com"},
	"bitbucket.org":           {bitbucket, "bitbucket.org"},
	"altssh.bitbucket.org":    {bitbucket, "bitbucket.org"},
	"dev.azure.com":           {azure, "dev.azure.com"},
	"ssh.dev.azure.com":       {azure, "dev.azure.com"},
	"vs-ssh.visualstudio.com": {azure, "dev.azure.com"},
}

// commitPath is what comes between a repository's page and a commit's hash.
var commitPath = map[string]string{github: "/commit/", gitlab: "/-/commit/", bitbucket: "/commits/", azure: "/commit/"}

// commitLink makes of a remote's address what a hash is to be put behind. Own are forges besides the public ones. Of the
// address nothing is used but host, port and path: users, passwords, tokens and queries stay behind.
func commitLink(remote string, own map[string]string) string {
	u := parseRemote(remote)
	if u == nil {
		return ""
	}
	host, kind := u.Hostname(), own[u.Hostname()]
	page := url.URL{Scheme: "https", Host: host}
	if forge, public := forges[host]; public {
		kind, page.Host = forge.kind, forge.host
	} else if strings.HasSuffix(host, ".visualstudio.com") {
		kind = azure
	} else if u.Scheme == "http" || u.Scheme == "https" {
		page.Scheme, page.Host = u.Scheme, u.Host
	}
	page.Path = repositoryPath(kind, u)
	if kind == "" || page.Path == "" {
		return ""
	}
	return page.String() + commitPath[kind]
}

// repositoryPath returns the path of a repository's page, "" when that cannot be one.
func repositoryPath(kind string, u *url.URL) string {
	clean := strings.TrimSuffix(path.Clean("/"+u.Path), ".git")
	parts := strings.Split(clean, "/")[1:]
	if kind == azure {
		if u.Scheme == "ssh" && len(parts) == 4 && parts[0] == "v3" { // v3/organisation/project/repository
			return "/" + parts[1] + "/" + parts[2] + "/_git/" + parts[3]
		}
		if !strings.Contains(clean, "/_git/") {
			return ""
		}
		return clean
	}
	if len(parts) < 2 || parts[1] == "" {
		return ""
	}
	return clean
}

var scpLike = regexp.MustCompile(`^(?:[^@/\s]*@)?([A-Za-z0-9.-]+):([^:]+)$`)

// parseRemote reads the forms that git knows: addresses with a scheme, and host:path, which means SSH. Nil is a folder,
// or nothing at all.
func parseRemote(remote string) *url.URL {
	var u *url.URL
	if found := scpLike.FindStringSubmatch(remote); found != nil && !strings.HasPrefix(found[2], "//") {
		decoded, err := url.PathUnescape(found[2])
		if err != nil {
			return nil
		}
		u = &url.URL{Scheme: "ssh", Host: found[1], Path: decoded}
	} else if parsed, err := url.Parse(remote); err == nil {
		u = parsed
	} else {
		return nil
	}
	u.Scheme, u.Host = strings.TrimPrefix(u.Scheme, "git+"), strings.ToLower(u.Host)
	switch u.Scheme {
	case "http", "https", "ssh", "git":
		if u.Hostname() != "" {
			return u
		}
	}
	return nil
}

// besideRequest makes of a pull or merge request's page what a hash is to be put behind: the words of the forge tell its
// kind, wherever it runs.
func besideRequest(page string) string {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	for _, forge := range []struct{ request, commit string }{
		{"/-/merge_requests/", "/-/commit/"}, // GitLab
		{"/merge_requests/", "/commit/"},     // GitLab, as it was
		{"/pull-requests/", "/commits/"},     // Bitbucket, also its Data Center
		{"/pullrequest/", "/commit/"},        // Azure DevOps
		{"/pulls/", "/commit/"},              // Gitea
		{"/pull/", "/commit/"},               // GitHub, also Enterprise
	} {
		if at := strings.LastIndex(u.Path, forge.request); at > 0 {
			return (&url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: u.Path[:at]}).String() + forge.commit
		}
	}
	return ""
}

// project makes of a project's page, and what comes before a commit, what a hash is to be put behind.
func project(page, before string) string {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: strings.TrimSuffix(u.Path, "/")}).String() + before
}

// hostOf returns the host of an address, for the table of own forges.
func hostOf(page string) string {
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
