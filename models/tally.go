package models

import "time"

// TookBounds are the upper bounds of a Tally's durations; what takes longer than the last is counted after it. From a
// receiver on the same network to the default time-out.
var TookBounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Tally counts the deliveries that ended within a time, tests left out. One that was redelivered ends again.
type Tally struct {
	At                         time.Time // when that time began
	Delivered, Failed, Skipped int64
	Took                       [len(TookBounds) + 1]int64 // the delivered ones by how long their last attempt took
}

// Ended counts one delivery more.
func (t *Tally) Ended(status Status, took time.Duration, n int64) {
	switch status {
	case Delivered:
		t.Delivered += n
		t.Took[tookPlace(took)] += n
	case Failed:
		t.Failed += n
	case Skipped:
		t.Skipped += n
	}
}

func tookPlace(took time.Duration) int {
	for i, bound := range TookBounds {
		if took <= bound {
			return i
		}
	}
	return len(TookBounds)
}

// Add adds another tally's counts.
func (t *Tally) Add(other Tally) {
	t.Delivered += other.Delivered
	t.Failed += other.Failed
	t.Skipped += other.Skipped
	for i, n := range other.Took {
		t.Took[i] += n
	}
}

// Total is how many ended.
func (t Tally) Total() int64 { return t.Delivered + t.Failed + t.Skipped }

// Percentile returns the duration that so many percent of the delivered took at most, by interpolation between the bounds
// around it, and whether any was delivered. Beyond the last bound it is that bound: the truth is longer.
func (t Tally) Percentile(percent float64) (took time.Duration, any bool) {
	if t.Delivered == 0 {
		return 0, false
	}
	rank := percent / 100 * float64(t.Delivered)
	below := time.Duration(0)
	var counted float64
	for i, bound := range TookBounds {
		n := float64(t.Took[i])
		if n > 0 && counted+n >= rank {
			return below + time.Duration((rank-counted)/n*float64(bound-below)), true
		}
		counted, below = counted+n, bound
	}
	return below, true
}

// Span is a time up to now that a chart shows, in steps.
type Span struct {
	Name string // in addresses
	Step time.Duration
	Of   int // steps
}

// Spans are those that there are, the shortest first.
var Spans = []Span{
	{"1h", time.Minute, 60}, {"24h", 30 * time.Minute, 48}, {"7d", 6 * time.Hour, 28}, {"30d", 24 * time.Hour, 30},
}

// Begin returns when the span's first step begins, and its last one, in which now is. Steps are aligned to UTC.
func (s Span) Begin(now time.Time) (first, last time.Time) {
	last = now.UTC().Truncate(s.Step)
	return last.Add(-time.Duration(s.Of-1) * s.Step), last
}

// DefaultSpan is the one of a page that names none.
var DefaultSpan = Spans[1]

// SpanNamed returns the span with that name, the default one if there is none.
func SpanNamed(name string) Span {
	for _, s := range Spans {
		if s.Name == name {
			return s
		}
	}
	return DefaultSpan
}
