package models

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// HCPNotification is what a notification of HCP Terraform says of a run. Its texts are cleaned: they fit into a run.
type HCPNotification struct {
	RunID        string // as it came
	RunURL       string
	Message      string // of the run: why it was queued, mostly the message of a commit
	CreatedBy    string
	CreatedAt    time.Time
	Organization string
	Workspace    string

	Words     string // what it says, in a few words
	Trigger   string
	RunStatus string
	At        time.Time // when the run got there; zero if it does not say
}

// The triggers of run notifications, and that of the request that looks whether an address answers.
const (
	hcpCreated        = "run:created"
	hcpPlanning       = "run:planning"
	hcpNeedsAttention = "run:needs_attention"
	hcpApplying       = "run:applying"
	hcpCompleted      = "run:completed"
	hcpErrored        = "run:errored"
	hcpVerification   = "verification"
)

// HCPMeaning is a line of the table that turns notifications into states.
type HCPMeaning struct {
	Trigger  string
	Statuses []string // of the run; none is any other
	State    State
}

// HCPMeanings is that table. The first line that fits counts. A status that ends a run, or waits for a person, says it all, whatever
// the trigger was: it is the run's when the notification was sent. Otherwise the trigger says what happened.
func HCPMeanings() []HCPMeaning { return slices.Clone(hcpMeanings) }

var hcpMeanings = []HCPMeaning{
	{"", []string{"applied", "planned_and_finished"}, Finished},
	{"", []string{"errored", "policy_soft_failed"}, FailedState},
	{"", []string{"discarded"}, Discarded},
	{"", []string{"canceled", "force_canceled"}, Stopped},
	{"", []string{"planned_and_saved"}, Unconfirmed}, // its plan waits to be applied
	{hcpCreated, nil, Queued},
	{hcpPlanning, nil, Planning},
	{hcpNeedsAttention, []string{"policy_override", "post_plan_awaiting_decision"}, PendingReview},
	{hcpNeedsAttention, nil, Unconfirmed},
	{hcpApplying, []string{"confirmed", "apply_queued", "queuing_apply", "pre_apply_running", "pre_apply_completed"}, Confirmed},
	{hcpApplying, nil, Applying},
	{hcpCompleted, nil, Finished},
	{hcpErrored, nil, FailedState},
}

// State returns the state that the notification means, "" if it means none: its trigger is not known, or it is about no run.
func (n HCPNotification) State() State {
	if n.RunID == "" || !slices.ContainsFunc(hcpMeanings, func(m HCPMeaning) bool { return m.Trigger != "" && m.Trigger == n.Trigger }) {
		return ""
	}
	for _, m := range hcpMeanings {
		if (m.Trigger == "" || m.Trigger == n.Trigger) && (m.Statuses == nil || slices.Contains(m.Statuses, n.RunStatus)) {
			return m.State
		}
	}
	return ""
}

// Verifies reports whether it only looks whether the address answers.
func (n HCPNotification) Verifies() bool { return n.Trigger == hcpVerification }

// Judge says what the notification means for a run that is known: NotificationRecorded if it moves it on. They may come out of
// order, and more than once. A state that ends a run is never too late for one that goes on.
func (n HCPNotification) Judge(run Run) NotificationOutcome {
	state := n.State()
	switch {
	case state == run.State:
		return NotificationRepeated
	case run.State.Terminal():
		return NotificationEnded
	case state.Terminal():
		return NotificationRecorded
	}
	// Times there may be no finer than ours, a second, in which a run makes several steps: then their usual order decides.
	order := cmp.Compare(slices.Index(states, state), slices.Index(states, run.State))
	if !n.At.IsZero() && n.At.Unix() != run.StateAt {
		order = cmp.Compare(n.At.Unix(), run.StateAt)
	}
	if order < 0 {
		return NotificationLate
	}
	return NotificationRecorded
}

// OurRun returns the id of the run here, which follows from that of the run there and when it was created. So no notification
// needs another one to know it.
func (n HCPNotification) OurRun() string {
	var id ulid.ULID
	if !n.CreatedAt.IsZero() {
		_ = id.SetTime(uint64(n.CreatedAt.Unix()) * 1000) // it is before the year 10000
	}
	sum := sha256.Sum256([]byte("HCP Terraform " + n.RunID))
	copy(id[6:], sum[:])
	return id.String()
}

// Start is the report that starts the run with this notification. What the notification does not say is left empty: branch, commit
// hash and author. Its address is that of a run and not of a commit, so it is no commit's.
func (n HCPNotification) Start() RunReport {
	id, state := n.OurRun(), n.State()
	return RunReport{
		ID: &id, State: &state, TriggeredBy: &n.CreatedBy, CreatedAt: unixOf(n.CreatedAt), Timestamp: unixOf(n.At),
		Commit: &CommitReport{Message: &n.Message},
	}
}

// Next is the report that moves the run on from where it is.
func (n HCPNotification) Next(run Run) StateReport {
	version := run.StateVersion + 1
	return StateReport{State: n.State(), StateVersion: &version, Timestamp: unixOf(n.At)}
}

func unixOf(at time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	unix := at.Unix()
	return &unix
}

// hcpBody is the body of a notification, of version 1 (of a run) or 2 (of a workspace). Anything in it may be null.
type hcpBody struct {
	RunURL        text `json:"run_url"`
	RunID         text `json:"run_id"`
	RunMessage    text `json:"run_message"`
	RunCreatedAt  text `json:"run_created_at"`
	RunCreatedBy  text `json:"run_created_by"`
	Workspace     text `json:"workspace_name"`
	Organization  text `json:"organization_name"`
	Notifications []struct {
		Message      text `json:"message"`
		Trigger      text `json:"trigger"`
		RunStatus    text `json:"run_status"`
		RunUpdatedAt text `json:"run_updated_at"`
	} `json:"notifications"`

	Trigger text `json:"trigger"`
	Message text `json:"message"`
	Details struct {
		Workspace    text `json:"workspace_name"`
		Organization text `json:"organization_name"`
	} `json:"details"`
}

type text = string

// maxHCPEvents is how many events one notification may have. There is one at present.
const maxHCPEvents = 50

// clocksApart is how far the clock there may be ahead. A time beyond it would make all that follows look late, and is not believed.
const clocksApart = 5 * time.Minute

// ParseHCP reads the body of a notification, its events in order of time. One that is no notification is Invalid.
func ParseHCP(body []byte, now time.Time) ([]HCPNotification, error) {
	var b hcpBody
	if err := json.Unmarshal(body, &b); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return nil, Invalid{{Field: cmp.Or(wrong.Field, "body"), Message: "is of another type than in a notification of HCP Terraform"}}
		}
		return nil, Invalid{{Field: "body", Message: "is no notification of HCP Terraform"}}
	}
	run := HCPNotification{
		RunID: b.RunID, Message: CleanText(b.RunMessage, MaxCommitMessage), CreatedBy: CleanLine(b.RunCreatedBy, MaxRunText),
		CreatedAt: hcpTime(b.RunCreatedAt, now), Workspace: CleanLine(cmp.Or(b.Workspace, b.Details.Workspace), MaxRunText),
		Organization: CleanLine(cmp.Or(b.Organization, b.Details.Organization), MaxRunText),
	}
	if webURL(b.RunURL) {
		run.RunURL = b.RunURL
	}
	var all []HCPNotification
	add := func(words, trigger, status, at string) {
		n := run
		n.Words, n.Trigger, n.RunStatus, n.At = CleanLine(words, MaxRunText), CleanLine(trigger, MaxRunText), CleanLine(status, MaxRunText), hcpTime(at, now)
		all = append(all, n)
	}
	for _, e := range b.Notifications {
		add(e.Message, e.Trigger, e.RunStatus, e.RunUpdatedAt)
	}
	if len(all) == 0 && b.Trigger != "" {
		add(b.Message, b.Trigger, "", "")
	}
	switch {
	case len(all) == 0:
		return nil, Invalid{{Field: "notifications", Message: "must be there"}}
	case len(all) > maxHCPEvents:
		return nil, Invalid{{Field: "notifications", Message: "has more events than HCP Terraform sends"}}
	}
	slices.SortStableFunc(all, func(a, b HCPNotification) int { return a.At.Compare(b.At) })
	return all, nil
}

// hcpTime reads a time, the zero time if it is none, or none that a run can have.
func hcpTime(text string, now time.Time) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Unix() < 0 || at.After(now.Add(clocksApart)) {
		return time.Time{}
	}
	return at.UTC()
}

// Kept is the notification as it is kept, before anything was made of it.
func (n HCPNotification) Kept(body []byte) InletNotification {
	k := InletNotification{
		Kind: InletHCP, Trigger: n.Trigger, RunStatus: n.RunStatus, TheirRun: CleanLine(n.RunID, MaxRunText), RunURL: n.RunURL,
		Workspace: strings.Trim(n.Organization+"/"+n.Workspace, "/"), Message: n.Words, State: n.State(), Outcome: NotificationKept,
		Body: bytes.Clone(body[:min(len(body), MaxNotificationBody)]),
	}
	if n.Verifies() {
		k.Outcome = NotificationVerified
	}
	return k
}
