package handlers

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// Stacks lists the stacks that the viewer may read, those that need attention first; ?q= finds some of them.
func (h *Handlers) Stacks(c echo.Context) error {
	ctx, v := c.Request().Context(), Viewer(c)
	summaries, err := h.Store.StackSummaries(ctx, v)
	if err != nil {
		return err
	}
	page := views.StacksPage{
		Frame: h.frame(c, "Stacks", "stacks"), Find: strings.TrimSpace(c.QueryParam("q")), Administers: v.Administrator(),
	}
	for _, s := range summaries {
		if findsStack(s.Stack, page.Find) {
			page.Stacks = append(page.Stacks, stackLine(s))
		}
	}
	slices.SortStableFunc(page.Stacks, byNeed)
	if page.Administers {
		if page.Failing, err = h.longFailing(ctx, summaries, page.Frame.Now); err != nil {
			return err
		}
	}
	return h.render(c, http.StatusOK, views.Stacks(page))
}

// findsStack reports whether a stack's name, id or one of its labels contains what is searched for.
func findsStack(s models.Stack, find string) bool {
	find = strings.ToLower(find)
	for _, text := range append([]string{s.Name, s.ID}, s.Labels...) {
		if strings.Contains(strings.ToLower(text), find) {
			return true
		}
	}
	return false
}

func stackLine(s store.StackSummary) views.StackLine {
	line := views.StackLine{Stack: s.Stack, Last: s.Last, Run: s.Run}
	t := &line.Webhooks
	t.All = len(s.Webhooks)
	for _, w := range s.Webhooks {
		switch {
		case !w.Enabled:
			t.Disabled++
		case !w.FailingSince.IsZero():
			t.Failing++
			if t.FailingSince.IsZero() || w.FailingSince.Before(t.FailingSince) {
				t.FailingSince = w.FailingSince
			}
		case !w.LastDeliveredAt.IsZero():
			t.Answered++
		}
	}
	return line
}

// byNeed puts stacks with failing webhooks first, then those that ran last.
func byNeed(a, b views.StackLine) int {
	return cmp.Or(
		cmp.Compare(min(b.Webhooks.Failing, 1), min(a.Webhooks.Failing, 1)),
		cmp.Compare(lastRunAt(b), lastRunAt(a)),
	)
}

func lastRunAt(l views.StackLine) int64 {
	if l.Run == nil {
		return 0
	}
	return l.Run.StateAt
}

// longFailure is after how long a failing webhook is shown to administrators above everything else: a day, so that what
// mends itself over night does not alarm anybody.
const longFailure = 24 * time.Hour

// longFailing returns the webhooks that have been failing for so long, the longest first.
func (h *Handlers) longFailing(ctx context.Context, summaries []store.StackSummary, now time.Time) ([]views.FailingWebhook, error) {
	var failing []views.FailingWebhook
	for _, s := range summaries {
		for _, w := range s.Webhooks {
			if !w.Enabled || w.FailingSince.IsZero() || now.Sub(w.FailingSince) < longFailure {
				continue
			}
			f := views.FailingWebhook{
				StackID: s.Stack.ID, StackName: s.Stack.Name, WebhookID: w.ID, Host: w.EndpointHost, Since: w.FailingSince,
			}
			health, err := h.Store.WebhookHealth(ctx, w)
			if err != nil {
				return nil, err
			}
			if health.LastFailure != nil {
				f.Reason, f.Code = health.LastFailure.Reason, health.LastFailure.Code
			}
			failing = append(failing, f)
		}
	}
	slices.SortStableFunc(failing, func(a, b views.FailingWebhook) int { return a.Since.Compare(b.Since) })
	return failing, nil
}

// NewStack shows the form that adds a stack.
func (h *Handlers) NewStack(c echo.Context) error {
	return h.NewStackForm(c, url.Values{}, nil, http.StatusOK)
}

// NewStackForm shows that form with what was typed and what is wrong with it.
func (h *Handlers) NewStackForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	return h.render(c, status, views.NewStack(views.NewStackPage{Frame: h.frame(c, "New stack", "stacks"), Form: stackForm(values, bad)}))
}

// CreateStack adds a stack. Without an id it makes one from the name.
func (h *Handlers) CreateStack(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	stack := typedStack(values)
	if stack.ID == "" {
		stack.ID = models.Slug(stack.Name)
	}
	stack, err = h.Store.CreateStack(c.Request().Context(), actor(c), stack)
	if err != nil {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		return h.NewStackForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	h.Flash(c, "Saved. Add a webhook here, then let a pipeline report runs with a token.")
	return seeOther(c, views.IntegrationsPath(stack.ID))
}

// typedStack is the stack that a form describes.
func typedStack(values url.Values) models.Stack {
	return models.Stack{
		ID: strings.TrimSpace(values.Get("id")), Name: strings.TrimSpace(values.Get("name")),
		Description: strings.TrimSpace(values.Get("description")), Labels: models.ParseLabels(values.Get("labels")),
	}
}

func stackForm(values url.Values, bad models.Invalid) views.StackForm {
	return views.StackForm{
		ID: typed(values, "id"), Name: typed(values, "name"), Description: typed(values, "description"), Labels: typed(values, "labels"), Bad: bad,
	}
}
