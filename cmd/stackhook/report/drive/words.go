package drive

import (
	"fmt"

	"stackhook/models"
)

// enter tells of a state.
func (d *driver) enter(state models.State) {
	d.report(state)
	fmt.Fprintf(d.Err, "stackhook: %s\n", state)
}

// end tells of the last state. Signals that came until then were for the tool, and are taken away.
func (d *driver) end(state models.State, code int) Outcome {
	for len(d.Signals) > 0 {
		d.note(<-d.Signals)
	}
	d.report(state)
	fmt.Fprintf(d.Err, "stackhook: %s%s\n", state, d.counts(state))
	if state == models.Stopped && code == 0 {
		code = codeSignal + int(d.stop)
	}
	return Outcome{State: state, Code: code, Added: d.added}
}

func (d *driver) report(state models.State) {
	if d.delta == d.told {
		d.Reporter.Report(state, nil)
		return
	}
	d.told = d.delta
	d.Reporter.Report(state, d.delta)
}

// counts says what the run did, or would have done.
func (d *driver) counts(state models.State) string {
	if d.delta == nil {
		return ""
	}
	toDo := fmt.Sprintf("%d to add, %d to change, %d to delete", d.delta.Added, d.delta.Changed, d.delta.Deleted)
	switch {
	case d.done:
		return fmt.Sprintf(": %d added, %d changed, %d deleted; %s", d.delta.Added, d.delta.Changed, d.delta.Deleted, d.resources())
	case state == models.FailedState && d.counted:
		return ": not all was done of " + toDo + "; " + d.resources()
	case state == models.FailedState:
		return ": not all was done of " + toDo
	case state == models.Discarded:
		return ": nothing was changed; " + toDo
	case d.delta.Added+d.delta.Changed+d.delta.Deleted == 0:
		return ": nothing to change; " + d.resources()
	default:
		return ": " + toDo
	}
}

func (d *driver) resources() string {
	if d.delta.Resources == 1 {
		return "1 resource"
	}
	return fmt.Sprintf("%d resources", d.delta.Resources)
}

// say tells the person at the terminal something.
func (d *driver) say(words string) { fmt.Fprintf(d.Err, "stackhook: %s\n", words) }
