package report

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"stackhook/models"
)

// Run is a run that is reported. Its reports are numbered in the order in which they are made, and are sent in that order.
type Run struct {
	r      *Reporter
	id     string
	folder *folder       // where they wait; nil: in memory alone
	wake   chan struct{} // holds one token when there is something new to send

	mu     sync.Mutex
	newest tail         // the newest report that is known here
	state  models.State // that it reports, "" if this process did not make it
	own    []entry      // reports of this process that wait, in case the folder fails; in order
	ended  int64        // the place of the last one that waits no more, -1 if there is none
	failed string       // why the run's first report was refused
	counts Counts
}

func newRun(r *Reporter, id string) *Run {
	return &Run{
		r: r, id: id, folder: r.spool.run(id), wake: make(chan struct{}, 1),
		newest: tail{seq: -1, version: unknown}, ended: -1,
	}
}

// after sets the version of the last state, as an earlier process handed it on.
func (n *Run) after(version int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.newest.version = max(n.newest.version, version)
}

// ID returns the run's ULID.
func (n *Run) ID() string { return n.id }

// Last returns the state and the version that were reported last, as far as this machine knows: "" and -1 if it does not.
func (n *Run) Last() (models.State, int64) {
	rec, _ := n.folder.read()
	n.mu.Lock()
	defer n.mu.Unlock()
	version := n.newest.and(rec).version
	if there := rec.newest(); there != nil && there.Seq >= n.newest.seq {
		return there.state(), version
	}
	return n.state, version
}

// Report reports that the run is in its next state now. The delta may be nil.
func (n *Run) Report(state models.State, delta *models.Delta) {
	now := time.Now()
	defer n.r.count(now)
	n.add(entry{At: now, State: &stateBody{State: state, Timestamp: now.Unix(), Delta: delta}})
}

// add numbers a report, puts it down, and hands it to the sender.
func (n *Run) add(e entry) {
	if n.r.options.Silent() {
		return
	}
	n.mu.Lock()
	var kept entry
	var err error
	if n.folder != nil {
		kept, err = n.folder.add(e, n.newest)
	}
	if n.folder == nil || err != nil {
		rec, _ := n.folder.read() // as far as it can be
		kept = e.after(n.newest.and(rec))
	}
	n.newest, n.state = tail{kept.Seq, kept.version()}, kept.state()
	n.own = append(n.own, kept)
	n.mu.Unlock()
	n.r.words.unkept(err)
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// look returns the reports that wait, in order: those of the folder, and those that only this process has.
func (n *Run) look() []entry {
	rec, err := n.folder.read()
	n.r.words.unkept(err)
	n.mu.Lock()
	defer n.mu.Unlock()
	if rec.last != nil {
		n.ended = max(n.ended, rec.last.Seq)
		if rec.last.Start != nil {
			n.failed = rec.last.Refused
		}
	}
	waiting := slices.DeleteFunc(rec.waiting, func(e entry) bool { return e.Seq <= n.ended }) // it could not be noted there
	n.own = slices.DeleteFunc(n.own, func(e entry) bool {
		if e.Seq > n.ended {
			return false
		}
		if n.folder.refused(e.Seq) { // by another process
			n.counts.Refused++
		} else {
			n.counts.Sent++
		}
		return true
	})
	for _, e := range n.own {
		if !slices.ContainsFunc(waiting, func(w entry) bool { return w.Seq == e.Seq }) {
			waiting = append(waiting, e)
		}
	}
	slices.SortFunc(waiting, func(a, b entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return waiting
}

// end takes out a report that waits no more.
func (n *Run) end(e entry, refused string) {
	if n.folder != nil {
		n.r.words.unkept(n.folder.end(e, refused))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = e.Seq
	n.own = slices.DeleteFunc(n.own, func(o entry) bool { return o.Seq == e.Seq })
	if refused == "" {
		n.counts.Sent++
		return
	}
	n.counts.Refused++
	if e.Start != nil {
		n.failed = refused
	}
}

// number gives the reports that wait, the first of which is e, other versions: that, which the server has been asked for,
// and the next ones, or none.
func (n *Run) number(e entry, version int64) entry {
	renumber := func(list []entry) {
		for i, w := range list {
			switch {
			case w.State == nil || w.Seq < e.Seq:
			case version == unknown:
				list[i] = w.numbered(unknown)
			default:
				list[i] = w.numbered(version + w.Seq - e.Seq)
			}
			list[i].Asked = version != unknown
		}
	}
	if n.folder != nil {
		n.r.words.unkept(n.folder.change(renumber))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	renumber(n.own)
	if n.newest.version = unknown; version != unknown {
		n.newest.version = version + max(n.newest.seq, e.Seq) - e.Seq
	}
	e = e.numbered(version)
	e.Asked = true
	return e
}

// stillborn says whether the run's first report was refused: the server knows no such run, and never will.
func (n *Run) stillborn() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed != ""
}

// left counts what still waits.
func (n *Run) left() Counts {
	waiting := n.look()
	n.mu.Lock()
	defer n.mu.Unlock()
	counts := n.counts
	counts.Waiting = len(waiting)
	return counts
}
