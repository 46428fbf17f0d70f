package drive

import (
	"fmt"
	"strings"

	"stackhook/models"
)

// ask asks the person whether the plan is to be applied. A signal means no.
func (d *driver) ask() bool {
	question, consequence := "Apply this plan?", "All that is shown above will be done."
	if d.Type == models.Destroy {
		question, consequence = "Destroy all of this?", "What is shown above will be gone, and nothing brings it back."
	}
	fmt.Fprintf(d.Asks, "\n%s\n  %s\n  “yes” approves it, anything else discards it.\n\n  Your answer: ", question, consequence)
	if d.stopped() {
		return false
	}
	select {
	case line := <-d.line():
		fmt.Fprintln(d.Asks)
		return strings.TrimSpace(line) == "yes"
	case s := <-d.Signals:
		d.note(s)
		fmt.Fprint(d.Asks, "\n\n")
		return false
	}
}

// line reads a line from the terminal, which hands out one at a time: what was typed after it stays for the tool. When a
// signal comes instead, the reader is left behind; the run is about to end.
func (d *driver) line() <-chan string {
	read := make(chan string, 1)
	go func() {
		text := make([]byte, 1024)
		n, _ := d.In.Read(text) // an error, and the end of the input, is no “yes”
		read <- string(text[:n])
	}()
	return read
}
