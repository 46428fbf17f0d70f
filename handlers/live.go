package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
)

const (
	// liveBeat is how often a stream says that it is there, and whether its viewer still may have it is looked at.
	liveBeat = 15 * time.Second
	// livePatience is how long a browser may take for what it is sent.
	livePatience = 20 * time.Second
)

// stream is the connection of a browser that shows pages as they change.
type stream struct {
	session string
	names   []string
	topics  map[string]*topic // by name, those that the viewer reads
	events  chan event
	behind  chan struct{} // closed once an event found no place
	check   chan struct{} // holds a wish to look at the viewer's access again
	version int64         // of the access that was looked at
}

// event is what a topic has for a stream. Without a text it is the whole state.
type event struct {
	topic *topic
	text  []byte
}

// push never waits: the hub holds its lock.
func (s *stream) push(e event) {
	select {
	case <-s.behind:
	case s.events <- e:
	default:
		close(s.behind)
	}
}

func (s *stream) recheck() {
	select {
	case s.check <- struct{}{}:
	default:
	}
}

// Live sends what changes on pages, named by their addresses, as server-sent events. It ends with the session, with the
// server, and when the browser does not keep up; the browser then comes back, and is sent everything.
func (h *Handlers) Live(c echo.Context) error {
	err := h.stream(c)
	status := Status(err)
	if err == nil || c.Response().Committed || status == http.StatusInternalServerError {
		return err
	}
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set(echo.HeaderRetryAfter, "5")
	}
	return c.String(status, cmp.Or(Detail(err), http.StatusText(status))+"\n") // and no page: that would take the person's notices
}

func (h *Handlers) stream(c echo.Context) error {
	v, names := Viewer(c), slices.Compact(slices.Sorted(slices.Values(c.QueryParams()["topic"])))
	switch {
	case v.User == nil:
		return models.ErrUnauthorized
	case len(names) == 0:
		return &Problem{Status: http.StatusBadRequest, Detail: "Name the pages to follow: /live?topic=/deliveries."}
	case len(names) > maxStreamTopics:
		return &Problem{Status: http.StatusBadRequest, Detail: "These are more pages than one stream follows, which is 20."}
	}
	s := &stream{
		session: v.Session, names: names, topics: map[string]*topic{}, events: make(chan event, maxWaiting),
		behind: make(chan struct{}), check: make(chan struct{}, 1), version: h.Store.AccessVersion(),
	}
	sources, err := h.liveSources(c.Request().Context(), v, names)
	if err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
	}
	if err := h.live.enter(h, s); err != nil {
		return err
	}
	defer h.live.leave(s)
	return h.follow(c, s, sources)
}

// liveSources returns what the names mean to the viewer, without those that mean nothing; an error if none does.
func (h *Handlers) liveSources(ctx context.Context, v models.Viewer, names []string) (map[string]topicSource, error) {
	sources := map[string]topicSource{}
	for _, name := range names {
		source, err := h.topicSource(ctx, v, name)
		switch {
		case err == nil:
			sources[name] = source
		case !errors.Is(err, models.ErrNotFound):
			return nil, err
		}
	}
	if len(sources) == 0 {
		return nil, models.ErrNotFound
	}
	return sources, nil
}

// follow sends events until something ends the stream.
func (h *Handlers) follow(c echo.Context, s *stream, sources map[string]topicSource) error {
	ctx := c.Request().Context()
	out, err := newLiveWriter(c)
	if err != nil {
		return err
	}
	err = out.write(s.meet(&h.live, sources))
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-ending(ctx):
			return nil
		case <-s.behind:
			return nil
		case e := <-s.events:
			err = h.send(ctx, s, out, e)
		case <-s.check:
			err = h.recheck(ctx, s, out)
		case <-beat.C:
			if err = h.recheck(ctx, s, out); err == nil {
				err = out.write([]byte(": still here\n\n"))
			}
		}
	}
	if errors.Is(err, errStreamOver) || errors.Is(err, context.Canceled) || errors.Is(err, models.ErrUnavailable) {
		return nil
	}
	return err
}

// errStreamOver says that the stream has ended in good order.
var errStreamOver = errors.New("the stream is over")

// send sends an event, if the viewer still may have it: nothing is sent after it was taken from them.
func (h *Handlers) send(ctx context.Context, s *stream, out *liveWriter, e event) error {
	if h.Store.AccessVersion() != s.version {
		if err := h.recheck(ctx, s, out); err != nil {
			return err
		}
	}
	if s.topics[e.topic.key.name] != e.topic {
		return nil // it was left meanwhile
	}
	text := e.text
	if text == nil {
		var err error
		if text, err = h.live.stateOf(e.topic).whole(); err != nil {
			return err
		}
	}
	return out.write(text)
}

// stateOf is what a topic shows now.
func (l *live) stateOf(t *topic) *topicState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return t.state
}

// recheck looks at what the viewer may read now.
func (h *Handlers) recheck(ctx context.Context, s *stream, out *liveWriter) error {
	s.version = h.Store.AccessVersion() // before it is read
	v, err := h.Holder(ctx, s.session)
	if errors.Is(err, models.ErrNotFound) {
		return errStreamOver
	}
	if err != nil {
		return err
	}
	sources, err := h.liveSources(ctx, v, s.names)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return err
	}
	return out.write(s.meet(&h.live, sources))
}

// meet makes the stream follow these topics and no others. It returns what tells the browser of those that it cannot have.
func (s *stream) meet(l *live, sources map[string]topicSource) (gone []byte) {
	for _, name := range s.names {
		source, has := sources[name]
		t := s.topics[name]
		if t != nil && has && t.key == source.key {
			continue
		}
		if t != nil {
			delete(s.topics, name)
			l.drop(s, t)
		}
		if has {
			s.topics[name] = l.join(s, source)
			continue
		}
		text, err := eventText("gone", liveEvent{Topic: name})
		if err != nil {
			panic("handlers: a name that is no JSON: " + err.Error()) // it is a text
		}
		gone = append(gone, text...)
	}
	return gone
}
