// Package plan reads what Terraform and OpenTofu say, as JSON, of a plan and of a state: what a run adds, changes and
// deletes, and how many resources there are then. It imports models only, and never keeps or repeats a value of theirs:
// these files hold secrets.
package plan

import (
	"encoding/json"
	"errors"
	"io"
	"slices"

	"stackhook/models"
)

// Plan is what a plan would do.
type Plan struct {
	Delta models.Delta
	// Changes says that there is something to apply. That may be while the delta is 0, 0, 0: changed outputs, a resource
	// that moves to another address, is imported, or is forgotten without being deleted.
	Changes bool
	// Reads says that data sources are read when it is applied. The tool has something to apply then, each time for those of
	// checks, even if nothing changes.
	Reads bool
}

// file is the part of the JSON of “show -json” that is of interest, for a plan and for a state.
type file struct {
	Version string           `json:"format_version"`
	Planned *json.RawMessage `json:"planned_values"` // in every plan
	Prior   *state           `json:"prior_state"`    // absent while there is none
	Values  *values          `json:"values"`         // of a state; absent while it is empty

	Resources []resourceChange  `json:"resource_changes"`
	Outputs   map[string]change `json:"output_changes"`
	Drift     []json.RawMessage `json:"resource_drift"` // what changed outside of Terraform

	Applyable bool `json:"applyable"` // since Terraform 1.8; OpenTofu does not say it
}

type state struct {
	Values *values `json:"values"`
}

type values struct {
	Root module `json:"root_module"`
}

type module struct {
	Resources []struct {
		Address string `json:"address"`
		Mode    string `json:"mode"`
		Deposed string `json:"deposed_key"`
	} `json:"resources"`
	Children []module `json:"child_modules"`
}

type resourceChange struct {
	Address  string `json:"address"`
	Previous string `json:"previous_address"` // it moved from there
	Mode     string `json:"mode"`
	Deposed  string `json:"deposed"` // an object that a replacement left behind
	Change   change `json:"change"`
}

type change struct {
	Actions   []string         `json:"actions"`
	Importing *json.RawMessage `json:"importing"`
}

// managed is the mode of resources; the other modes are read, and belong to nobody's stack.
const managed = "managed"

// Read reads a plan: what “terraform show -json plan.out” prints.
func Read(from io.Reader) (Plan, error) {
	f, err := decode(from)
	switch {
	case err != nil:
		return Plan{}, err
	case f.Planned == nil:
		return Plan{}, errors.New("this is not the JSON of a plan, which “terraform show -json plan.out” prints")
	}
	var p Plan
	held := map[string]bool{}
	if f.Prior != nil {
		f.Prior.Values.each(func(address string) { held[address] = true })
	}
	for _, r := range f.Resources {
		if r.Mode != managed {
			p.Reads = true
			continue
		}
		p.count(r)
		r.carryOut(held)
	}
	for _, output := range f.Outputs {
		p.Changes = p.Changes || output.does()
	}
	// What is left is a plan that only notes what changed outside of Terraform, which it shows as no change of any
	// resource.
	p.Changes = p.Changes || f.Applyable && !p.Reads || p.Reads && len(f.Drift) > 0
	for _, is := range held {
		if is {
			p.Delta.Resources++
		}
	}
	return p, nil
}

// State reads a state, what “terraform show -json” prints, and returns the number of resources in it.
func State(from io.Reader) (int64, error) {
	f, err := decode(from)
	switch {
	case err != nil:
		return 0, err
	case f.Planned != nil:
		return 0, errors.New("this is the JSON of a plan, not of a state, which “terraform show -json” prints")
	}
	held := map[string]bool{}
	f.Values.each(func(address string) { held[address] = true })
	return int64(len(held)), nil
}

func decode(from io.Reader) (file, error) {
	var f file
	switch err := json.NewDecoder(plainText(from)).Decode(&f); {
	case errors.Is(err, io.EOF):
		return file{}, errors.New("it is empty")
	case err != nil: // not the error: it may quote what it met
		return file{}, errors.New("it is not the JSON that “terraform show -json” prints")
	case f.Version == "": // “terraform plan -json” prints one object for each thing that happens
		return file{}, errors.New("it is JSON, but not of “terraform show -json”: it has no format_version")
	}
	return f, nil
}

// count adds a change to the delta. A replacement is one added and one deleted.
func (p *Plan) count(r resourceChange) {
	p.Changes = p.Changes || r.Change.does() || r.Previous != "" || r.Change.Importing != nil
	for _, action := range r.Change.Actions {
		switch action {
		case "create":
			p.Delta.Added++
		case "update":
			p.Delta.Changed++
		case "delete":
			p.Delta.Deleted++
		}
	}
}

func (c change) does() bool {
	return slices.ContainsFunc(c.Actions, func(action string) bool { return action != "no-op" && action != "read" })
}

// carryOut does to the set of addresses what the change does to the state. The planned values are not asked: they leave
// out what a plan with -target does not look at, and it stays.
func (r resourceChange) carryOut(held map[string]bool) {
	if r.Deposed == "" { // else the object that took its place has the address
		held[r.Address] = slices.ContainsFunc(r.Change.Actions, func(action string) bool {
			return action == "create" || action == "update" || action == "no-op" // others: delete, forget
		})
	}
}

// each calls f with the address of each resource. Instances of count and for_each have an address each.
func (v *values) each(f func(address string)) {
	if v != nil {
		v.Root.each(f)
	}
}

func (m module) each(f func(address string)) {
	for _, r := range m.Resources {
		if r.Mode == managed && r.Deposed == "" {
			f(r.Address)
		}
	}
	for _, child := range m.Children {
		child.each(f)
	}
}
