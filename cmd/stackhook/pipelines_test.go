package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/needs"
)

// pipelineTool answers as Terraform does when a pipeline runs it by itself or through stackhook; its plan has a change.
const pipelineTool = `#!/bin/sh
for last; do :; done
case $1 in
init) exit "${INIT:-0}" ;;
plan)
	for word; do case $word in -out=*) echo PK planned >"${word#-out=}" ;; esac; done # a plan is a ZIP file
	case "$*" in *-detailed-exitcode*) exit 2 ;; esac
	;;
show) [ "$(cat "$last")" = "PK planned" ] && cat "$(dirname "$0")/plan.json" ;;
apply) [ "$(cat "$last")" = "PK planned" ] && exit "${APPLY:-0}" ;;
*) echo "no such command: $*" >&2 && exit 9 ;;
esac
`

// pipelinePlan is what it shows of the plan.
const pipelinePlan = `{"format_version": "1.2", "applyable": true,
	"planned_values": {"root_module": {"resources": [{"address": "a.b", "mode": "managed", "type": "a", "name": "b"}]}},
	"resource_changes": [{"address": "a.b", "mode": "managed", "type": "a", "name": "b", "change": {"actions": ["create"], "after": {}}}]}`

const (
	wholeRun    = "TRACKED QUEUED PREPARING INITIALIZING PLANNING CONFIRMED APPLYING FINISHED"
	onlyPlanned = "PROPOSED QUEUED PREPARING INITIALIZING PLANNING FINISHED"
)

// pipelineRuns are the files on the page about pipelines, with where in them the command is that starts a run, and what is
// then reported.
var pipelineRuns = []struct {
	file, at string
	set      []string // what the CI sets, or the file where it depends on the event
	want     string
}{
	{"github.yml", "jobs terraform steps 1 run", []string{"MODE=--auto-approve"}, wholeRun},
	{"github.yml", "jobs terraform steps 1 run", []string{"MODE=--plan-only"}, onlyPlanned},
	{"gitlab.yml", "terraform script 0", []string{"MODE=--auto-approve"}, wholeRun},
	{"gitlab.yml", "terraform script 0", []string{"MODE=--plan-only"}, onlyPlanned},
	{"Jenkinsfile", "", []string{"MODE=--auto-approve"}, wholeRun},
	{"Jenkinsfile", "", []string{"MODE=--plan-only"}, onlyPlanned},
	{"azure.yml", "steps 1 script", []string{"MODE=--auto-approve"}, wholeRun},
	{"azure.yml", "steps 1 script", []string{"MODE=--plan-only"}, onlyPlanned},
	{"bitbucket.yml", "pipelines branches main 0 step script 0", nil, wholeRun},
	{"bitbucket.yml", "pipelines pull-requests ** 0 step script 0", nil, onlyPlanned},
	{"circleci.yml", "jobs terraform steps 1 run", []string{"CIRCLE_BRANCH=main"}, wholeRun},
	{"circleci.yml", "jobs terraform steps 1 run", []string{"CIRCLE_BRANCH=subnets"}, onlyPlanned},
	{"buildkite.yml", "steps 0 command", nil, wholeRun},
	{"buildkite.yml", "steps 1 command", nil, onlyPlanned},
}

// The files are what each CI reads, and the commands in them report whole runs.
func TestPipelinesOnTheHelpPageReport(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	c := pipelineCheckout(t, env)
	for _, run := range pipelineRuns {
		name := fmt.Sprint(run.file, " ", run.set)
		text := readSnippet(t, run.file)
		var command string
		if run.at == "" {
			command = regexp.MustCompile(`sh '(.*)'`).FindStringSubmatch(text)[1]
		} else {
			command, _ = dig(t, parsed(t, run.file), run.at).(string)
		}
		for _, set := range run.set {
			if mode, is := strings.CutPrefix(set, "MODE="); is && !strings.Contains(text, mode) {
				t.Errorf("%s never sets %s", run.file, mode)
			}
		}
		if out, err := c.run(t, run.set, "sh", "-c", command); err != nil {
			t.Fatalf("%s: %q: %v\n%s", name, command, err, out)
		}
		if got := lastRun(t, env); got != run.want {
			t.Errorf("%s: %s, want %s", name, got, run.want)
		}
		addsOne(t, env)
	}
}

// The steps in a shell end the run whatever happens in them, with the exit code of what failed.
func TestStepsOnTheHelpPageReport(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	c := pipelineCheckout(t, env)
	for _, run := range []struct {
		set  []string
		code int
		want string
	}{
		{nil, 0, "TRACKED QUEUED INITIALIZING PLANNING APPLYING FINISHED"},
		{[]string{"INIT=3"}, 3, "TRACKED QUEUED INITIALIZING FAILED"},
		{[]string{"APPLY=1"}, 1, "TRACKED QUEUED INITIALIZING PLANNING APPLYING FAILED"},
	} {
		out, err := c.shell(t, run.set, "steps.sh")
		if code := exitCodeOf(t, err); code != run.code {
			t.Errorf("%v: exit code %d\n%s", run.set, code, out)
		}
		if got := lastRun(t, env); got != run.want {
			t.Errorf("%v: %s, want %s", run.set, got, run.want)
		}
	}
	addsOne(t, env)
}

// Atlantis runs the steps of a plan and, later, those of an apply; a step that fails is the last.
func TestAtlantisOnTheHelpPageReports(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	c := pipelineCheckout(t, env)
	workflow := dig(t, parsed(t, "atlantis.yml"), "workflows stackhook")
	for _, run := range []struct {
		set    []string
		phases []string
		fails  bool
		want   string
	}{
		{nil, []string{"plan"}, false, "TRACKED QUEUED INITIALIZING PLANNING UNCONFIRMED"},
		{nil, []string{"plan", "apply"}, false, "TRACKED QUEUED INITIALIZING PLANNING UNCONFIRMED CONFIRMED APPLYING FINISHED"},
		{[]string{"INIT=1"}, []string{"plan"}, true, "TRACKED QUEUED INITIALIZING FAILED"},
		{[]string{"APPLY=1"}, []string{"plan", "apply"}, true, "TRACKED QUEUED INITIALIZING PLANNING UNCONFIRMED CONFIRMED APPLYING FAILED"},
	} {
		var failure error
		for _, phase := range run.phases {
			failure = c.atlantis(t, slices.Concat(run.set, []string{"PLANFILE=" + filepath.Join(c.dir, "default.tfplan")}), dig(t, workflow, phase+" steps").([]any))
		}
		if (failure != nil) != run.fails {
			t.Errorf("%v: %v", run.set, failure)
		}
		if got := lastRun(t, env); got != run.want {
			t.Errorf("%v: %s, want %s", run.set, got, run.want)
		}
	}
	addsOne(t, env)
}

// atlantis runs the steps of a phase, with what env steps set.
func (c checkout) atlantis(t *testing.T, set []string, steps []any) error {
	t.Helper()
	for _, step := range steps {
		switch step := step.(map[string]any); {
		case step["run"] != nil:
			if out, err := c.run(t, set, "sh", "-c", networking.ReplaceAllString(step["run"].(string), "site")); err != nil {
				return fmt.Errorf("%v: %w\n%s", step["run"], err, out)
			}
		default:
			variable := step["env"].(map[string]any)
			text, _ := variable["value"].(string)
			if command, is := variable["command"].(string); is {
				out, err := c.run(t, set, "sh", "-c", command)
				if err != nil {
					t.Fatalf("%s: %v\n%s", command, err, out)
				}
				text = strings.TrimSpace(out)
			}
			set = append(set, fmt.Sprint(variable["name"], "=", networking.ReplaceAllString(text, "site")))
		}
	}
	return nil
}

// networking is the stack in the files; here it is called otherwise.
var networking = regexp.MustCompile(`\bnetworking-prod\b`)

// pipelineCheckout is a checkout where stackhook is the program itself, and Terraform is one that takes no time.
func pipelineCheckout(t *testing.T, env []string) checkout {
	t.Helper()
	c := newCheckout(t, env)
	tools := t.TempDir()
	for name, text := range map[string]string{
		"terraform": pipelineTool, "plan.json": pipelinePlan, "stackhook": "#!/bin/sh\n" + actAsMain + " exec '" + os.Args[0] + "' \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c.env = append(c.env, "PATH="+tools+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir())
	for _, variable := range []string{"CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "BITBUCKET_BUILD_NUMBER", "CIRCLECI", "BUILDKITE", "JENKINS_URL"} {
		c.env = append(c.env, variable+"=") // of what the tests themselves run on
	}
	return c
}

// addsOne fails the test unless the newest run has the delta of the plan, and is of the checkout.
func addsOne(t *testing.T, env []string) {
	t.Helper()
	run, _ := latest(t, env)
	if run.Delta == nil || *run.Delta != (models.Delta{Added: 1, Resources: 1}) || len(run.Commit.Hash) != 40 {
		t.Errorf("%+v, of %+v", run.Delta, run.Commit)
	}
}

// lastRun is the type of the newest run and its states.
func lastRun(t *testing.T, env []string) string {
	t.Helper()
	run, states := latest(t, env)
	return strings.Join(append([]string{string(run.Type)}, states...), " ")
}

func exitCodeOf(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, is := err.(*exec.ExitError)
	if !is {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

func readSnippet(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(snippet(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return networking.ReplaceAllString(string(text), "site")
}

// parsed is a YAML file, read by a parser that is not ours.
func parsed(t *testing.T, file string) any {
	t.Helper()
	ruby := needs.Program(t, "ruby", "receivers in Ruby", "ruby")
	cmd := exec.CommandContext(t.Context(), ruby, "-ryaml", "-rjson", "-e", "puts JSON.generate(YAML.safe_load($stdin.read))")
	cmd.Stdin = strings.NewReader(readSnippet(t, file))
	out, err := cmd.CombinedOutput()
	var doc any
	if err != nil || json.Unmarshal(out, &doc) != nil {
		t.Fatalf("%s: %v\n%s", file, err, out)
	}
	return doc
}

// dig follows keys and numbers into a document.
func dig(t *testing.T, doc any, at string) any {
	t.Helper()
	for _, key := range strings.Fields(at) {
		switch part := doc.(type) {
		case map[string]any:
			doc = part[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(part) {
				t.Fatalf("no %s in %s", key, at)
			}
			doc = part[i]
		default:
			t.Fatalf("no %s in %s", key, at)
		}
	}
	return doc
}
