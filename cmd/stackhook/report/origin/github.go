package origin

import (
	"cmp"
	"encoding/json"
	"io"
	"os"
	"time"
)

// An event is some tens of KiB; GitHub sends none with more than 25 MB.
const longestEvent = 25 << 20

// event is what GitHub says of what happened, as far as it is of use.
type event struct {
	PullRequest struct {
		Head struct {
			SHA string `json:"sha"`
		} `json:"head"`
	} `json:"pull_request"`
	HeadCommit struct {
		ID        string    `json:"id"`
		Message   string    `json:"message"`
		Timestamp time.Time `json:"timestamp"`
		Author    struct {
			Name     string `json:"name"`
			Username string `json:"username"`
		} `json:"author"`
	} `json:"head_commit"`
}

// onGitHub: https://docs.github.com/en/actions/reference/workflows-and-actions/variables. Gitea's and Forgejo's actions
// set the same.
func onGitHub(env func(string) string) facts {
	server := env("GITHUB_SERVER_URL")
	happened := readEvent(env("GITHUB_EVENT_PATH"))
	pushed := happened.HeadCommit
	ci := facts{
		branch:      env("GITHUB_REF_NAME"),
		tag:         env("GITHUB_REF_TYPE") == "tag",
		hash:        env("GITHUB_SHA"),
		of:          pushed.ID,
		login:       pushed.Author.Username,
		name:        pushed.Author.Name,
		message:     pushed.Message,
		at:          pushed.Timestamp.Unix(),
		link:        project(server+"/"+env("GITHUB_REPOSITORY"), commitPath[github]), // also of one's own server
		triggeredBy: cmp.Or(env("GITHUB_TRIGGERING_ACTOR"), env("GITHUB_ACTOR")),      // the first is who let it run again
		hosts:       map[string]string{hostOf(server): github},
	}
	// GITHUB_HEAD_REF is there for pull requests. GITHUB_SHA is then their merge with the target, GITHUB_REF_NAME 7/merge.
	if branch := env("GITHUB_HEAD_REF"); branch != "" {
		ci.branch, ci.hash = branch, happened.PullRequest.Head.SHA
		if ci.hash == "" && env("GITHUB_EVENT_NAME") == "pull_request_target" {
			ci.branch = "" // with this event the target's own commit is checked out, unless the workflow takes the head
		}
	}
	return ci
}

// readEvent reads the file with the event that started the workflow; nothing when it cannot.
func readEvent(path string) (happened event) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return event{}
	}
	file, err := os.Open(path)
	if err != nil {
		return event{}
	}
	defer file.Close()
	if json.NewDecoder(io.LimitReader(file, longestEvent)).Decode(&happened) != nil {
		return event{}
	}
	return happened
}
