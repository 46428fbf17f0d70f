package plan_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stackhook/cmd/stackhook/report/plan"
	"stackhook/models"
	"stackhook/models/needs"
)

// plans are configurations: what is there, what is planned, and what that means. One with a failing check is planned
// like any other; data sources read the state of another configuration, for which no provider is downloaded.
var plans = []struct {
	name          string
	before, after string // main.tf; no before: nothing was ever applied
	args          []string
	want          plan.Plan
}{
	{
		"create", "", two, nil,
		plan.Plan{Delta: delta(2, 0, 0, 2), Changes: true},
	},
	{
		"no change", two, two, nil,
		plan.Plan{Delta: delta(0, 0, 0, 2)},
	},
	{
		"nothing at all", "", "# empty", nil,
		plan.Plan{},
	},
	{
		"update", two, strings.Replace(two, `"one"`, `"other"`, 1), nil,
		plan.Plan{Delta: delta(0, 1, 0, 2), Changes: true},
	},
	{
		"replace, delete first", replaced("old", false), replaced("new", false), nil,
		plan.Plan{Delta: delta(1, 0, 1, 1), Changes: true},
	},
	{
		"replace, create first", replaced("old", true), replaced("new", true), nil,
		plan.Plan{Delta: delta(1, 0, 1, 1), Changes: true},
	},
	{
		"one leaves", two, `resource "terraform_data" "a" { input = "one" }`, nil,
		plan.Plan{Delta: delta(0, 0, 1, 1), Changes: true},
	},
	{
		"destroy", two, two,
		[]string{"-destroy"},
		plan.Plan{Delta: delta(0, 0, 2, 0), Changes: true},
	},
	{
		"only an output", two, two + "output \"o\" { value = 1 }\n", nil,
		plan.Plan{Delta: delta(0, 0, 0, 2), Changes: true},
	},
	{
		"an output that stays", two + "output \"o\" { value = 1 }\n", two + "output \"o\" { value = 1 }\n", nil,
		plan.Plan{Delta: delta(0, 0, 0, 2)},
	},
	{
		"child modules", "", two + "module \"child\" {\n source = \"./child\"\n count = 2\n}\n", nil,
		plan.Plan{Delta: delta(6, 0, 0, 6), Changes: true}, // each has one resource, and one in a module of its own
	},
	{
		"a child module leaves", two + "module \"child\" { source = \"./child\" }\n", two, nil,
		plan.Plan{Delta: delta(0, 0, 2, 2), Changes: true},
	},
	{
		"count shrinks", counted("3"), counted("1"), nil,
		plan.Plan{Delta: delta(0, 0, 2, 1), Changes: true},
	},
	{
		"for_each exchanges a key", each(`"a", "b"`), each(`"b", "c", "d"`), nil,
		plan.Plan{Delta: delta(2, 0, 1, 3), Changes: true},
	},
	{
		"a target", two, strings.Replace(two, `"one"`, `"other"`, 1),
		[]string{"-target=terraform_data.b"},
		plan.Plan{Delta: delta(0, 0, 0, 2)},
	},
	{
		"a data source", two + data, two + data, nil,
		plan.Plan{Delta: delta(0, 0, 0, 2)},
	},
	{
		"a data source read during apply", two, two + strings.Replace(data, "backend", "depends_on = [terraform_data.c]\n  backend", 1) +
			"resource \"terraform_data\" \"c\" {}\n", nil,
		plan.Plan{Delta: delta(1, 0, 0, 3), Changes: true, Reads: true},
	},
	{ // Terraform reads it again with each apply, and so has something to apply each time
		"a data source of a check", two + check, two + check, nil,
		plan.Plan{Delta: delta(0, 0, 0, 2), Reads: true},
	},
	{
		"moved", `resource "terraform_data" "a" {}`, "resource \"terraform_data\" \"b\" {}\nmoved {\n from = terraform_data.a\n to = terraform_data.b\n}\n", nil,
		plan.Plan{Delta: delta(0, 0, 0, 1), Changes: true},
	},
	{
		"forgotten", two, "resource \"terraform_data\" \"a\" { input = \"one\" }\n" +
			"removed {\n from = terraform_data.b\n lifecycle { destroy = false }\n}\n", nil,
		plan.Plan{Delta: delta(0, 0, 0, 1), Changes: true},
	},
	{
		"imported", two, two + "resource \"terraform_data\" \"c\" {}\nimport {\n to = terraform_data.c\n id = \"there\"\n}\n", nil,
		plan.Plan{Delta: delta(0, 0, 0, 3), Changes: true},
	},
	{
		"only a refresh", two, strings.Replace(two, `"one"`, `"other"`, 1),
		[]string{"-refresh-only"},
		plan.Plan{Delta: delta(0, 0, 0, 2)},
	},
}

const (
	two = "resource \"terraform_data\" \"a\" { input = \"one\" }\nresource \"terraform_data\" \"b\" { input = \"two\" }\n"

	child      = "resource \"terraform_data\" \"a\" {}\nmodule \"grandchild\" { source = \"../grandchild\" }\n"
	grandchild = "resource \"terraform_data\" \"a\" {}\n"

	data  = "data \"terraform_remote_state\" \"s\" {\n  backend = \"local\"\n  config = { path = \"other.tfstate\" }\n}\n"
	check = "check \"c\" {\n" + data + "\n  assert {\n    condition = data.terraform_remote_state.s.outputs != null\n    error_message = \"no\"\n  }\n}\n"

	other = `{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"other","outputs":{},"resources":[]}`
)

func replaced(value string, createFirst bool) string {
	lifecycle := ""
	if createFirst {
		lifecycle = "\n lifecycle { create_before_destroy = true }"
	}
	return "resource \"terraform_data\" \"a\" {\n triggers_replace = \"" + value + "\"" + lifecycle + "\n}\n"
}

func counted(n string) string { return "resource \"terraform_data\" \"a\" { count = " + n + " }\n" }

func each(keys string) string {
	return "resource \"terraform_data\" \"a\" { for_each = toset([" + keys + "]) }\n"
}

func delta(added, changed, deleted, resources int64) models.Delta {
	return models.Delta{Added: added, Changed: changed, Deleted: deleted, Resources: resources}
}

// Terraform itself plans, is asked what it planned, applies that, and then holds what was foretold.
func TestTerraformPlans(t *testing.T) {
	t.Parallel()
	terraform := needs.Terraform(t, "Terraform runs")
	for _, c := range plans {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := configuration(t)
			modules := strings.Contains(c.before+c.after, "module") // else there is nothing to initialize
			if c.before != "" {
				write(t, dir, "main.tf", c.before)
				if modules {
					run(t, dir, terraform, "init")
				}
				run(t, dir, terraform, "apply", "-auto-approve")
			}
			write(t, dir, "main.tf", c.after)
			if modules {
				run(t, dir, terraform, "init")
			}
			run(t, dir, terraform, append([]string{"plan", "-out=plan.out"}, c.args...)...)

			tool := plan.Tool{Path: terraform, Dir: dir}
			if got, err := tool.Plan(t.Context(), "plan.out"); err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
			if modules {
				write(t, dir, "plan.json", run(t, dir, terraform, "show", "-json", "plan.out"))
				if got, err := tool.Plan(t.Context(), filepath.Join(dir, "plan.json")); err != nil || got != c.want {
					t.Errorf("plan.json: %+v, %v; want %+v", got, err, c.want)
				}
			}
			run(t, dir, terraform, "apply", "plan.out")
			if n, err := tool.Resources(t.Context()); err != nil || n != c.want.Delta.Resources {
				t.Errorf("after the apply there are %d resources, %v; want %d", n, err, c.want.Delta.Resources)
			}
		})
	}
}

// configuration makes a folder with the modules and the state that the plans name.
func configuration(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, module := range []string{"child", "grandchild"} {
		if err := os.Mkdir(filepath.Join(dir, module), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, filepath.Join("child", "main.tf"), child)
	write(t, dir, filepath.Join("grandchild", "main.tf"), grandchild)
	write(t, dir, "other.tfstate", other)
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir, tool string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color", "TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
	return string(out)
}
