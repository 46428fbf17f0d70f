package handlers

import (
	"context"
	"net/http"

	"stackhook/models"
	"stackhook/models/store"
)

type startRunInput struct {
	InStack
	Body struct {
		ID          *string         `json:"id,omitempty" doc:"A ULID, unique within the stack. With it the call may be repeated" example:"01EF9PFPNFFM2MQXTJKHK1B869"`
		Type        *models.RunType `json:"type,omitempty" enum:"TRACKED,PROPOSED,TASK,TESTING,DESTROY" doc:"TRACKED if left out"`
		Branch      *string         `json:"branch,omitempty" example:"master"`
		TriggeredBy *string         `json:"triggeredBy,omitempty" example:"ada@example.com"`
		Commit      *commitInput    `json:"commit,omitempty"`
		CreatedAt   *int64          `json:"createdAt,omitempty" doc:"Unix seconds; now if left out"`
		State       *models.State   `json:"state,omitempty" enum:"QUEUED,READY,PREPARING,INITIALIZING,PLANNING,PENDING_REVIEW,UNCONFIRMED,CONFIRMED,REPLAN_REQUESTED,PREPARING_REPLAN,PREPARING_APPLY,APPLYING,PERFORMING,DESTROYING,FINISHED,FAILED,DISCARDED,CANCELED,STOPPED,SKIPPED" doc:"QUEUED if left out"`
		Timestamp   *int64          `json:"timestamp,omitempty" doc:"When the run entered its state, in Unix seconds; now if left out"`
	}
}

type commitInput struct {
	AuthorLogin *string `json:"authorLogin,omitempty"`
	AuthorName  *string `json:"authorName,omitempty"`
	Hash        *string `json:"hash,omitempty" doc:"Empty, 40 or 64 lower-case hex digits"`
	Message     *string `json:"message,omitempty"`
	Timestamp   *int64  `json:"timestamp,omitempty" doc:"Unix seconds"`
	URL         *string `json:"url,omitempty"`
}

type recordStateInput struct {
	InStack
	Run  string `path:"run" doc:"The run's id"`
	Body struct {
		State        models.State `json:"state" enum:"QUEUED,READY,PREPARING,INITIALIZING,PLANNING,PENDING_REVIEW,UNCONFIRMED,CONFIRMED,REPLAN_REQUESTED,PREPARING_REPLAN,PREPARING_APPLY,APPLYING,PERFORMING,DESTROYING,FINISHED,FAILED,DISCARDED,CANCELED,STOPPED,SKIPPED"`
		StateVersion *int64       `json:"stateVersion,omitempty" minimum:"0" doc:"The ordinal of the state within its run, from 0. With it the call may be repeated"`
		Timestamp    *int64       `json:"timestamp,omitempty" doc:"Unix seconds; now if left out"`
		Delta        *deltaInput  `json:"delta,omitempty" doc:"Stays with the run, and is in every later payload"`
	}
}

type deltaInput struct {
	Added     int64 `json:"added,omitempty" minimum:"0"`
	Changed   int64 `json:"changed,omitempty" minimum:"0"`
	Deleted   int64 `json:"deleted,omitempty" minimum:"0"`
	Resources int64 `json:"resources,omitempty" minimum:"0" doc:"How many resources the stack then has"`
}

// RunBody is a run as the API shows it.
type RunBody struct {
	ID           string         `json:"id"`
	Type         models.RunType `json:"type"`
	Branch       string         `json:"branch"`
	TriggeredBy  string         `json:"triggeredBy"`
	Commit       models.Commit  `json:"commit"`
	CreatedAt    int64          `json:"createdAt" doc:"Unix seconds"`
	State        models.State   `json:"state"`
	StateVersion int64          `json:"stateVersion"`
	Timestamp    int64          `json:"timestamp" doc:"When the run entered its state, in Unix seconds"`
	Delta        *models.Delta  `json:"delta,omitempty"`
}

type startedRun struct {
	RunBody
	Deliveries []string `json:"deliveries" doc:"The ids of the deliveries of this state; skipped ones are not among them"`
}

type recordedState struct {
	Run          string       `json:"run" doc:"The run's id"`
	State        models.State `json:"state"`
	StateVersion int64        `json:"stateVersion"`
	Timestamp    int64        `json:"timestamp" doc:"Unix seconds"`
	Deliveries   []string     `json:"deliveries" doc:"The ids of the deliveries of this state; skipped ones are not among them"`
}

// recordedAnswer answers 201 to a report that was stored, 200 to a repeat.
type recordedAnswer[T any] struct {
	Status int
	Body   T
}

func recorded[T any](rec store.Recorded, body T) *recordedAnswer[T] {
	if rec.Repeated {
		return &recordedAnswer[T]{http.StatusOK, body}
	}
	return &recordedAnswer[T]{http.StatusCreated, body}
}

// APIStartRun records a new run with its first state.
func (h *Handlers) APIStartRun(ctx context.Context, in *startRunInput) (*recordedAnswer[startedRun], error) {
	b := in.Body
	report := models.RunReport{
		ID: b.ID, Type: b.Type, Branch: b.Branch, TriggeredBy: b.TriggeredBy, CreatedAt: b.CreatedAt, State: b.State, Timestamp: b.Timestamp,
	}
	if c := b.Commit; c != nil {
		report.Commit = &models.CommitReport{
			AuthorLogin: c.AuthorLogin, AuthorName: c.AuthorName, Hash: c.Hash, Message: c.Message, Timestamp: c.Timestamp, URL: c.URL,
		}
	}
	rec, err := h.Store.StartRun(ctx, caller(ctx).Stack, report)
	if err != nil {
		return nil, err
	}
	// As it was with its first state: a repeat gets the first answer again, wherever the run is now.
	first := rec.Run
	first.State, first.StateVersion, first.StateAt, first.Delta = rec.Event.State, rec.Event.StateVersion, rec.Event.At, nil
	return recorded(rec, startedRun{runOf(first), rec.Deliveries}), nil
}

// APIRecordState records that a run changed state.
func (h *Handlers) APIRecordState(ctx context.Context, in *recordStateInput) (*recordedAnswer[recordedState], error) {
	report := models.StateReport{State: in.Body.State, StateVersion: in.Body.StateVersion, Timestamp: in.Body.Timestamp}
	if d := in.Body.Delta; d != nil {
		report.Delta = &models.Delta{Added: d.Added, Changed: d.Changed, Deleted: d.Deleted, Resources: d.Resources}
	}
	c := caller(ctx)
	rec, err := h.Store.RecordState(ctx, c.Stack, c.Run.ID, report)
	if err != nil {
		return nil, err
	}
	e := rec.Event
	return recorded(rec, recordedState{c.Run.ID, e.State, e.StateVersion, e.At, rec.Deliveries}), nil
}

type runList struct {
	Runs []RunBody `json:"runs"`
	Next string    `json:"next,omitempty" doc:"The cursor of the next page; left out on the last"`
}

// APIRuns lists a stack's runs.
func (h *Handlers) APIRuns(ctx context.Context, in *struct {
	InStack
	InList
},
) (*answer[runList], error) {
	page, err := h.Store.Runs(ctx, caller(ctx).Stack, in.page())
	if err != nil {
		return nil, err
	}
	list := runList{Runs: []RunBody{}, Next: page.Older}
	for _, r := range page.Rows {
		list.Runs = append(list.Runs, runOf(r))
	}
	return &answer[runList]{list}, nil
}

type stateBody struct {
	State        models.State  `json:"state"`
	StateVersion int64         `json:"stateVersion"`
	Timestamp    int64         `json:"timestamp" doc:"Unix seconds"`
	Delta        *models.Delta `json:"delta,omitempty" doc:"The one reported with this state"`
}

type shownRun struct {
	RunBody
	States []stateBody `json:"states" doc:"Oldest first"`
}

// APIShowRun shows a run with its states.
func (h *Handlers) APIShowRun(ctx context.Context, _ *struct {
	InStack
	Run string `path:"run" doc:"The run's id"`
},
) (*answer[shownRun], error) {
	run := caller(ctx).Run
	events, err := h.Store.Events(ctx, run)
	if err != nil {
		return nil, err
	}
	shown := shownRun{RunBody: runOf(run), States: []stateBody{}}
	for _, e := range events {
		shown.States = append(shown.States, stateBody{e.State, e.StateVersion, e.At, e.Delta})
	}
	return &answer[shownRun]{shown}, nil
}

func runOf(r models.Run) RunBody {
	return RunBody{
		ID: r.ID, Type: r.Type, Branch: r.Branch, TriggeredBy: r.TriggeredBy, Commit: r.Commit, CreatedAt: r.CreatedAt,
		State: r.State, StateVersion: r.StateVersion, Timestamp: r.StateAt, Delta: r.Delta,
	}
}
