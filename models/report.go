package models

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
)

// Limits of what a pipeline may report.
const (
	MaxRunText       = 255  // characters of branch, triggeredBy, author login and name
	MaxCommitMessage = 4096 // bytes
	MaxCommitURL     = 2048 // bytes
)

// RunReport is what a pipeline says when it starts a run. A nil field was not sent: it takes its default, and a repeat
// is not compared on it.
type RunReport struct {
	ID          *string
	Type        *RunType
	Branch      *string
	TriggeredBy *string
	Commit      *CommitReport
	CreatedAt   *int64 // Unix seconds
	State       *State
	Timestamp   *int64 // Unix seconds of the first state
}

// CommitReport is the commit of a RunReport; nil fields were not sent.
type CommitReport struct {
	AuthorLogin *string
	AuthorName  *string
	Hash        *string
	Message     *string
	Timestamp   *int64
	URL         *string
}

// StateReport is what a pipeline says when a run changes state.
type StateReport struct {
	State        State
	StateVersion *int64
	Timestamp    *int64
	Delta        *Delta
}

var commitHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})?$`)

// Check returns what is wrong with the report.
func (r RunReport) Check() error {
	var bad Invalid
	if r.ID != nil {
		if _, err := ulid.ParseStrict(*r.ID); err != nil {
			bad.Add("id", "must be a ULID: 26 characters of Crockford's base 32, upper case")
		} else if upper := ulid.MustParseStrict(*r.ID).String(); upper != *r.ID {
			bad.Add("id", "must be a ULID in upper case")
		}
	}
	if r.Type != nil && !r.Type.Known() {
		bad.Add("type", "must be one of %v", runTypes)
	}
	if r.State != nil && !r.State.Known() {
		bad.Add("state", "must be one of %v", states)
	}
	checkLine(&bad, "branch", r.Branch)
	checkLine(&bad, "triggeredBy", r.TriggeredBy)
	checkUnix(&bad, "createdAt", r.CreatedAt)
	checkUnix(&bad, "timestamp", r.Timestamp)
	if c := r.Commit; c != nil {
		checkLine(&bad, "commit.authorLogin", c.AuthorLogin)
		checkLine(&bad, "commit.authorName", c.AuthorName)
		if c.Hash != nil && !commitHash.MatchString(*c.Hash) {
			bad.Add("commit.hash", "must be empty, or 40 or 64 lower-case hex digits")
		}
		if c.Message != nil && len(*c.Message) > MaxCommitMessage {
			bad.Add("commit.message", "must have at most %d bytes", MaxCommitMessage)
		}
		if c.Message != nil && !utf8.ValidString(*c.Message) {
			bad.Add("commit.message", "must be valid UTF-8")
		}
		if c.Message != nil && strings.ContainsRune(*c.Message, 0) { // PostgreSQL has no text with it
			bad.Add("commit.message", "must not contain the character NUL")
		}
		checkUnix(&bad, "commit.timestamp", c.Timestamp)
		if c.URL != nil && *c.URL != "" && !webURL(*c.URL) {
			bad.Add("commit.url", "must be empty or an http or https URL of at most %d bytes", MaxCommitURL)
		}
	}
	return bad.Err()
}

// Check returns what is wrong with the report, whatever the run's state is.
func (r StateReport) Check() error {
	var bad Invalid
	if !r.State.Known() {
		bad.Add("state", "must be one of %v", states)
	}
	if r.StateVersion != nil && *r.StateVersion < 0 {
		bad.Add("stateVersion", "must be 0 or more")
	}
	checkUnix(&bad, "timestamp", r.Timestamp)
	if d := r.Delta; d != nil {
		for _, f := range []struct {
			name  string
			value int64
		}{{"added", d.Added}, {"changed", d.Changed}, {"deleted", d.Deleted}, {"resources", d.Resources}} {
			if f.value < 0 {
				bad.Add("delta."+f.name, "must be 0 or more")
			}
		}
	}
	return bad.Err()
}

// Run makes the run that the report starts, with the defaults of what was not sent.
func (r RunReport) Run(now time.Time) Run {
	unix := now.Unix()
	run := Run{
		ID: or(r.ID, ""), Type: or(r.Type, Tracked), Branch: or(r.Branch, ""), TriggeredBy: or(r.TriggeredBy, ""),
		CreatedAt: or(r.CreatedAt, unix), State: or(r.State, Queued), StateAt: or(r.Timestamp, unix),
		ReceivedAt: now, UpdatedAt: now,
	}
	if run.ID == "" {
		run.ID = NewID(now)
	}
	if c := r.Commit; c != nil {
		run.Commit = Commit{
			AuthorLogin: or(c.AuthorLogin, ""), AuthorName: or(c.AuthorName, ""), Hash: or(c.Hash, ""),
			Message: or(c.Message, ""), Timestamp: or(c.Timestamp, 0), URL: or(c.URL, ""),
		}
	}
	return run
}

// Repeats compares a report with the run and the first event that its id already names. It returns the name of the
// first field that says something else, "" when the report is a repeat.
func (r RunReport) Repeats(run Run, first Event) string {
	c := r.Commit
	if c == nil {
		c = &CommitReport{}
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"type", same(r.Type, run.Type)},
		{"branch", same(r.Branch, run.Branch)},
		{"triggeredBy", same(r.TriggeredBy, run.TriggeredBy)},
		{"commit.authorLogin", same(c.AuthorLogin, run.Commit.AuthorLogin)},
		{"commit.authorName", same(c.AuthorName, run.Commit.AuthorName)},
		{"commit.hash", same(c.Hash, run.Commit.Hash)},
		{"commit.message", same(c.Message, run.Commit.Message)},
		{"commit.timestamp", same(c.Timestamp, run.Commit.Timestamp)},
		{"commit.url", same(c.URL, run.Commit.URL)},
		{"createdAt", same(r.CreatedAt, run.CreatedAt)},
		{"state", same(r.State, first.State)},
		{"timestamp", same(r.Timestamp, first.At)},
	} {
		if !f.same {
			return f.name
		}
	}
	return ""
}

// Repeats compares a report with the event that its version already names, as RunReport.Repeats does.
func (r StateReport) Repeats(e Event) string {
	switch {
	case r.State != e.State:
		return "state"
	case !same(r.Timestamp, e.At):
		return "timestamp"
	case r.Delta != nil && (e.Delta == nil || *r.Delta != *e.Delta):
		return "delta"
	}
	return ""
}

// Judge decides what a state report means for a run: the event to return again when it is a repeat, a conflict, or
// neither, and then the version that it takes. recorded is the event with the reported version, nil if there is none.
func (r StateReport) Judge(run Run, recorded *Event) (version int64, repeat bool, err error) {
	next := run.StateVersion + 1
	if recorded != nil {
		if field := r.Repeats(*recorded); field != "" {
			return 0, false, &Conflict{Field: field, Detail: fmt.Sprintf(
				"stateVersion %d of this run is recorded as %s, and this report has another %s. The next version is %d.",
				recorded.StateVersion, recorded.State, field, next)}
		}
		return recorded.StateVersion, true, nil
	}
	if run.State.Terminal() {
		return 0, false, &Conflict{Field: "state", Detail: fmt.Sprintf(
			"This run ended with %s (stateVersion %d); nothing follows it. Start another run.", run.State, run.StateVersion)}
	}
	if r.StateVersion != nil && *r.StateVersion != next {
		return 0, false, &Conflict{Field: "stateVersion", Detail: fmt.Sprintf(
			"The run is at %s, stateVersion %d; expected is stateVersion %d.", run.State, run.StateVersion, next)}
	}
	return next, false, nil
}

func or[T any](sent *T, otherwise T) T {
	if sent == nil {
		return otherwise
	}
	return *sent
}

func same[T comparable](sent *T, stored T) bool { return sent == nil || *sent == stored }

func checkLine(bad *Invalid, field string, text *string) {
	switch {
	case text == nil:
	case !utf8.ValidString(*text):
		bad.Add(field, "must be valid UTF-8")
	case hasControl(*text):
		bad.Add(field, "must not contain line breaks or control characters")
	case utf8.RuneCountInString(*text) > MaxRunText:
		bad.Add(field, "must have at most %d characters", MaxRunText)
	}
}

// LatestUnix is the last second of the year 9999: beyond it dates have no four-digit year.
const LatestUnix = 253402300799

func checkUnix(bad *Invalid, field string, unix *int64) {
	if unix != nil && (*unix < 0 || *unix > LatestUnix) {
		bad.Add(field, "must be a time in Unix seconds, from 1970 to 9999")
	}
}

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= MaxCommitURL && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !hasControl(text)
}
