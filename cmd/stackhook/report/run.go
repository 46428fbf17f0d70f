package report

import (
	"sync"
	"time"

	"stackhook/models"
)

// Run is a run that is reported. Its reports are numbered in the order in which they are made, and are sent in that order.
type Run struct {
	r    *Reporter
	id   string
	wake chan struct{} // holds one token when there is something new to send

	mu            sync.Mutex
	version       int64 // of the last report, or unknown
	waiting       []entry
	sent, refused int
	dead          bool // its first report was refused: nothing of it can be reported
}

func newRun(r *Reporter, id string, version int64) *Run {
	return &Run{r: r, id: id, version: version, wake: make(chan struct{}, 1)}
}

// ID returns the run's ULID.
func (n *Run) ID() string { return n.id }

// Version returns the version of the last state that was reported, -1 while only the server knows it.
func (n *Run) Version() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.version
}

// Report reports that the run is in its next state now. The delta may be nil.
func (n *Run) Report(state models.State, delta *models.Delta) {
	now := time.Now()
	defer n.r.count(now)
	n.add(entry{At: now, State: &stateBody{State: state, Timestamp: now.Unix(), Delta: delta}})
}

// add numbers a report and hands it to the sender.
func (n *Run) add(e entry) {
	n.mu.Lock()
	if e.State != nil && n.version != unknown {
		next := n.version + 1
		e.State.StateVersion = &next
	}
	n.version = e.version()
	if n.dead {
		n.refused++
	} else {
		n.waiting = append(n.waiting, e)
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}
