package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"stackhook/models"
)

// shape is a payload of a run without changes, as the product that the payload is from sends it. Names, order and types
// are what receivers rely on.
const shape = `{
    "account": "spacelift-io",
    "state": "FINISHED",
    "stateVersion": 4,
    "timestamp": 1596979684,
    "run": {
        "id": "01EF9PFPNFFM2MQXTJKHK1B869",
        "branch": "master",
        "commit": {
            "authorLogin": "marcinwyszynski",
            "authorName": "Marcin Wyszynski",
            "hash": "0ee3a3b7266daf5a1d44a193a0f48ce995fa75eb",
            "message": "Update demo.tf",
            "timestamp": 1596705932,
            "url": "https://github.com/spacelift-io/demo/commit/0ee3a3b7266daf5a1d44a193a0f48ce995fa75eb"
        },
        "createdAt": 1596979665,
        "delta": {
            "added": 0,
            "changed": 0,
            "deleted": 0,
            "resources": 1
        },
        "triggeredBy": "marcinw@spacelift.io",
        "type": "TRACKED"
    },
    "stack": {
        "id": "spacelift-demo",
        "name": "Spacelift demo",
        "description": "",
        "labels": []
    }
}`

// The last payload of a run without changes has exactly the shape that receivers know.
func TestExecWithoutChangesHasTheKnownShape(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(t, oneResource)
	if r := p.exec(t, "--auto-approve -- terraform"); r.code != 0 {
		t.Fatal(r)
	}
	p.got.run(t)
	if r := p.exec(t, "-- terraform"); r.code != 0 {
		t.Fatal(r)
	}
	got := p.got.run(t)
	last := got[len(got)-1]
	if want, got := outline(t, []byte(shape)), outline(t, last.body); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	run := last.Run
	if last.State != models.Finished || last.StateVersion != 4 || run.Type != models.Tracked || *run.Delta != (models.Delta{Resources: 1}) ||
		run.Branch != "main" || run.Commit.AuthorName != "Ada Lovelace" || run.Commit.Message != "demo" || run.TriggeredBy == "" ||
		run.Commit.URL != "https://github.com/example/infra/commit/"+run.Commit.Hash || len(run.Commit.Hash) != 40 {
		t.Errorf("%s", last.body)
	}
}

// outline writes JSON with the kinds of its values in their place.
func outline(t *testing.T, text []byte) string {
	t.Helper()
	var out strings.Builder
	names := json.NewDecoder(bytes.NewReader(text))
	name := false // the next string in an object is a name
	var open []json.Delim
	for {
		token, err := names.Token()
		if err == io.EOF {
			return out.String()
		} else if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		switch v := token.(type) {
		case json.Delim:
			out.WriteString(v.String())
			if v == '{' || v == '[' {
				open = append(open, v)
			} else {
				open = open[:len(open)-1]
			}
			name = len(open) > 0 && open[len(open)-1] == '{'
			continue
		case string:
			if name {
				fmt.Fprintf(&out, " %s:", v)
				name = false
				continue
			}
		}
		fmt.Fprintf(&out, "%T", token)
		name = open[len(open)-1] == '{'
	}
}
