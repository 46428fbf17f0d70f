package handlers

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// A topic is a page that is shown as it changes, named by its own address: a log without a cursor, with its filter; one
// delivery; one run; a stack's runs, while there is none. All streams of a topic whose viewers may read the same get the same bytes.

// maxTopicName is more than any page's address has.
const maxTopicName = 1000

// topicKey is what streams share.
type topicKey struct {
	name   string
	access string // what the viewers may read of it
}

// topicSource is where the state of a topic is read.
type topicSource struct {
	key     topicKey
	stack   int64  // 0 for all
	webhook string // "" for all
	read    func(ctx context.Context, last *topicState) (*topicState, error)
}

// touched reports whether changes are of what the topic shows.
func (s topicSource) touched(c store.Changes) bool {
	if c.Everything || s.stack == 0 && len(c.Webhooks) > 0 {
		return true
	}
	if s.webhook != "" {
		_, changed := c.Webhooks[s.webhook]
		return changed
	}
	for _, stack := range c.Webhooks {
		if stack == s.stack {
			return true
		}
	}
	return false
}

// topicSource finds what a name means to a viewer. What they may not read is not found.
func (h *Handlers) topicSource(ctx context.Context, v models.Viewer, name string) (topicSource, error) {
	source := topicSource{key: topicKey{name: name}}
	u, err := url.Parse(name)
	if err != nil || len(name) > maxTopicName {
		return source, models.ErrNotFound
	}
	if u.Path == views.AllDeliveriesPath {
		source.key.access = accessToAll(v)
		return source, h.logSource(ctx, &source, v, u.Query(), logTopic{of: views.LogOfAll})
	}
	rest, is := strings.CutPrefix(u.Path, views.StacksPath+"/")
	id, page, _ := strings.Cut(rest, "/")
	if !is || id == "" {
		return source, models.ErrNotFound
	}
	stack, err := h.Store.Stack(ctx, v, id)
	if err == nil && !v.Reads(stack.Key) {
		err = models.ErrNotFound
	}
	if err != nil {
		return source, err
	}
	source.stack, source.key.access = stack.Key, fmt.Sprintf("%d %t", stack.Key, v.Administers(stack.Key))
	return source, h.stackSource(ctx, &source, v, stack, page, u.Query())
}

// stackSource finds a page of a stack.
func (h *Handlers) stackSource(ctx context.Context, source *topicSource, v models.Viewer, stack models.Stack, page string, query url.Values) error {
	kind, id, _ := strings.Cut(page, "/")
	webhook, isWebhook := strings.CutPrefix(page, "settings/integrations/webhooks/")
	switch {
	case page == "":
		source.read = h.firstRunSource(stack)
		return nil
	case page == "deliveries":
		return h.logSource(ctx, source, v, query, logTopic{stack: &stack, of: views.LogOfStack})
	case isWebhook:
		w, err := h.Store.Webhook(ctx, stack, webhook)
		if err != nil {
			return err
		}
		source.webhook = w.ID
		return h.logSource(ctx, source, v, query, logTopic{stack: &stack, webhook: w.ID, of: views.LogOfWebhook})
	case kind == "deliveries":
		d, err := h.Store.Delivery(ctx, stack, id)
		source.webhook = d.WebhookID
		source.read = h.deliverySource(stack, id)
		return err
	case kind == "runs":
		_, err := h.Store.Run(ctx, stack, id)
		source.read = h.runSource(stack, id)
		return err
	}
	return models.ErrNotFound
}

// accessToAll says which stacks a viewer reads.
func accessToAll(v models.Viewer) string {
	if v.AllStacks() {
		return fmt.Sprintf("all %t", v.Administrator())
	}
	grants := slices.Clone(v.Grants)
	slices.Sort(grants)
	return fmt.Sprint(grants)
}

// deliverySource and runSource read no more than whether the page has changed: it is loaded again then.
func (h *Handlers) deliverySource(stack models.Stack, id string) func(context.Context, *topicState) (*topicState, error) {
	return func(ctx context.Context, _ *topicState) (*topicState, error) {
		d, err := h.Store.Delivery(ctx, stack, id)
		if err != nil {
			return nil, err
		}
		w, err := h.Store.Webhook(ctx, stack, d.WebhookID)
		return &topicState{version: deliveryVersion(d, w)}, err
	}
}

// firstRunSource reads whether there is a run: until then a stack's page is another one.
func (h *Handlers) firstRunSource(stack models.Stack) func(context.Context, *topicState) (*topicState, error) {
	return func(ctx context.Context, _ *topicState) (*topicState, error) {
		runs, err := h.Store.Runs(ctx, stack, store.Page{Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(runs.Rows) > 0 {
			return &topicState{version: views.HasRunsVersion}, nil
		}
		return &topicState{version: views.NoRunsVersion}, nil
	}
}

func (h *Handlers) runSource(stack models.Stack, id string) func(context.Context, *topicState) (*topicState, error) {
	return func(ctx context.Context, _ *topicState) (*topicState, error) {
		run, err := h.Store.Run(ctx, stack, id)
		if err != nil {
			return nil, err
		}
		webhooks, err := h.Store.RunWebhooks(ctx, run)
		if err != nil {
			return nil, err
		}
		deliveries, err := h.Store.RunDeliveries(ctx, run)
		return &topicState{version: runVersion(run, webhooks, deliveries)}, err
	}
}

// deliveryVersion is another one when the delivery's page would be.
func deliveryVersion(d models.Delivery, w models.Webhook) string {
	return version(d, webhookParts(w))
}

// runVersion is another one when the run's page would be.
func runVersion(run models.Run, webhooks []models.Webhook, deliveries []models.Delivery) string {
	parts := []any{run.State, run.StateVersion, run.Delta}
	for _, w := range webhooks {
		parts = append(parts, webhookParts(w))
	}
	for _, d := range deliveries {
		parts = append(parts, d.ID, d.Status, d.Attempt, d.Reason, d.FirstDelivered)
	}
	return version(parts...)
}

// webhookParts are what those pages tell of a webhook.
func webhookParts(w models.Webhook) []any {
	return []any{w.Endpoint, w.Enabled, w.OpenUntil, w.FailingSince, w.DeletedAt}
}

func version(parts ...any) string {
	sum := fnv.New64a()
	for _, part := range parts {
		if t, is := part.(*models.Delta); is && t != nil {
			part = *t
		}
		fmt.Fprintf(sum, "%v\n", part)
	}
	return fmt.Sprintf("%x", sum.Sum64())
}

// logTopic is a log as a topic.
type logTopic struct {
	stack   *models.Stack
	webhook string
	of      views.LogOf
	cache   *rowCache
	viewer  models.Viewer
	shown   views.LogFilter
	stacks  []models.Stack
}

// logSource finds a log. One whose filter is not understood is not found; nor is what is not the newest page of one.
func (h *Handlers) logSource(ctx context.Context, source *topicSource, v models.Viewer, query url.Values, t logTopic) error {
	t.viewer, t.shown, t.cache = v, logFilter(query), &h.live.rows
	if t.shown.Query != "" || query.Has("older") || query.Has("newer") {
		return models.ErrNotFound
	}
	if t.shown.Stack != "" && t.stack == nil {
		stacks, err := h.Store.Stacks(ctx, v)
		if err != nil {
			return err
		}
		t.stacks = stacks
	}
	filter, bad := parseLogFilter(t.shown, t.stack, t.stacks, time.Now())
	if len(bad) > 0 {
		return models.ErrNotFound
	}
	if filter.Stack != nil {
		source.stack = filter.Stack.Key
	}
	source.webhook = cmp.Or(source.webhook, filter.Webhook)
	source.read = func(ctx context.Context, last *topicState) (*topicState, error) { return h.readLog(ctx, t, last) }
	return nil
}
