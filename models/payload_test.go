package models_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"stackhook/models"
)

// reference is what a receiver of a tracked run without changes gets with its last state.
func reference(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/payload_finished.json")
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes()
}

func referenceRun() models.Run {
	return models.Run{
		ID: "01EF9PFPNFFM2MQXTJKHK1B869", Type: models.Tracked, Branch: "master", TriggeredBy: "marcinw@spacelift.io",
		Commit: models.Commit{
			AuthorLogin: "marcinwyszynski", AuthorName: "Marcin Wyszynski", Hash: "0ee3a3b7266daf5a1d44a193a0f48ce995fa75eb",
			Message: "Update demo.tf", Timestamp: 1596705932,
			URL: "https://github.com/spacelift-io/demo/commit/0ee3a3b7266daf5a1d44a193a0f48ce995fa75eb",
		},
		CreatedAt: 1596979665, State: models.Finished, StateVersion: 4, StateAt: 1596979684, Delta: &models.Delta{Resources: 1},
	}
}

func TestThePayloadIsTheReferenceByteForByte(t *testing.T) {
	t.Parallel()
	got, err := models.EncodePayload("spacelift-io", models.Stack{ID: "spacelift-demo", Name: "Spacelift demo"}, referenceRun())
	if err != nil {
		t.Fatal(err)
	}
	if want := reference(t); !bytes.Equal(got, want) {
		t.Errorf("the payload differs\n got %s\nwant %s", got, want)
	}
}

func TestThePayloadLeavesOutWhatIsNotThere(t *testing.T) {
	t.Parallel()
	run := referenceRun()
	run.Delta = nil
	run.Commit.Message = `<b>&"` + "\n"
	got, err := models.EncodePayload("a", models.Stack{ID: "s", Labels: []string{"x", "y"}}, run)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, []byte("delta")) {
		t.Error("delta is in the payload although there is none")
	}
	if !bytes.Contains(got, []byte(`"message":"<b>&\"\n"`)) {
		t.Errorf("the message is escaped beyond JSON: %s", got)
	}
	if !bytes.Contains(got, []byte(`"labels":["x","y"]`)) {
		t.Errorf("labels: %s", got)
	}
}

func TestATestRunSaysThatItIsOne(t *testing.T) {
	t.Parallel()
	run := models.TestRun(time.Unix(1596979684, 0), "Ada")
	if run.Type != models.Testing || run.Branch != "stackhook-test" || len(run.ID) != 26 || !run.State.Terminal() {
		t.Errorf("test run %+v", run)
	}
}

func TestIDsGrow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	last := ""
	for i := range 10_000 {
		id := models.NewID(now.Add(-time.Duration(i) * time.Millisecond)) // the clock steps back
		if strings.Compare(id, last) <= 0 {
			t.Fatalf("id %d: %s does not follow %s", i, id, last)
		}
		last = id
	}
}
