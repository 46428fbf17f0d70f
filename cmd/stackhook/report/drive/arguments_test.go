package drive_test

import (
	"reflect"
	"strings"
	"testing"

	"stackhook/cmd/stackhook/report/drive"
)

func TestSort(t *testing.T) {
	t.Parallel()
	tests := map[string]drive.Arguments{
		"":                         {},
		"-var-file=prod.tfvars":    {Init: words("-var-file=prod.tfvars"), Plan: words("-var-file=prod.tfvars")},
		"-var a=b":                 {Init: words("-var a=b"), Plan: words("-var a=b")},
		"-target a.b -target=c.d":  {Plan: words("-target a.b -target=c.d")},
		"--refresh-only":           {Plan: words("--refresh-only")},
		"-some-new-one=5":          {Plan: words("-some-new-one=5")},
		"-chdir=infra":             {Global: words("-chdir=infra"), Folder: "infra"},
		"-lock-timeout 5m":         {Init: words("-lock-timeout 5m"), Plan: words("-lock-timeout 5m"), Apply: words("-lock-timeout 5m")},
		"-lock=false -no-color":    {Init: words("-lock=false -no-color"), Plan: words("-lock=false -no-color"), Apply: words("-lock=false -no-color")},
		"-parallelism=2":           {Plan: words("-parallelism=2"), Apply: words("-parallelism=2")},
		"-backend-config k -get":   {Init: words("-backend-config k -get")},
		"-upgrade -backup=- -json": {Init: words("-upgrade"), Plan: words("-json"), Apply: words("-backup=- -json")},
		"-var -x":                  {Init: words("-var -x"), Plan: words("-var -x")}, // its value, as the tool itself would take it
	}
	for text, want := range tests {
		if got, err := drive.Sort(words(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestSortRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"plan":               `leave out "plan"`,
		"apply -var a=b":     `leave out "apply"`,
		"-out=x":             "-out is not for a whole run",
		"--auto-approve":     "give --auto-approve to exec",
		"-destroy":           "--type DESTROY",
		"-detailed-exitcode": "ends with 0",
		"-help":              "without exec",
		"-chdir infra":       "-chdir=DIR",
		"state list":         "--type TASK",
		"-new-one secret":    "after -new-one is no option",
		"-var":               "-var needs a value",
		"-a=secret secret":   "after -a is no option",
		"-":                  "--type TASK",
	}
	for text, want := range tests {
		_, err := drive.Sort(words(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v; want …%s…", text, err, want)
		}
	}
}

// words are fields; of none, nil.
func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}
