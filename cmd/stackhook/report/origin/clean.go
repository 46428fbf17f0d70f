package origin

import (
	"net/url"
	"regexp"
	"strings"

	"stackhook/models"
)

var (
	hex         = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	zeros       = regexp.MustCompile(`^0+$`)
	credentials = regexp.MustCompile(`(?i)(https?://)[^/\s@]*@`)
)

// exact returns a name that something may hang on: as it is, or not at all.
func exact(name string) *string {
	if name == "" || name != models.CleanLine(bare(name), models.MaxRunText) {
		return nil
	}
	return &name
}

// line returns a text for people to read, in one line and cut to what a report may hold.
func line(words string) *string { return orNil(models.CleanLine(bare(words), models.MaxRunText)) }

// text is line for a commit's message, which has lines.
func text(words string) *string { return orNil(models.CleanText(bare(words), models.MaxCommitMessage)) }

func orNil(words string) *string {
	if words == "" {
		return nil
	}
	return &words
}

// bare takes users and passwords out of addresses: merges of a remote with a password in its address may have that in their
// message.
func bare(words string) string { return credentials.ReplaceAllString(words, "$1") }

// fullHash returns the hash if it is a whole one; all zeros stand for no commit.
func fullHash(hash string) string {
	if hash = strings.ToLower(hash); !hex.MatchString(hash) || zeros.MatchString(hash) {
		return ""
	}
	return hash
}

func instant(at int64) *int64 {
	if at <= 0 || at > models.LatestUnix {
		return nil
	}
	return &at
}

func webLink(start, hash string) *string {
	if start == "" || len(start)+len(hash) > models.MaxCommitURL {
		return nil
	}
	link := start + hash
	if u, err := url.Parse(link); err != nil || u.Host == "" {
		return nil
	}
	return &link
}
