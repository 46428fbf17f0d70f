package report

import (
	"time"

	"stackhook/models"
)

// entry is one report: of a run that starts, or of its next state. Its content never changes once it has a version, so
// that sending it again is a repeat to the server.
type entry struct {
	Seq   int64      `json:"-"`  // its place among the run's reports here
	At    time.Time  `json:"at"` // when it was reported
	Start *startBody `json:"start,omitempty"`
	State *stateBody `json:"state,omitempty"`
	Asked bool       `json:"asked,omitempty"` // the server was asked for its version
}

// startBody and stateBody are the bodies of the API's two calls.
type startBody struct {
	ID          string          `json:"id"`
	Type        *models.RunType `json:"type,omitempty"`
	Branch      *string         `json:"branch,omitempty"`
	TriggeredBy *string         `json:"triggeredBy,omitempty"`
	Commit      *commitBody     `json:"commit,omitempty"`
	CreatedAt   int64           `json:"createdAt"`
	State       models.State    `json:"state"`
	Timestamp   int64           `json:"timestamp"`
}

type commitBody struct {
	AuthorLogin *string `json:"authorLogin,omitempty"`
	AuthorName  *string `json:"authorName,omitempty"`
	Hash        *string `json:"hash,omitempty"`
	Message     *string `json:"message,omitempty"`
	Timestamp   *int64  `json:"timestamp,omitempty"`
	URL         *string `json:"url,omitempty"`
}

type stateBody struct {
	State        models.State  `json:"state"`
	StateVersion *int64        `json:"stateVersion,omitempty"` // nil: the server is asked for it first
	Timestamp    int64         `json:"timestamp"`
	Delta        *models.Delta `json:"delta,omitempty"`
}

// startOf makes the report of a new run, with everything that a repeat needs to be one.
func startOf(r models.RunReport, now time.Time) entry {
	unix := now.Unix()
	body := startBody{
		Type: r.Type, Branch: r.Branch, TriggeredBy: r.TriggeredBy, ID: models.NewID(now), CreatedAt: unix, State: models.Queued, Timestamp: unix,
	}
	if r.ID != nil {
		body.ID = *r.ID
	}
	if r.State != nil {
		body.State = *r.State
	}
	if r.CreatedAt != nil {
		body.CreatedAt = *r.CreatedAt
	}
	if r.Timestamp != nil {
		body.Timestamp = *r.Timestamp
	}
	if c := r.Commit; c != nil {
		body.Commit = &commitBody{c.AuthorLogin, c.AuthorName, c.Hash, c.Message, c.Timestamp, c.URL}
	}
	return entry{At: now, Start: &body}
}

// version returns the number of the entry's state within its run, unknown if only the server knows it.
func (e entry) version() int64 {
	switch {
	case e.Start != nil:
		return 0
	case e.State.StateVersion == nil:
		return unknown
	}
	return *e.State.StateVersion
}

// after returns the entry as the one that follows the newest report.
func (e entry) after(newest tail) entry {
	e.Seq = newest.seq + 1
	if e.State != nil {
		e = e.numbered(newest.version + 1)
		if newest.version == unknown {
			e = e.numbered(unknown)
		}
	}
	return e
}

// numbered returns the report of a state with a version, or without one.
func (e entry) numbered(version int64) entry {
	body := *e.State
	body.StateVersion = &version
	if version == unknown {
		body.StateVersion = nil
	}
	e.State = &body
	return e
}

// state returns the state that the entry reports.
func (e entry) state() models.State {
	if e.Start != nil {
		return e.Start.State
	}
	return e.State.State
}

// unknown is the version of a run that another machine reports too: the server has it.
const unknown = -1
