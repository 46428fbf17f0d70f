package handlers

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	if err := h.explain(ctx, page.Frame.Failing.Webhooks); err != nil {
		return err
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

// explain adds why each of the failing webhooks fails, as far as a banner names them.
func (h *Handlers) explain(ctx context.Context, failing []views.FailingWebhook) error {
	for i := range min(len(failing), views.FailingNamed) {
		health, err := h.Store.WebhookHealth(ctx, models.Webhook{ID: failing[i].WebhookID, Enabled: true})
		if err != nil {
			return err
		}
		if last := health.LastFailure; last != nil {
			failing[i].Reason, failing[i].Code = last.Reason, last.Code
		}
	}
	return nil
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
