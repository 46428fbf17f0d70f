package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/models/store"
	"stackhook/views"
)

// Runs lists the runs of a stack, newest first.
func (h *Handlers) Runs(c echo.Context) error {
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
		Frame: h.stackFrame(c, stack, "Runs", "runs", ""), Stack: stack.ID,
		Newer: neighbour(path, nil, "newer", runs.Newer), Older: neighbour(path, nil, "older", runs.Older),
	}
	if len(runs.Rows) == 0 && listPage(c) != (store.Page{}) {
		page.Newer = path // whatever was there is gone; the page leads back to the newest
	}
	for _, r := range runs.Rows {
		page.Lines = append(page.Lines, views.RunLine{Run: r, Tally: tallies[r.Key]})
	}
	return h.render(c, http.StatusOK, views.Runs(page))
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
