package drive_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"stackhook/cmd/stackhook/report/drive"
	"stackhook/models"
	"stackhook/models/needs"
)

// Configurations of resources that no provider is downloaded for.
const (
	one      = "resource \"terraform_data\" \"a\" { input = \"one\" }\n"
	two      = one + "resource \"terraform_data\" \"b\" { triggers_replace = \"old\" }\n"
	replaced = one + "resource \"terraform_data\" \"b\" { triggers_replace = \"new\" }\n"
	checked  = one + "check \"c\" {\n data \"terraform_remote_state\" \"s\" {\n  backend = \"local\"\n  config = { path = \"terraform.tfstate\" }\n }\n" +
		" assert {\n  condition = data.terraform_remote_state.s.outputs != null\n  error_message = \"no\"\n }\n}\n"
	output   = one + "output \"o\" { value = 1 }\n"
	variable = "variable \"v\" {}\nresource \"terraform_data\" \"a\" { input = var.v }\n"

	broken  = "resource \"terraform_data\" {\n"
	refuses = "locals { n = 1 }\nresource \"terraform_data\" \"a\" {\n lifecycle {\n  precondition {\n   condition = local.n > 2\n   error_message = \"too little\"\n  }\n }\n}\n"
	breaks  = one + "resource \"terraform_data\" \"b\" {\n depends_on = [terraform_data.a]\n provisioner \"local-exec\" { command = \"exit 3\" }\n}\n" + last

	// Terraform waits for whoever writes to the pipe: in a plan with the state locked, and in an apply.
	waitsInPlan  = "resource \"terraform_data\" \"a\" { input = file(\"${path.module}/pipe\") }\n"
	waitsInApply = one + "resource \"terraform_data\" \"b\" {\n depends_on = [terraform_data.a]\n provisioner \"local-exec\" { command = \"cat pipe\" }\n}\n" + last
	last         = "resource \"terraform_data\" \"c\" { depends_on = [terraform_data.b] }\n"
)

var runs = []struct {
	name          string
	before, after string // main.tf; no before: nothing was ever applied
	args          string
	run           drive.Run
	states        string // after PREPARING
	code          int
	delta         *models.Delta
}{
	{
		"changes", "", two, "",
		drive.Run{AutoApprove: true},
		"INITIALIZING PLANNING CONFIRMED APPLYING FINISHED", 0, delta(2, 0, 0, 2),
	},
	{
		"no changes", two, two, "",
		drive.Run{},
		"INITIALIZING PLANNING FINISHED", 0, delta(0, 0, 0, 2),
	},
	{ // Terraform has something to apply each time, and nothing to do
		"a check that reads something", checked, checked, "",
		drive.Run{},
		"INITIALIZING PLANNING FINISHED", 0, delta(0, 0, 0, 1),
	},
	{
		"replacement", two, replaced, "",
		drive.Run{AutoApprove: true},
		"INITIALIZING PLANNING CONFIRMED APPLYING FINISHED", 0, delta(1, 0, 1, 2),
	},
	{
		"only an output", one, output, "",
		drive.Run{AutoApprove: true},
		"INITIALIZING PLANNING CONFIRMED APPLYING FINISHED", 0, delta(0, 0, 0, 1),
	},
	{
		"destroy", two, two, "",
		drive.Run{AutoApprove: true, Type: models.Destroy},
		"INITIALIZING PLANNING CONFIRMED DESTROYING FINISHED", 0, delta(0, 0, 2, 0),
	},
	{
		"options", "", variable, "-var=v=x -lock-timeout 1s -parallelism=2 -compact-warnings -upgrade",
		drive.Run{AutoApprove: true},
		"INITIALIZING PLANNING CONFIRMED APPLYING FINISHED", 0, delta(1, 0, 0, 1),
	},
	{
		"cannot be read", "", broken, "",
		drive.Run{AutoApprove: true},
		"INITIALIZING FAILED", 1, nil,
	},
	{
		"cannot be planned", "", refuses, "",
		drive.Run{AutoApprove: true},
		"INITIALIZING PLANNING FAILED", 1, nil,
	},
	{
		"cannot be applied", "", breaks, "", drive.Run{AutoApprove: true}, // b is in the state, tainted; c is not
		"INITIALIZING PLANNING CONFIRMED APPLYING FAILED", 1, delta(3, 0, 0, 2),
	},
	{
		"proposed", "", two, "",
		drive.Run{Type: models.Proposed},
		"INITIALIZING PLANNING FINISHED", 0, delta(2, 0, 0, 2),
	},
	{
		"proposed and wrong", "", refuses, "",
		drive.Run{Type: models.Proposed},
		"INITIALIZING PLANNING FAILED", 1, nil,
	},
	{
		"tracked, only planned", "", two, "",
		drive.Run{PlanOnly: true},
		"INITIALIZING PLANNING DISCARDED", 0, delta(2, 0, 0, 2),
	},
	{
		"nobody to ask", "", two, "",
		drive.Run{},
		"INITIALIZING PLANNING UNCONFIRMED DISCARDED", drive.CodeDiscarded, delta(2, 0, 0, 2),
	},
	{
		"yes", "", two, "",
		drive.Run{Asks: io.Discard, In: typed("yes\n")},
		"INITIALIZING PLANNING UNCONFIRMED CONFIRMED APPLYING FINISHED", 0, delta(2, 0, 0, 2),
	},
	{
		"no", "", two, "",
		drive.Run{Asks: io.Discard, In: typed("y\n")},
		"INITIALIZING PLANNING UNCONFIRMED DISCARDED", drive.CodeDiscarded, delta(2, 0, 0, 2),
	},
	{
		"a task", two, two, "",
		drive.Run{Type: models.Task, Command: []string{"state", "list"}},
		"PERFORMING FINISHED", 0, nil,
	},
	{
		"a task that fails", two, two, "",
		drive.Run{Type: models.Task, Command: []string{"state", "rm", "terraform_data.none"}},
		"PERFORMING FAILED", 1, nil,
	},
	{
		"a task with exit codes of its own", "", two, "",
		drive.Run{Type: models.Task, Command: []string{"plan", "-detailed-exitcode"}},
		"PERFORMING FAILED", 2, nil,
	},
}

// Terraform itself runs, and the state then holds what was reported.
func TestTerraformRuns(t *testing.T) {
	t.Parallel()
	terraform := needs.Terraform(t, "Terraform runs")
	for _, c := range runs {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			run := c.run
			run.Tool, run.Dir = terraform, configuration(t, terraform, c.before, c.after)
			if line, is := run.In.(typed); is {
				run.In = line.file(t)
			}
			var err error
			if run.Arguments, err = drive.Sort(strings.Fields(c.args)); err != nil {
				t.Fatal(err)
			}
			h, o := tell(t, run)
			h.expect(t, o, "PREPARING "+c.states, c.code)
			if (h.delta == nil) != (c.delta == nil) || h.delta != nil && *h.delta != *c.delta {
				t.Errorf("delta %+v, want %+v", h.delta, c.delta)
			}
			if want := map[bool]int{true: 1}[c.delta != nil]; h.deltas < want || o.State != models.FailedState && h.deltas > want {
				t.Errorf("%d deltas", h.deltas)
			}
			if o.State == models.Finished && run.Type != models.Proposed && c.delta != nil {
				if held := held(t, terraform, run.Dir); held != c.delta.Resources {
					t.Errorf("the state holds %d resources, reported are %d", held, c.delta.Resources)
				}
			}
			clean(t, run.Dir)
		})
	}
}

// typed is what a person types.
type typed string

func (typed) Read([]byte) (int, error) { panic("a run reads from its file") }

// file returns it as a terminal would hand it out: the tool has it too, and does not ask.
func (line typed) file(t *testing.T) *os.File {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	defer out.Close()
	out.WriteString(string(line))
	return in
}

func delta(added, changed, deleted, resources int64) *models.Delta {
	return &models.Delta{Added: added, Changed: changed, Deleted: deleted, Resources: resources}
}

// configuration makes a folder with main.tf, after one before it was applied, and with a pipe.
func configuration(t *testing.T, terraform, before, after string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if before != "" {
		write(t, dir, before)
		h, o := tell(t, drive.Run{Tool: terraform, Dir: dir, AutoApprove: true})
		h.expect(t, o, "PREPARING INITIALIZING PLANNING CONFIRMED APPLYING FINISHED", 0)
	}
	write(t, dir, after)
	return dir
}

func write(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// held counts what the state holds, as Terraform lists it.
func held(t *testing.T, terraform, dir string) int64 {
	t.Helper()
	h, _ := tell(t, drive.Run{Tool: terraform, Dir: dir, Type: models.Task, Command: []string{"state", "list"}})
	return int64(strings.Count(h.text(), "terraform_data."))
}

// clean checks that the folder has only what Terraform leaves: no plan, and no lock.
func clean(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	left := []string{"main.tf", "pipe", "terraform.tfstate", "terraform.tfstate.backup"}
	for _, e := range entries {
		if !slices.Contains(left, e.Name()) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}
