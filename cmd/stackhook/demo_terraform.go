package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"stackhook/cmd/stackhook/report"
	"stackhook/cmd/stackhook/report/drive"
	"stackhook/models"
)

// realRun is a run of Terraform itself, which “stackhook exec” would report in the same way.
type realRun struct {
	message string
	kind    models.RunType
	config  string // main.tf; its resources are only in the state
}

// realRuns come one after the other, over and over. The state goes from one to the next.
var realRuns = []realRun{
	{"Create the network", models.Tracked, network("10.0.0.0/16", "")},
	{"Format the modules", models.Tracked, network("10.0.0.0/16", "")},
	{"Use more addresses", models.Proposed, network("10.0.0.0/12", "")},
	{"Use more addresses (#12)", models.Tracked, network("10.0.0.0/12", "")},
	{"Use all addresses there are", models.Tracked, network("10.0.0.0/4", "")},
	{"Add a gateway", models.Tracked, network("10.0.0.0/12", "echo 'the gateway does not answer'; exit 1")},
	{"Add a gateway, with the right address", models.Tracked, network("10.0.0.0/12", "sleep 2")},
	{"Tear down the network", models.Destroy, network("10.0.0.0/12", "sleep 2")},
}

// network is a configuration of a network, its subnets, which are replaced when it is, and a gateway, if there is a command
// that makes one. A plan fails for a network that is too large.
func network(addresses, gateway string) string {
	config := `
locals { addresses = "` + addresses + `" }
resource "terraform_data" "network" {
  input = local.addresses
  lifecycle {
    precondition {
      condition     = tonumber(split("/", local.addresses)[1]) >= 8
      error_message = "A network has at most 16 million addresses."
    }
  }
}
resource "terraform_data" "subnet" {
  count            = 42
  triggers_replace = cidrsubnet(local.addresses, 8, count.index)
}
`
	if gateway != "" {
		config += `resource "terraform_data" "gateway" {
  provisioner "local-exec" { command = "` + gateway + `" }
}
`
	}
	return config
}

// realEvery is how far apart they begin: far enough for what they are, real work on somebody's machine.
const realEvery = 30 * time.Second

// terraforming tells of real runs of Terraform in a folder.
type terraforming struct {
	tool, dir string
	reports   report.Options
	stack     string // its name
}

// newTerraforming returns nil where there is no Terraform.
func newTerraforming(base *url.URL, stack models.Stack, token, dir string) *terraforming {
	tool, err := exec.LookPath("terraform")
	if err != nil {
		return nil
	}
	return &terraforming{tool: tool, dir: filepath.Join(dir, "terraform"), stack: stack.Name, reports: report.Options{
		URL: base.String(), Token: token, Stack: stack.ID, Spool: filepath.Join(dir, "spool"), Patience: time.Second,
	}}
}

// says is the line about them when the demo starts; without Terraform there is none.
func (f *terraforming) says() string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("\n  real runs: %s on a network that is only in its state, every %.0f s, in %s", f.tool, realEvery.Seconds(), f.stack)
}

// tellOn runs one after the other until it cannot or the context ends.
func (f *terraforming) tellOn(ctx context.Context) error {
	for i := 0; ; i++ {
		if err := f.tell(ctx, realRuns[i%len(realRuns)]); err != nil {
			return err
		}
		if err := wait(ctx, realEvery); err != nil {
			return err
		}
	}
}

func (f *terraforming) tell(ctx context.Context, run realRun) error {
	err := os.MkdirAll(f.dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(f.dir, "main.tf"), []byte(run.config), 0o600)
	}
	if err != nil {
		return fmt.Errorf("write a configuration for Terraform: %w", err)
	}
	reporter, err := report.Open(f.reports)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	defer context.AfterFunc(ctx, func() { signals <- syscall.SIGTERM })()
	sample := sampleRun{story: story{kind: run.kind}, branch: "main", message: run.message, login: "grace", name: "Grace Hopper"}.report(time.Now())
	commit := sample.Commit
	drive.Run{
		Tool: f.tool, Dir: f.dir, Type: run.kind, AutoApprove: true, Signals: signals,
		Env: append(os.Environ(), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"),
		In:  strings.NewReader(""), Out: io.Discard, Err: io.Discard,
		Reporter: reporter.Start(models.RunReport{
			Type: &run.kind, Branch: &sample.Branch, TriggeredBy: &sample.TriggeredBy,
			Commit: &models.CommitReport{
				AuthorLogin: &commit.AuthorLogin, AuthorName: &commit.AuthorName, Hash: &commit.Hash, Message: &commit.Message,
				Timestamp: &commit.Timestamp, URL: &commit.URL,
			},
		}),
	}.Drive(context.WithoutCancel(ctx))
	_, err = reporter.Close(ctx)
	return err
}
