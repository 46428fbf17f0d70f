package origin

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"stackhook/models"
)

var (
	hex         = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	zeros       = regexp.MustCompile(`^0+$`)
	credentials = regexp.MustCompile(`(?i)(https?://)[^/\s@]*@`)
)

// exact returns a name that something may hang on: as it is, or not at all.
func exact(name string) *string {
	if name == "" || name != clean(name, false) || utf8.RuneCountInString(name) > models.MaxRunText {
		return nil
	}
	return &name
}

// line returns a text for people to read, in one line and cut to what a report may hold.
func line(words string) *string {
	words = strings.TrimSpace(clean(words, false))
	if runes := []rune(words); len(runes) > models.MaxRunText {
		words = string(runes[:models.MaxRunText-1]) + "…"
	}
	if words == "" {
		return nil
	}
	return &words
}

// text is line for a commit's message, which has lines.
func text(words string) *string {
	const more = "…"
	words = strings.TrimSpace(clean(words, true))
	if len(words) > models.MaxCommitMessage {
		end := models.MaxCommitMessage - len(more)
		for !utf8.RuneStart(words[end]) {
			end--
		}
		words = words[:end] + more
	}
	if words == "" {
		return nil
	}
	return &words
}

// clean takes out what the API refuses: bytes that are no UTF-8, control characters, what turns the direction of a text.
// Merges of a remote with a password in its address may have it in their message: it goes too.
func clean(words string, lines bool) string {
	words = strings.ReplaceAll(strings.ToValidUTF8(words, "\uFFFD"), "\r\n", "\n")
	words = strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return r
		case r == '\n' || r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, words)
	return credentials.ReplaceAllString(words, "$1")
}

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
