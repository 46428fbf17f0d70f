package main

import (
	"net/url"
	"strings"
	"testing"

	"stackhook/models"
)

// The demo's runs of Terraform show each way in which one can go, and begin again where they began.
func TestRealRuns(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	base, err := url.Parse(p.base)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimPrefix(p.env[1], "STACKHOOK_TOKEN=")
	terraform := newTerraforming(base, models.Stack{ID: "site"}, token, t.TempDir())
	const planned = "QUEUED PREPARING INITIALIZING PLANNING "
	want := []string{
		planned + "CONFIRMED(43 0 0: 43) APPLYING FINISHED",
		planned + "FINISHED(0 0 0: 43)",
		planned + "FINISHED(42 1 42: 43)",
		planned + "CONFIRMED(42 1 42: 43) APPLYING FINISHED",
		planned + "FAILED",
		planned + "CONFIRMED(1 0 0: 44) APPLYING FAILED",
		planned + "CONFIRMED(1 0 1: 44) APPLYING FINISHED",
		planned + "CONFIRMED(0 0 44: 0) DESTROYING FINISHED",
	}
	for i, run := range realRuns {
		if err := terraform.tell(t.Context(), run); err != nil {
			t.Fatalf("%s: %v", run.message, err)
		}
		got := p.got.run(t)
		if told(got) != want[i] || got[0].Run.Type != run.kind || got[0].Run.Commit.Message != run.message {
			t.Errorf("%s: %s; want %s", run.message, told(got), want[i])
		}
	}
}
