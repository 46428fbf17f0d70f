package report

import (
	"net/http"
	"time"
)

// sender sends one run's reports, in order, until Close.
type sender struct {
	*Run
	closing  <-chan struct{} // nil once it is known that Close has begun
	failures int             // in a row
}

func (n *Run) send() {
	s := sender{Run: n, closing: n.r.closing}
	for s.next() {
	}
}

// next sends the first report that waits, or waits itself. It returns false at the end.
func (s *sender) next() bool {
	got := s.try()
	switch got.fate {
	case recorded, refused, again:
		s.failures = 0
		return true
	case nothing:
		return s.untilNews()
	case busy:
		return s.forAWhile(busyFor)
	}
	s.r.words.trouble(got)
	if s.r.ctx.Err() != nil {
		return false
	}
	if got.fate == mended {
		return s.untilNews()
	}
	s.failures++
	return s.forAWhile(max(backoff(s.failures), got.wait))
}

// busyFor is how soon to look again when another process sends the run's reports: a report takes milliseconds.
const busyFor = 20 * time.Millisecond

// untilNews waits until there is something to send, or until Close begins: then everything is tried once more.
func (s *sender) untilNews() bool {
	if s.closing == nil {
		return false
	}
	select {
	case <-s.wake:
	case <-s.closing:
		s.closing = nil
	}
	return true
}

// forAWhile waits before another try. It returns false when Close will not be that patient.
func (s *sender) forAWhile(wait time.Duration) bool {
	if s.closing == nil && !s.r.patient(wait) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
		s.closing, s.failures = nil, 0 // the last tries are close together
	case <-s.r.ctx.Done():
		return false
	}
	return true
}

// backoff is how long to wait after so many failures in a row: a server that restarts is back within seconds, and one
// that is away for longer is not called more than four times a minute.
func backoff(failures int) time.Duration {
	return min(time.Second<<min(failures-1, 4), 15*time.Second)
}

// try sends the first report of the run that waits, and notes what became of it.
func (n *Run) try() answer {
	if waiting := n.look(); len(waiting) == 0 {
		return answer{fate: nothing}
	}
	release, err := n.folder.sending()
	if err != nil {
		return answer{fate: busy}
	}
	defer release()
	waiting := n.look() // another process may just have sent them
	if len(waiting) == 0 {
		return answer{fate: nothing}
	}
	e, got := n.deliver(waiting[0])
	switch got.fate {
	case recorded:
		n.end(e, "")
		n.r.words.back()
		n.r.away.Store(false)
	case later:
		n.r.away.Store(true)
	case refused:
		if got.status == http.StatusConflict && e.State != nil && !e.Asked {
			// Others have reported this run too, or this machine could not note what it reported. The server has not
			// taken this report yet: then it would not be in conflict with itself.
			n.number(e, unknown)
			return answer{fate: again}
		}
		n.r.words.say("%s of run %s is given up: %s", e.state(), n.id, got.says)
		n.end(e, got.says)
		if e.State != nil { // those behind it may be right, with other versions
			n.number(e, unknown)
		}
	}
	return got
}

// deliver sends one report, and returns it as it was sent. Where only the server knows the run's version, it is asked
// first.
func (n *Run) deliver(e entry) (entry, answer) {
	switch {
	case e.State != nil && n.stillborn():
		return e, answer{fate: refused, says: "its run could not start"}
	case e.state() == unreadable:
		return e, answer{fate: refused, says: "it was damaged"}
	case time.Since(e.At) > keepFor:
		return e, answer{fate: refused, says: "it has waited for 7 days"}
	}
	if e.version() == unknown {
		got := n.r.client.ask(n.r.ctx, n.id)
		if got.fate != recorded {
			return e, got
		}
		if got.state.Terminal() {
			return e, answer{fate: refused, says: "the run ended with " + string(got.state)}
		}
		e = n.number(e, got.version+1)
	}
	return e, n.r.client.send(n.r.ctx, n.id, e)
}
