package models

import (
	"slices"
	"time"
)

// State is where a run is. The reporter decides which states a run passes through; receivers match on these words.
type State string

// The states of a run, in the order in which a run usually meets them; the last six end it.
const (
	Queued           State = "QUEUED"
	Ready            State = "READY"
	Preparing        State = "PREPARING"
	Initializing     State = "INITIALIZING"
	Planning         State = "PLANNING"
	PendingReview    State = "PENDING_REVIEW"
	Unconfirmed      State = "UNCONFIRMED"
	Confirmed        State = "CONFIRMED"
	ReplanRequested  State = "REPLAN_REQUESTED"
	PreparingReplan  State = "PREPARING_REPLAN"
	PreparingApply   State = "PREPARING_APPLY"
	Applying         State = "APPLYING"
	Performing       State = "PERFORMING"
	Destroying       State = "DESTROYING"
	Finished         State = "FINISHED"
	FailedState      State = "FAILED"
	Discarded        State = "DISCARDED"
	Canceled         State = "CANCELED"
	Stopped          State = "STOPPED"
	SkippedState     State = "SKIPPED"
	firstOfTerminals       = 14
)

var states = []State{
	Queued, Ready, Preparing, Initializing, Planning, PendingReview, Unconfirmed, Confirmed, ReplanRequested,
	PreparingReplan, PreparingApply, Applying, Performing, Destroying,
	Finished, FailedState, Discarded, Canceled, Stopped, SkippedState,
}

// States returns all states, in their usual order.
func States() []State { return slices.Clone(states) }

// Known reports whether s is one of the states.
func (s State) Known() bool { return slices.Contains(states, s) }

// Terminal reports whether nothing follows s.
func (s State) Terminal() bool { return slices.Contains(states[firstOfTerminals:], s) }

// RunType is what kind of run it is.
type RunType string

// The types of a run. Testing is also the type of the sample payload that a test delivery carries.
const (
	Tracked  RunType = "TRACKED"
	Proposed RunType = "PROPOSED"
	Task     RunType = "TASK"
	Testing  RunType = "TESTING"
	Destroy  RunType = "DESTROY"
)

var runTypes = []RunType{Tracked, Proposed, Task, Testing, Destroy}

// RunTypes returns all types.
func RunTypes() []RunType { return slices.Clone(runTypes) }

// Known reports whether t is one of the types.
func (t RunType) Known() bool { return slices.Contains(runTypes, t) }

// Commit is what the run is about. Timestamp is in Unix seconds, 0 when unknown.
type Commit struct {
	AuthorLogin string `json:"authorLogin"`
	AuthorName  string `json:"authorName"`
	Hash        string `json:"hash"`
	Message     string `json:"message"`
	Timestamp   int64  `json:"timestamp"`
	URL         string `json:"url"`
}

// Delta counts what a plan changes, and the resources that the stack then has.
type Delta struct {
	Added     int64 `json:"added"`
	Changed   int64 `json:"changed"`
	Deleted   int64 `json:"deleted"`
	Resources int64 `json:"resources"`
}

// Run is one plan or apply of a stack, with the state that it is in now.
type Run struct {
	Key          int64  `gorm:"primaryKey;autoIncrement"`
	StackKey     int64  // the stack's internal identity
	ID           string // a ULID, unique within the stack
	Type         RunType
	Branch       string
	TriggeredBy  string
	Commit       Commit `gorm:"embedded;embeddedPrefix:commit_"`
	CreatedAt    int64  `gorm:"autoCreateTime:false"` // Unix seconds, as reported
	State        State
	StateVersion int64
	StateAt      int64     // Unix seconds of the last transition, as reported
	Delta        *Delta    `gorm:"serializer:json"`   // the last one reported
	ReceivedAt   time.Time `gorm:"serializer:micros"` // when the first report came
	UpdatedAt    time.Time `gorm:"serializer:micros;autoUpdateTime:false"`
}

// Event is one run state change. Its payload is fixed when the state changes: it is what is signed, sent and shown, on
// every retry and redelivery.
type Event struct {
	ID           string `gorm:"primaryKey"` // a ULID
	StackKey     int64
	RunKey       int64 `gorm:"serializer:nullzero"` // 0 for the event of a test delivery
	RunID        string
	State        State
	StateVersion int64
	At           int64  // Unix seconds of the transition, as reported
	Delta        *Delta `gorm:"serializer:json"` // the one reported with this state, if any
	Payload      []byte
	CreatedAt    time.Time `gorm:"serializer:micros;autoCreateTime:false"`
}
