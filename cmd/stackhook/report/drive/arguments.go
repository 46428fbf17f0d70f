package drive

import (
	"fmt"
	"strings"
)

// Arguments are the arguments that a person gave, sorted by who takes them.
type Arguments struct {
	Global, Init, Plan, Apply []string
	Folder                    string // the folder of -chdir
}

// takers are subcommands.
type takers uint8

const (
	byInit takers = 1 << iota
	byPlan
	byApply
)

// option says which subcommands take an option, and whether its value may be the next argument.
type option struct {
	by    takers
	value bool
}

// options are those that not only plan takes, and those that have a value. All others are for plan alone.
var options = map[string]option{
	"backend":               {by: byInit},
	"backend-config":        {by: byInit, value: true},
	"cloud":                 {by: byInit},
	"force-copy":            {by: byInit},
	"get":                   {by: byInit},
	"ignore-remote-version": {by: byInit},
	"lockfile":              {by: byInit, value: true},
	"migrate-state":         {by: byInit},
	"plugin-dir":            {by: byInit, value: true},
	"reconfigure":           {by: byInit},
	"upgrade":               {by: byInit},

	"var":      {by: byInit | byPlan, value: true}, // OpenTofu's backends and modules may be named by variables
	"var-file": {by: byInit | byPlan, value: true},

	"lock":         {by: byInit | byPlan | byApply},
	"lock-timeout": {by: byInit | byPlan | byApply, value: true},
	"no-color":     {by: byInit | byPlan | byApply},

	"compact-warnings": {by: byPlan | byApply},
	"concise":          {by: byPlan | byApply},
	"json":             {by: byPlan | byApply},
	"parallelism":      {by: byPlan | byApply, value: true},
	"show-sensitive":   {by: byPlan | byApply},
	"state":            {by: byPlan | byApply, value: true},

	"backup":    {by: byApply, value: true},
	"state-out": {by: byApply, value: true},

	"exclude":             {by: byPlan, value: true},
	"exclude-file":        {by: byPlan, value: true},
	"generate-config-out": {by: byPlan, value: true},
	"replace":             {by: byPlan, value: true},
	"target":              {by: byPlan, value: true},
	"target-file":         {by: byPlan, value: true},
}

// refused are options that the run decides on, and what to do instead.
var refused = map[string]string{
	"auto-approve":      "give --auto-approve to exec, before the “--”",
	"destroy":           "give --type DESTROY to exec, before the “--”",
	"detailed-exitcode": "exec gives it itself, and ends with 0 where a plan has changes",
	"out":               "exec keeps the plan in a file of its own, and removes it",
	"help":              "run it without exec",
	"h":                 "run it without exec",
	"version":           "run it without exec",
	"v":                 "run it without exec",
}

// Sort sorts the arguments that follow the tool's name. Its errors say what is wrong with which of them, without values:
// those may be secrets.
func Sort(args []string) (Arguments, error) {
	var sorted Arguments
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch {
		case name == "" || !strings.HasPrefix(args[i], "-"):
			return sorted, misplaced(args, i)
		case refused[name] != "":
			return sorted, fmt.Errorf("-%s is not for a whole run: %s", name, refused[name])
		case name == "chdir" && !joined:
			return sorted, fmt.Errorf("-chdir needs its folder in the same argument: -chdir=DIR")
		case name == "chdir":
			sorted.Global, sorted.Folder = append(sorted.Global, args[i]), value
			continue
		}
		takes, known := options[name]
		if !known {
			takes.by = byPlan
		}
		one := args[i : i+1]
		if takes.value && !joined {
			if i++; i == len(args) {
				return sorted, fmt.Errorf("-%s needs a value", name)
			}
			one = args[i-1 : i+1]
		}
		sorted.give(takes.by, one)
	}
	return sorted, nil
}

// misplaced says what is wrong with an argument that is no option.
func misplaced(args []string, i int) error {
	switch {
	case i == 0 && (args[0] == "init" || args[0] == "plan" || args[0] == "apply" || args[0] == "destroy"):
		return fmt.Errorf("leave out %q: exec runs init, plan and apply itself, and takes their options (--type TASK runs a single command)", args[0])
	case i == 0:
		return fmt.Errorf("init, plan and apply take no such word as the first after the tool's name: --type TASK runs any other command")
	}
	name, _, _ := strings.Cut(args[i-1], "=")
	return fmt.Errorf("the argument after %s is no option: if it is its value, join them with “=”", name)
}

func (a *Arguments) give(by takers, one []string) {
	for _, to := range []struct {
		by   takers
		args *[]string
	}{{byInit, &a.Init}, {byPlan, &a.Plan}, {byApply, &a.Apply}} {
		if by&to.by != 0 {
			*to.args = append(*to.args, one...)
		}
	}
}
