package handlers

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"stackhook/models"
)

// topicReader reads topics, one at a time, the one first that has waited longest.
type topicReader struct {
	live  *live
	log   *slog.Logger
	slow  bool // it reads the slow ones
	pause time.Duration
	nudge chan struct{}
}

func newTopicReader(l *live, log *slog.Logger, slow bool, pause time.Duration) *topicReader {
	return &topicReader{live: l, log: log, slow: slow, pause: pause, nudge: make(chan struct{}, 1)}
}

// wake has it look for what is due.
func (r *topicReader) wake() {
	select {
	case r.nudge <- struct{}{}:
	default:
	}
}

// run reads until ctx ends.
func (r *topicReader) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		t, due := r.live.next(r.slow, now)
		switch {
		case t != nil:
			r.read(ctx, t)
			if !r.slow && now.Sub(due) > lateTopic {
				continue
			}
			timer.Reset(r.pause * time.Since(now))
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			continue
		case due.IsZero():
			timer.Reset(liveAgain)
		default:
			timer.Reset(due.Sub(now))
		}
		select {
		case <-ctx.Done():
		case <-r.nudge:
		case <-timer.C:
		}
	}
}

// read reads one topic. What cannot be read is tried again: a page that was there may be gone, and its streams find that
// out themselves.
func (r *topicReader) read(ctx context.Context, t *topic) {
	began := time.Now()
	last := t.state // which only this goroutine replaces
	state, err := t.read(ctx, last)
	var text []byte
	if err == nil {
		state.complete(t.key.name)
		if last != nil {
			text, err = state.diff(t.key.name, last)
		}
	}
	if err != nil {
		state = nil
		if !errors.Is(err, models.ErrNotFound) && !errors.Is(err, models.ErrUnavailable) && ctx.Err() == nil {
			r.log.Warn("a live page cannot be read", "error", err)
		}
	}
	r.live.took(t, state, text, began)
}
