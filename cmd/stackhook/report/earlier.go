package report

import "time"

// betweenPasses is how often a process that runs for long looks for what others left, and could not be sent.
const betweenPasses = 30 * time.Second

// sendEarlier sends what processes before this one left. The runs of this process do not wait for it.
func (r *Reporter) sendEarlier() {
	if r.spool == nil {
		return
	}
	for failures := 0; ; {
		left := r.passEarlier()
		wait := betweenPasses
		if r.options.Flush {
			if left.fate != later {
				return
			}
			failures++
			wait = max(backoff(failures), left.wait)
		}
		if !r.untilNextPass(wait) {
			return
		}
	}
}

// untilNextPass waits before what is left is tried again. It returns false at the end.
func (r *Reporter) untilNextPass(wait time.Duration) bool {
	closing := r.closing
	if r.options.Flush {
		closing = nil
		if !r.patient(wait) {
			return false
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-closing:
	case <-r.ctx.Done():
	}
	return false
}

// passEarlier tries each run once, the oldest first. A run that is stuck does not hold up the others; a server that does
// not answer at all does. It returns an answer that left something waiting, one that may be
// another soon if there is one.
func (r *Reporter) passEarlier() (left answer) {
	for _, id := range r.spool.runs() {
		run := r.earlierRun(id)
		if run == nil {
			continue
		}
		got := run.try()
		for got.fate == recorded || got.fate == refused || got.fate == again {
			got = run.try()
		}
		if r.ctx.Err() != nil {
			return got
		}
		if got.fate == later || got.fate == mended {
			r.words.trouble(got)
			if left.fate != later {
				left = got
			}
		}
		if got.fate == later && got.status == 0 {
			return got
		}
	}
	return left
}

// earlierRun returns a run that another process left, nil if it is one that this process reports.
func (r *Reporter) earlierRun(id string) *Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs[id] != nil {
		return nil
	}
	if r.earlier[id] == nil {
		r.earlier[id] = newRun(r, id)
	}
	return r.earlier[id]
}
