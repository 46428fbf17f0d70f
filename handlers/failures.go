package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// Failures is what went wrong in the deliveries of one stack.
func (h *Handlers) Failures(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	return h.failures(c, views.FailuresPage{
		Path: views.FailuresPath(stack.ID), Log: views.DeliveriesPath(stack.ID),
		Frame: h.stackFrame(c, stack, "Failures", "deliveries", ""),
	}, &stack)
}

// AllFailures is what went wrong in the deliveries of all stacks that the viewer reads.
func (h *Handlers) AllFailures(c echo.Context) error {
	return h.failures(c, views.FailuresPage{
		Path: views.AllFailuresPath, Log: views.AllDeliveriesPath, Frame: h.frame(c, "Failures", "deliveries"),
	}, nil)
}

func (h *Handlers) failures(c echo.Context, page views.FailuresPage, stack *models.Stack) error {
	page.Within = views.FailureRanges()[0].Long
	for _, r := range views.FailureRanges() {
		if r.Name == c.QueryParam("within") {
			page.Within = r.Long
		}
	}
	found, err := h.Store.Failures(c.Request().Context(), Viewer(c), stack, time.Now().Add(-page.Within))
	if err != nil {
		return err
	}
	page.More, page.Back, page.Any = found.More, found.Back, found.Any
	for _, g := range found.Groups {
		page.Groups = append(page.Groups, views.FailureGroup{
			Webhook: g.WebhookID, Endpoint: g.Endpoint, StackID: g.StackID, StackName: g.StackName, Reason: g.Reason, Code: g.Code,
			Count: g.Count, First: g.FirstAt, Last: g.LastAt, Newest: g.Newest,
		})
	}
	return h.render(c, http.StatusOK, views.Failures(page))
}
