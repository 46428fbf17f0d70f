package handlers

import (
	"testing"
	"time"

	"stackhook/models/store"
)

func TestWhatTouchesATopic(t *testing.T) {
	t.Parallel()
	all, stack, webhook := topicSource{}, topicSource{stack: 1}, topicSource{stack: 1, webhook: "a"}
	for name, c := range map[string]struct {
		changes             store.Changes
		all, stack, webhook bool
	}{
		"nothing":                   {store.Changes{}, false, false, false},
		"access":                    {store.Changes{Access: true}, false, false, false},
		"everything":                {store.Changes{Everything: true}, true, true, true},
		"the webhook":               {store.Changes{Webhooks: map[string]int64{"a": 1}}, true, true, true},
		"another one of the stack":  {store.Changes{Webhooks: map[string]int64{"b": 1}}, true, true, false},
		"one of another stack":      {store.Changes{Webhooks: map[string]int64{"c": 2}}, true, false, false},
		"some, it among the others": {store.Changes{Webhooks: map[string]int64{"c": 2, "b": 1, "a": 1}}, true, true, true},
	} {
		for _, of := range []struct {
			topicSource
			want bool
		}{{all, c.all}, {stack, c.stack}, {webhook, c.webhook}} {
			if got := of.touched(c.changes); got != of.want {
				t.Errorf("%s touches %+v: %v", name, of.topicSource, got)
			}
		}
	}
}

// A topic is read at once when somebody comes, then at most twice a second, and now and then anyway.
func TestWhenATopicIsDue(t *testing.T) {
	t.Parallel()
	read := time.Date(2026, 10, 6, 14, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		topic topic
		want  time.Time
	}{
		{topic{}, time.Time{}},
		{topic{changed: true, changedAt: read}, time.Time{}},
		{topic{readAt: read}, read.Add(liveAgain)},
		{topic{readAt: read, changed: true, changedAt: read.Add(time.Millisecond)}, read.Add(liveEvery)},
		{topic{readAt: read, changed: true, changedAt: read.Add(time.Hour)}, read.Add(time.Hour + liveGather)},
	} {
		if got := c.topic.due(); !got.Equal(c.want) {
			t.Errorf("%+v is due at %v, not %v", c.topic, got, c.want)
		}
	}
}

// The topic that has waited longest is next, and none is read twice at once.
func TestWhichTopicIsNext(t *testing.T) {
	t.Parallel()
	now := time.Now()
	first, second := &topic{readAt: now.Add(-liveAgain - 2)}, &topic{readAt: now.Add(-liveAgain - 1)}
	slow, later := &topic{slow: true}, &topic{readAt: now}
	l := live{topics: map[topicKey]*topic{{name: "a"}: second, {name: "b"}: first, {name: "c"}: slow, {name: "d"}: later}}
	for i, want := range []*topic{first, second, nil} {
		if got, due := l.next(false, now); got != want || want == nil && !due.Equal(now.Add(liveAgain)) {
			t.Errorf("number %d is %+v, due %v", i, got, due)
		}
	}
	if got, _ := l.next(true, now); got != slow {
		t.Errorf("the slow one is %+v", got)
	}
}

// Nobody waits for a browser that does not keep up: its stream ends.
func TestASlowBrowserIsLetGo(t *testing.T) {
	t.Parallel()
	s := &stream{events: make(chan event, 2), behind: make(chan struct{})}
	for i := range 4 {
		select {
		case <-s.behind:
			if i < 3 {
				t.Fatalf("let go after %d events", i)
			}
		default:
			if i == 3 {
				t.Error("it is not let go")
			}
		}
		s.push(event{})
	}
}
