package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// Runs lists the runs of a stack, newest first.
func (h *Handlers) Runs(c echo.Context) error { return h.runs(c, "") }

// CreateStackToken makes a token with which a pipeline reports the runs of a stack. It answers with the stack's page, which
// shows the token's text.
func (h *Handlers) CreateStackToken(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	text, _, err := h.Store.CreateToken(c.Request().Context(), actor(c), models.Token{
		Name: stack.Name, Scope: models.ScopeReport, StackKey: stack.Key,
	})
	if err != nil {
		return err
	}
	return h.runs(c, text)
}

// runs shows a page of runs, or how to get the first one; token is the text of one that was just made, or "".
func (h *Handlers) runs(c echo.Context, token string) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	runs, err := h.Store.Runs(ctx, stack, listPage(c))
	if err != nil {
		return err
	}
	tallies, err := h.Store.RunTallies(ctx, runs.Rows)
	if err != nil {
		return err
	}
	path := views.StackPath(stack.ID)
	page := views.RunsPage{
		Frame: h.stackFrame(c, stack, "Runs", "runs", ""), Stack: stack.ID, First: views.FirstRun{Stack: stack, Token: token},
		Newer: neighbour(path, nil, "newer", runs.Newer), Older: neighbour(path, nil, "older", runs.Older),
	}
	for _, r := range runs.Rows {
		page.Lines = append(page.Lines, views.RunLine{Run: r, Tally: tallies[r.Key]})
	}
	switch {
	case len(runs.Rows) > 0:
	case listPage(c) != (store.Page{}):
		page.Newer = path // whatever was there is gone; the page leads back to the newest
	default:
		if page.First, err = h.firstRun(c, stack, token); err != nil {
			return err
		}
	}
	return h.render(c, http.StatusOK, views.Runs(page))
}

// firstRun is what a stack without runs shows.
func (h *Handlers) firstRun(c echo.Context, stack models.Stack, token string) (views.FirstRun, error) {
	first := views.FirstRun{Stack: stack, Address: h.address(), Token: token, Administers: Viewer(c).Administers(stack.Key)}
	if first.Administers {
		return first, nil
	}
	access, err := h.Store.StackAccess(c.Request().Context(), stack)
	for _, a := range access {
		if a.User.Role == models.Administrator && a.User.Active {
			first.Ask = append(first.Ask, a.User)
		}
	}
	return first, err
}

// ShowRun is one run: its states and who got them.
func (h *Handlers) ShowRun(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	run, err := h.Store.Run(ctx, stack, c.Param("run"))
	if err != nil {
		return notKept("run", err)
	}
	events, err := h.Store.Events(ctx, run)
	if err != nil {
		return err
	}
	webhooks, err := h.Store.RunWebhooks(ctx, run)
	if err != nil {
		return err
	}
	deliveries, err := h.Store.RunDeliveries(ctx, run)
	if err != nil {
		return err
	}
	return h.render(c, http.StatusOK, views.Run(views.RunPage{
		Version: runVersion(run, webhooks, deliveries),
		Frame:   h.stackFrame(c, stack, views.RunTitle(run), "runs", ""), Stack: stack.ID, Run: run,
		Grid: views.NewRunGrid(events, webhooks, deliveries),
	}))
}
