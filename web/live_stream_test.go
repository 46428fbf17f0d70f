package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stackhook/web/webtest"
)

// livePatience bounds the waiting for what takes milliseconds.
const livePatience = 30 * time.Second

// liveStream is a stream as a program reads it.
type liveStream struct {
	t      *testing.T
	events chan liveEvent // closed when the stream ends
	end    func()
}

type liveEvent struct {
	kind, raw string
	Topic     string
	Version   string
	Whole     bool
	Rows      []liveRow
}

type liveRow struct {
	ID     string
	Listed bool
	HTML   string
}

// listen opens a stream of topics.
func listen(t *testing.T, b *webtest.Browser, topics ...string) *liveStream {
	t.Helper()
	answer, end := openStream(t, b, topics...)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s: %s", answer.Status, text)
	}
	s := &liveStream{t: t, events: make(chan liveEvent, 100), end: end}
	go s.read(answer.Body)
	return s
}

func openStream(t *testing.T, b *webtest.Browser, topics ...string) (*http.Response, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := b.Request(http.MethodGet, "/live?"+url.Values{"topic": topics}.Encode(), nil).WithContext(ctx)
	answer, err := b.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	end := func() {
		cancel()
		answer.Body.Close()
	}
	t.Cleanup(end)
	return answer, end
}

func (s *liveStream) read(body io.Reader) {
	defer close(s.events)
	var e liveEvent
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			e = liveEvent{kind: value}
		case "data":
			e.raw = value
			json.Unmarshal([]byte(value), &e)
			s.events <- e
		}
	}
}

// next is the next event; none when the stream has ended.
func (s *liveStream) next() (e liveEvent, more bool) {
	s.t.Helper()
	select {
	case e, more = <-s.events:
		return e, more
	case <-time.After(livePatience):
		s.t.Fatal("nothing comes")
		return e, false
	}
}

// until waits for an event, and returns what came up to then.
func (s *liveStream) until(what string, is func(liveEvent) bool) (came []liveEvent) {
	s.t.Helper()
	for {
		e, more := s.next()
		if !more {
			s.t.Fatalf("the stream ended before %s; it had %v", what, came)
		}
		if came = append(came, e); is(e) {
			return came
		}
	}
}

// ended waits for the end.
func (s *liveStream) ended() (came []liveEvent) {
	s.t.Helper()
	for {
		e, more := s.next()
		if !more {
			return came
		}
		came = append(came, e)
	}
}

func (e liveEvent) has(delivery, text string) bool {
	for _, r := range e.Rows {
		if r.ID == delivery && strings.Contains(r.HTML, text) {
			return true
		}
	}
	return false
}
