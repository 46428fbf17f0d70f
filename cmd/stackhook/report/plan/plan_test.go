package plan_test

import (
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"stackhook/cmd/stackhook/report/plan"
	"stackhook/models/needs"
)

// What Terraform and OpenTofu write in cases that these tests cannot bring about. OpenTofu does not say “applyable”.
func TestRead(t *testing.T) {
	t.Parallel()
	held := func(addresses ...string) string {
		return `"prior_state":{"values":{"root_module":{"resources":[{"address":"` +
			strings.Join(addresses, `","mode":"managed"},{"address":"`) + `","mode":"managed"}]}}}`
	}
	for name, c := range map[string]struct {
		json string
		want plan.Plan
	}{
		"no resources at all": {``, plan.Plan{}},
		"OpenTofu, a change": {
			`,` + held("a") + `,"resource_changes":[{"address":"a","mode":"managed","change":{"actions":["update"]}}]`,
			plan.Plan{Delta: delta(0, 1, 0, 1), Changes: true},
		},
		"OpenTofu, no change": {
			`,` + held("a") + `,"resource_changes":[{"address":"a","mode":"managed","change":{"actions":["no-op"]}}],` +
				`"output_changes":{"o":{"actions":["no-op"]}}`,
			plan.Plan{Delta: delta(0, 0, 0, 1)},
		},
		"OpenTofu, an output": {
			`,"output_changes":{"o":{"actions":["no-op"]},"p":{"actions":["delete"]}}`,
			plan.Plan{Changes: true},
		},
		"OpenTofu, a move": {
			`,` + held("b") + `,"resource_changes":[{"address":"b","previous_address":"a","mode":"managed","change":{"actions":["no-op"]}}]`,
			plan.Plan{Delta: delta(0, 0, 0, 1), Changes: true},
		},
		"OpenTofu, an import": {
			`,` + held("a") + `,"resource_changes":[{"address":"a","mode":"managed","change":{"actions":["no-op"],"importing":{"id":"x"}}}]`,
			plan.Plan{Delta: delta(0, 0, 0, 1), Changes: true},
		},
		"a replacement that leaves the old one be": {
			`,` + held("a") + `,"resource_changes":[{"address":"a","mode":"managed","change":{"actions":["create","forget"]}}]`,
			plan.Plan{Delta: delta(1, 0, 0, 1), Changes: true},
		},
		"what a failed replacement left behind": {
			`,"prior_state":{"values":{"root_module":{"resources":[{"address":"a","mode":"managed"},{"address":"a","mode":"managed","deposed_key":"4c5d"}]}}},` +
				`"resource_changes":[{"address":"a","mode":"managed","change":{"actions":["no-op"]}},{"address":"a","mode":"managed","deposed":"4c5d","change":{"actions":["delete"]}}]`,
			plan.Plan{Delta: delta(0, 0, 1, 1), Changes: true},
		},
		"changes that a refresh found": {`,` + held("a") + `,"applyable":true`, plan.Plan{Delta: delta(0, 0, 0, 1), Changes: true}},
		"a plan that failed":           {`,` + held("a") + `,"errored":true`, plan.Plan{Delta: delta(0, 0, 0, 1)}},
		"a data source of a check":     {`,` + held("a") + `,"applyable":true,"resource_changes":[{"address":"data.x.y","mode":"data","change":{"actions":["read"]}}]`, plan.Plan{Delta: delta(0, 0, 0, 1), Reads: true}},
		"that, and what was found":     {`,` + held("a") + `,"applyable":true,"resource_drift":[{}],"resource_changes":[{"address":"data.x.y","mode":"data","change":{"actions":["read"]}}]`, plan.Plan{Delta: delta(0, 0, 0, 1), Changes: true, Reads: true}},
		"another mode": {
			`,"resource_changes":[{"address":"ephemeral.a","mode":"ephemeral","change":{"actions":["open"]}}]`, plan.Plan{Reads: true},
		},
	} {
		text := `{"format_version":"1.2","planned_values":{}` + c.json + `}`
		if got, err := plan.Read(strings.NewReader(text)); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

// PowerShell writes what a program prints in UTF-16, others put a mark before UTF-8.
func TestReadOtherEncodings(t *testing.T) {
	t.Parallel()
	const text = `{"format_version":"1.2","planned_values":{},"resource_changes":[{"address":"ä","mode":"managed","change":{"actions":["create"]}}]}`
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	for _, text := range []string{text, "\ufeff" + text, string(wide), text + "\n\n"} {
		if got, err := plan.Read(strings.NewReader(text)); err != nil || got.Delta != delta(1, 0, 0, 1) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// Errors say what to do, and repeat nothing of the file: it holds secrets.
func TestWrongFiles(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for text, want := range map[string]string{
		"":                                     "it is empty",
		secret:                                 "it is not the JSON that “terraform show -json” prints",
		`{"format_version":["` + secret + `"]`: "it is not the JSON",
		`{"format_version":1}`:                 "it is not the JSON",
		`{"@level":"info","@message":"` + secret + `"}` + "\n{}": "it has no format_version",
		`{"format_version":"1.0","values":{"root_module":{}}}`:   "this is not the JSON of a plan",
	} {
		if _, err := plan.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if n, err := plan.State(strings.NewReader(`{"format_version":"1.0"}`)); n != 0 || err != nil {
		t.Errorf("an empty state: %d, %v", n, err)
	}
	if _, err := plan.State(strings.NewReader(`{"format_version":"1.2","planned_values":{}}`)); err == nil {
		t.Error("a plan is no state")
	}
}

func TestAToolThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "plan.out", "PK, and no plan")
	write(t, dir, "plan.json", "secret")
	tool := plan.Tool{Path: filepath.Join(dir, "nothing"), Dir: dir}
	for name, want := range map[string]string{
		"plan.out":  "show the plan plan.out: ",
		"plan.json": "read the plan plan.json: it is not the JSON",
		"missing":   "missing: no such file",
	} {
		if _, err := tool.Plan(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	write(t, dir, "show", "echo secret\necho 'x Error: No such plan' >&2\nexit 3\n") // the shell takes “show” for its script
	if _, err := (plan.Tool{Path: "sh", Dir: dir}).Resources(t.Context()); err == nil || err.Error() != "show the state: sh show: No such plan" {
		t.Error(err)
	}

	tool.Path = needs.Terraform(t, "Terraform runs")
	if _, err := tool.Plan(t.Context(), "plan.out"); err == nil || !strings.Contains(err.Error(), "show the plan plan.out: terraform show: Failed to read the given file") {
		t.Error(err)
	}
}
