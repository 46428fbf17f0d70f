// Package origin finds out what a run is about without being told: branch, commit and who triggered it, from the git
// repository in a folder and from the environment of the CI that the pipeline runs on.
//
// What a CI says of the commit counts while it is the one that is checked out in the folder, or the one that the checked
// out merge was made of: a pull request is reported by its own branch and its own last commit, not by the merge that the
// CI tries out. Where something else is checked out, say another repository, git alone says what is built.
//
// Nothing of it ever fails: what is not known stays out of the report. It imports models, whose checks accept all that
// it returns, and starts nothing but git, which reads and asks no server.
package origin

import (
	"context"
	"slices"

	"stackhook/models"
)

// facts are what one source knows. Empty is unknown.
type facts struct {
	branch      string
	tag         bool   // a tag is built: what deploys a branch must not take the tag's name for one
	hash        string // the commit that people know: on a pull request, its last one
	of          string // the commit that name, message and the rest of the commit are of, when it is not hash
	login       string
	name        string
	message     string
	at          int64  // Unix seconds
	link        string // what the hash is to be put behind to make a web address
	triggeredBy string
	hosts       map[string]string // forges of one's own that the CI runs on: host to kind
}

// Of returns the branch, the commit and who triggered it, as far as they are known for the pipeline that runs in dir
// with the environment env. Branch, hash and login are left out rather than mended, because what is left of a name after
// mending may be another one's.
func Of(ctx context.Context, dir string, env func(string) string) models.RunReport {
	ci := environment(env)
	known := checkedOut(ctx, dir, ci)
	report := models.RunReport{Branch: exact(known.branch), TriggeredBy: exact(ci.triggeredBy)}
	commit := models.CommitReport{
		AuthorLogin: exact(known.login), AuthorName: line(known.name), Message: text(known.message), Timestamp: instant(known.at),
	}
	if hash := fullHash(known.hash); hash != "" {
		commit.Hash, commit.URL = &hash, webLink(known.link, hash)
	}
	if commit != (models.CommitReport{}) {
		report.Commit = &commit
	}
	return report
}

// checkedOut returns what is known of what is checked out in dir: what the CI says completed by git, or git's alone.
func checkedOut(ctx context.Context, dir string, ci facts) facts {
	repo := open(ctx, dir)
	head, readable := repo.commit("HEAD")
	if !readable {
		if ci.of != "" && ci.of != ci.hash {
			ci.login, ci.name, ci.message, ci.at = "", "", "", 0
		}
		return ci
	}
	built, has := repo.commit(ci.hash)
	if has {
		ci.hash = built.hash // some tell only its first digits
	}
	head.branch, head.link = repo.branch(), commitLink(repo.remote(), ci.hosts)
	says := ci.hash != "" // a shell does not
	if says && ci.hash != head.hash && !slices.Contains(repo.parents("HEAD"), ci.hash) {
		return head
	}
	if head.link = first(ci.link, head.link); !ci.tag {
		head.branch = first(ci.branch, head.branch)
	} else {
		head.branch = ""
	}
	if !says {
		return head
	}
	known := built // empty in a shallow clone that has only the merge
	known.branch, known.hash, known.link = head.branch, ci.hash, head.link
	if ci.of == "" || ci.of == ci.hash {
		known.login, known.name = first(ci.login, known.login), first(known.name, ci.name)
		known.message, known.at = first(known.message, ci.message), first(known.at, ci.at)
	}
	return known
}

// first returns the first that is known.
func first[T comparable](values ...T) T {
	var unknown T
	for _, v := range values {
		if v != unknown {
			return v
		}
	}
	return unknown
}
