package handlers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// topicState is what a topic showed when it was last read. It does not change.
type topicState struct {
	version string // of a page that is loaded again when it changes; "" for a log

	log  logTopic
	rows []store.DeliveryRow // of a log's newest page
	// trail are rows that left the page with more to come: newer ones pushed them out, or they do not match the filter any
	// more. Somebody may still look at them.
	trail []store.DeliveryRow

	news  []liveRow // what is not as in the state before
	whole func() ([]byte, error)
}

// trailMost bounds the trail.
const trailMost = 100

// readLog reads the newest page of a log.
func (h *Handlers) readLog(ctx context.Context, t logTopic, last *topicState) (*topicState, error) {
	filter, bad := parseLogFilter(t.shown, t.stack, t.stacks, time.Now())
	if err := bad.Err(); err != nil {
		return nil, err
	}
	filter.Webhook = cmp.Or(t.webhook, filter.Webhook)
	page, err := h.Store.Deliveries(ctx, t.viewer, filter, store.Page{})
	if err != nil {
		return nil, err
	}
	state := &topicState{log: t, rows: page.Rows}
	if last == nil {
		return state, nil
	}
	known := map[string]store.DeliveryRow{}
	for _, r := range slices.Concat(last.rows, last.trail) {
		known[r.ID] = r
	}
	for _, r := range state.rows {
		if before, is := known[r.ID]; !is || before != r {
			state.news = append(state.news, liveRow{r, true})
		}
		delete(known, r.ID)
	}
	return state, h.readTrail(ctx, state, known)
}

// readTrail reads again what left the page. What has ended does not change by itself, and is left.
func (h *Handlers) readTrail(ctx context.Context, state *topicState, gone map[string]store.DeliveryRow) error {
	var ids []string
	for id, r := range gone {
		filtered := len(state.rows) > 0 && id > state.rows[len(state.rows)-1].ID || len(state.rows) < store.PageSize
		if r.Status == models.Pending || filtered {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	ids = ids[max(0, len(ids)-trailMost):]
	rows, err := h.Store.DeliveriesNamed(ctx, state.log.viewer, ids)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if gone[r.ID] != r {
			state.news = append(state.news, liveRow{r, false})
		}
		if r.Status == models.Pending {
			state.trail = append(state.trail, r)
		}
	}
	return nil
}

// liveRow is a row of a log for pages that show it. One that is not listed is not on the newest page: it matters only to
// those that have it.
type liveRow struct {
	store.DeliveryRow
	listed bool
}

// complete adds what makes the whole state, once, for all who come while it lasts.
func (s *topicState) complete(name string) {
	s.whole = sync.OnceValues(func() ([]byte, error) {
		rows := make([]liveRow, len(s.rows))
		for i, r := range s.rows {
			rows[i] = liveRow{r, true}
		}
		return s.event(name, rows, true)
	})
}

// diff is the event that brings a page from the state before to this one; nil if there is nothing to bring.
func (s *topicState) diff(name string, last *topicState) ([]byte, error) {
	if s.version != "" {
		if s.version == last.version {
			return nil, nil
		}
		return s.event(name, nil, true)
	}
	if len(s.news) == 0 {
		return nil, nil
	}
	return s.event(name, s.news, false)
}

// liveEvent is what a page is told. Rows are newest first, as HTML.
type liveEvent struct {
	Topic   string         `json:"topic"`
	Version string         `json:"version,omitempty"`
	Whole   bool           `json:"whole,omitempty"`
	Rows    []liveEventRow `json:"rows,omitempty"`
}

type liveEventRow struct {
	ID     string `json:"id"`
	Listed bool   `json:"listed,omitempty"`
	HTML   string `json:"html"`
}

// event is the state, or what is new of it, as it goes over the wire.
func (s *topicState) event(name string, rows []liveRow, whole bool) ([]byte, error) {
	e := liveEvent{Topic: name, Version: s.version, Whole: whole}
	now := time.Now()
	for _, r := range rows {
		html, err := s.log.cache.render(cachedRow{r.DeliveryRow, s.log.of, s.log.viewer.Administrator()}, now)
		if err != nil {
			return nil, err
		}
		e.Rows = append(e.Rows, liveEventRow{r.ID, r.listed, html})
	}
	return eventText("state", e)
}

// rowCache keeps rows as HTML for a moment: many logs show the same ones, and making them takes longer than reading them.
type rowCache struct {
	mu    sync.Mutex
	since time.Time
	rows  map[cachedRow]string
}

// cachedRow is a row in one kind of log.
type cachedRow struct {
	row   store.DeliveryRow
	of    views.LogOf
	boxes bool // for whoever may send it again
}

const (
	// rowsFor is short beside what words of time are exact to.
	rowsFor  = time.Second
	rowsMost = 1000
)

func (c *rowCache) render(r cachedRow, now time.Time) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.since) > rowsFor || len(c.rows) >= rowsMost {
		c.rows, c.since = map[cachedRow]string{}, now
	}
	if html, has := c.rows[r]; has {
		return html, nil
	}
	var html strings.Builder
	line := deliveryLines([]store.DeliveryRow{r.row})[0]
	err := views.DeliveryRow(line, r.of != views.LogOfWebhook, r.of == views.LogOfAll, r.boxes, now).Render(context.Background(), &html)
	c.rows[r] = html.String()
	return html.String(), err
}

// eventText is an event of a stream. JSON has no line breaks, so it is one line.
func eventText(kind string, e liveEvent) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "event: %s\ndata: ", kind)
	text := json.NewEncoder(&out)
	text.SetEscapeHTML(false)
	if err := text.Encode(e); err != nil { // with a line break after it
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
