package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Payload is the body of every webhook request. Fields, names, order and types are those of Spacelift's stack webhooks,
// so that a receiver written for those works unchanged; all times are in Unix seconds.
type Payload struct {
	Account      string       `json:"account"`
	State        State        `json:"state"`
	StateVersion int64        `json:"stateVersion"`
	Timestamp    int64        `json:"timestamp"`
	Run          PayloadRun   `json:"run"`
	Stack        PayloadStack `json:"stack"`
}

// PayloadRun is the run part of a Payload. Delta is left out while there is none.
type PayloadRun struct {
	ID          string  `json:"id"`
	Branch      string  `json:"branch"`
	Commit      Commit  `json:"commit"`
	CreatedAt   int64   `json:"createdAt"`
	Delta       *Delta  `json:"delta,omitempty"`
	TriggeredBy string  `json:"triggeredBy"`
	Type        RunType `json:"type"`
}

// PayloadStack is the stack part of a Payload.
type PayloadStack struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Labels      []string `json:"labels"`
}

// EncodePayload returns the bytes that are stored, signed, sent and shown for the state that the run is in. It is
// compact JSON without HTML escapes and without a final line break.
func EncodePayload(account string, stack Stack, run Run) ([]byte, error) {
	labels := stack.Labels
	if labels == nil {
		labels = []string{} // receivers must see [], never null
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	err := enc.Encode(Payload{
		Account: account, State: run.State, StateVersion: run.StateVersion, Timestamp: run.StateAt,
		Run: PayloadRun{
			ID: run.ID, Branch: run.Branch, Commit: run.Commit, CreatedAt: run.CreatedAt, Delta: run.Delta,
			TriggeredBy: run.TriggeredBy, Type: run.Type,
		},
		Stack: PayloadStack{ID: stack.ID, Name: stack.Name, Description: stack.Description, Labels: labels},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the payload: %w", err)
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
}

// TestBranch is the branch of a test delivery's sample payload; with the type TESTING it tells a receiver that no run
// of the stack is meant.
const TestBranch = "stackhook-test"

// TestRun is the sample run that a test delivery reports.
func TestRun(now time.Time, triggeredBy string) Run {
	unix := now.Unix()
	return Run{
		ID: NewID(now), Type: Testing, Branch: TestBranch, TriggeredBy: triggeredBy, CreatedAt: unix,
		Commit: Commit{
			AuthorLogin: "stackhook", AuthorName: "Stackhook", Hash: "0000000000000000000000000000000000000000",
			Message: "Test delivery", Timestamp: unix,
		},
		State: Finished, StateVersion: 4, StateAt: unix, Delta: &Delta{Resources: 1},
	}
}
