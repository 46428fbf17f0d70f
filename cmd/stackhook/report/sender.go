package report

import (
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
	e, any := s.first()
	if !any {
		return s.untilNews()
	}
	got := s.deliver(e)
	switch got.fate {
	case recorded:
		s.failures = 0
		s.done(e)
		s.r.words.back()
		return true
	case refused:
		s.failures = 0
		s.refuse(e, got)
		return true
	}
	if s.r.ctx.Err() != nil { // cut off, by the end
		return false
	}
	s.r.words.trouble(got)
	if got.fate == mended {
		return s.untilNews()
	}
	s.failures++
	return s.forAWhile(max(backoff(s.failures), got.wait))
}

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
		s.closing = nil
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

// deliver sends one report. Where only the server knows the run's version, it is asked first.
func (s *sender) deliver(e entry) answer {
	if e.version() == unknown {
		got := s.r.client.ask(s.r.ctx, s.id)
		if got.fate != recorded {
			return got
		}
		if got.state.Terminal() {
			return answer{fate: refused, says: "the run ended with " + string(got.state)}
		}
		e = s.number(e, got.version+1)
	}
	return s.r.client.send(s.r.ctx, s.id, e)
}

// first returns the report that is sent next.
func (n *Run) first() (entry, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) == 0 {
		return entry{}, false
	}
	return n.waiting[0], true
}

// number gives the first report the version that the server expects, and those behind it the next ones.
func (n *Run) number(e entry, version int64) entry {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.waiting {
		body, next := *n.waiting[i].State, version+int64(i)
		body.StateVersion = &next
		n.waiting[i].State, n.version = &body, next
	}
	return n.waiting[0]
}

// done takes out a report that the server has.
func (n *Run) done(entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting = n.waiting[1:]
	n.sent++
}

// refuse takes out a report that the server will never take. Those behind it may still be right, with other versions; of
// a run that could not start, none is.
func (n *Run) refuse(e entry, got answer) {
	n.r.words.say("%s of run %s is refused: %s", e.state(), n.id, got.says)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting = n.waiting[1:]
	n.refused++
	if e.Start != nil {
		n.refused += len(n.waiting)
		n.waiting, n.dead = nil, true
		return
	}
	n.version = unknown
	for i := range n.waiting {
		body := *n.waiting[i].State
		body.StateVersion = nil
		n.waiting[i].State = &body
	}
}
