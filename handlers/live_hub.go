package handlers

import (
	"context"
	"net/http"
	"sync"
	"time"

	"stackhook/models/store"
)

const (
	// liveEvery is how often a topic is read at most, so that a page is behind by no more than about half a second.
	liveEvery = 500 * time.Millisecond
	// liveGather is how long the first change after a quiet time waits for the ones that go with it: a delivery's result
	// comes some milliseconds after the delivery.
	liveGather = 30 * time.Millisecond
	// liveAgain is when a topic is read again of which nothing was heard: time alone changes some, as the last hour's.
	liveAgain = 30 * time.Second
	// liveRetry is when a topic is read again that could not be.
	liveRetry = time.Second
	// slowTopic is what makes a topic one of those that wait for each other, and for nobody else: they look at thousands of
	// rows for a filter without an index.
	slowTopic = 10 * time.Millisecond
	// The share of the time that is spent reading: after each topic there is a pause, this many times as long. There is none
	// while the quick ones are late by more than that.
	quickPause, slowPause = 1, 3
	lateTopic             = 200 * time.Millisecond

	maxStreams        = 2000 // in all: a connection and some 40 KiB each
	maxSessionStreams = 16   // a browser has one for all its tabs, and some more where it cannot share it
	maxStreamTopics   = 20
	// maxWaiting is how many events wait for a slow reader. It is let go then, and gets everything when it is back.
	maxWaiting = 64
)

// live keeps what open pages show up to date: each topic is read once for all of them. It works only while there are
// streams.
type live struct {
	mu       sync.Mutex
	topics   map[topicKey]*topic
	streams  map[*stream]bool
	sessions map[string]int // streams by session
	readers  []*topicReader
	end      func() // of what enter began
	rows     rowCache
}

// topic is a page that somebody has open.
type topic struct {
	topicSource
	streams map[*stream]bool
	state   *topicState // nil until it was read

	changed   bool
	changedAt time.Time
	readAt    time.Time
	reading   bool
	slow      bool
}

// due is when it is to be read.
func (t *topic) due() time.Time {
	switch {
	case t.readAt.IsZero():
		return time.Time{}
	case !t.changed:
		return t.readAt.Add(liveAgain)
	}
	soon, next := t.changedAt.Add(liveGather), t.readAt.Add(liveEvery)
	if soon.After(next) {
		return soon
	}
	return next
}

// LiveStreams is how many browsers follow pages now.
func (h *Handlers) LiveStreams() int {
	h.live.mu.Lock()
	defer h.live.mu.Unlock()
	return len(h.live.streams)
}

// enter takes a stream in, unless there are too many. With the first one the work begins.
func (l *live) enter(h *Handlers, s *stream) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.streams) >= maxStreams:
		return &Problem{
			Status: http.StatusServiceUnavailable, Title: "Too many live pages are open",
			Detail: "Too many pages are open that show what happens as it happens. Load this page again to see what is new.",
		}
	case l.sessions[s.session] >= maxSessionStreams:
		return &Problem{
			Status: http.StatusTooManyRequests, Title: "Too many live pages are open",
			Detail: "This browser has too many pages open that show what happens as it happens. Close some.",
		}
	}
	if len(l.streams) == 0 {
		l.topics, l.streams, l.sessions = map[topicKey]*topic{}, map[*stream]bool{}, map[string]int{}
		l.begin(h)
	}
	l.streams[s] = true
	l.sessions[s.session]++
	return nil
}

// leave lets a stream go. With the last one the work ends.
func (l *live) leave(s *stream) {
	for _, t := range s.topics {
		l.drop(s, t)
	}
	l.mu.Lock()
	delete(l.streams, s)
	if l.sessions[s.session]--; l.sessions[s.session] == 0 {
		delete(l.sessions, s.session)
	}
	end := func() {}
	if len(l.streams) == 0 {
		end = l.end
	}
	l.mu.Unlock()
	end()
}

// begin starts what hears of changes and what reads.
func (l *live) begin(h *Handlers) {
	ctx, cancel := context.WithCancel(context.Background())
	watch := h.Store.Watch()
	var done sync.WaitGroup
	l.readers = []*topicReader{newTopicReader(l, h.Log, false, quickPause), newTopicReader(l, h.Log, true, slowPause)}
	for _, r := range l.readers {
		done.Go(func() { r.run(ctx) })
	}
	done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-watch.More():
				l.mark(watch.Take())
			}
		}
	})
	l.end = func() {
		cancel()
		watch.Close()
		done.Wait()
	}
}

// mark notes which topics changed.
func (l *live) mark(changes store.Changes) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, t := range l.topics {
		if !t.changed && t.touched(changes) {
			t.changed, t.changedAt = true, now
		}
	}
	if changes.Access {
		for s := range l.streams {
			s.recheck()
		}
	}
	l.wake()
}

func (l *live) wake() {
	for _, r := range l.readers {
		r.wake()
	}
}

// join adds a topic to a stream, which is sent all of it first.
func (l *live) join(s *stream, source topicSource) *topic {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[source.key]
	if t == nil {
		t = &topic{topicSource: source, streams: map[*stream]bool{}}
		l.topics[source.key] = t
		l.wake()
	}
	t.streams[s] = true
	if t.state != nil {
		s.push(event{topic: t})
	}
	return t
}

func (l *live) drop(s *stream, t *topic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(t.streams, s)
	if len(t.streams) == 0 && l.topics[t.key] == t {
		delete(l.topics, t.key)
	}
}

// next takes the topic that is to be read next, if it is due; otherwise it returns when one will be.
func (l *live) next(slow bool, now time.Time) (t *topic, due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, other := range l.topics {
		if other.slow != slow || other.reading {
			continue
		}
		if at := other.due(); t == nil || at.Before(due) {
			t, due = other, at
		}
	}
	if t == nil || due.After(now) {
		return nil, due
	}
	t.reading, t.changed = true, false
	return t, due
}

// took gives back a topic that was read, and tells its streams what is new.
func (l *live) took(t *topic, state *topicState, text []byte, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.reading, t.readAt = false, began
	t.slow = time.Since(began) > slowTopic
	if state == nil {
		t.changed, t.changedAt = true, time.Now().Add(liveRetry)
		return
	}
	first := t.state == nil
	t.state = state
	if !first && text == nil {
		return
	}
	for s := range t.streams {
		s.push(event{topic: t, text: text}) // without a text it is the whole state
	}
}
