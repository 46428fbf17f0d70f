package main

import (
	"strings"
	"testing"

	"stackhook/models"
)

// A run that is started by itself says of its own where it comes from; a flag says otherwise, and never of half a commit.
func TestReportStartKnowsWhereTheRunComesFrom(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	c := pipelineCheckout(t, env)
	head, err := c.run(t, nil, "git", "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(head, err)
	}
	known := models.Commit{Hash: strings.TrimSpace(head), AuthorName: "Ada Lovelace", Message: `Say "hello" – ünd more`, Timestamp: 1759760880}
	other := models.Commit{Hash: strings.Repeat("ab", 20), Message: "told"}
	for _, test := range []struct {
		set, flags []string
		want       models.Run
	}{
		{[]string{"USER=grace", "SUDO_USER=", "CI="}, nil, models.Run{Branch: "main", TriggeredBy: "grace", Commit: known}},
		{[]string{"CIRCLECI=true", "CIRCLE_BRANCH=subnets", "CIRCLE_USERNAME=ada"}, nil, models.Run{Branch: "subnets", TriggeredBy: "ada", Commit: known}},
		{
			[]string{"CIRCLECI=true", "CIRCLE_BRANCH=subnets"},
			[]string{"--branch", "other", "--triggered-by", "me", "--commit", strings.ToUpper(other.Hash), "--commit-message", "told"},
			models.Run{Branch: "other", TriggeredBy: "me", Commit: other},
		},
		{[]string{"CIRCLECI=true"}, []string{"--commit", known.Hash}, models.Run{Branch: "main", Commit: known}},
	} {
		if out, err := c.run(t, test.set, "sh", append([]string{"-c", `stackhook report start "$@"`, "sh"}, test.flags...)...); err != nil {
			t.Fatalf("%v: %v\n%s", test.flags, err, out)
		}
		run, _ := latest(t, env)
		if run.Branch != test.want.Branch || run.TriggeredBy != test.want.TriggeredBy || run.Commit != test.want.Commit {
			t.Errorf("%v %v: %q, %q, %+v", test.set, test.flags, run.Branch, run.TriggeredBy, run.Commit)
		}
	}
}
