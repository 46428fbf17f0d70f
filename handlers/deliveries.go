package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// Deliveries is the delivery log of one stack.
func (h *Handlers) Deliveries(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	page := views.DeliveriesPage{Path: views.DeliveriesPath(stack.ID), Filter: logFilter(c.QueryParams())}
	if page.Webhooks, err = h.Store.Webhooks(c.Request().Context(), stack); err != nil {
		return err
	}
	page.Frame = h.stackFrame(c, stack, "Deliveries", "deliveries", "")
	return h.deliveryLog(c, page, &stack)
}

// AllDeliveries is the delivery log of all stacks that the viewer reads.
func (h *Handlers) AllDeliveries(c echo.Context) error {
	page := views.DeliveriesPage{Path: views.AllDeliveriesPath, Filter: logFilter(c.QueryParams())}
	var err error
	if page.Stacks, err = h.Store.Stacks(c.Request().Context(), Viewer(c)); err != nil {
		return err
	}
	page.Frame = h.frame(c, "Deliveries", "deliveries")
	return h.deliveryLog(c, page, nil)
}

// deliveryLog fills a page of a log and answers it. An id that was typed becomes the run or the delivery that has it,
// at an address of its own.
func (h *Handlers) deliveryLog(c echo.Context, page views.DeliveriesPage, stack *models.Stack) error {
	ctx := c.Request().Context()
	filter, invalid := parseLogFilter(page.Filter, stack, page.Stacks)
	if len(invalid) > 0 {
		page.Invalid = invalid
		return h.render(c, http.StatusUnprocessableEntity, views.Deliveries(page))
	}
	if page.Filter.Query != "" {
		found, err := h.findID(ctx, Viewer(c), filter, page.Filter)
		if err != nil {
			return err
		}
		return seeOther(c, page.Path+"?"+found.Values().Encode())
	}
	rows, err := h.Store.Deliveries(ctx, Viewer(c), filter, listPage(c))
	if err != nil {
		return err
	}
	page.Lines = deliveryLines(rows.Rows)
	page.Newer = neighbour(page.Path, page.Filter.Values(), "newer", rows.Newer)
	page.Older = neighbour(page.Path, page.Filter.Values(), "older", rows.Older)
	if listPage(c) == (store.Page{}) {
		if page.Charts, err = h.charts(c, page, store.TallyScope{Stack: filter.Stack, Webhook: filter.Webhook}); err != nil {
			return err
		}
	}
	if len(rows.Rows) == 0 && listPage(c) != (store.Page{}) {
		page.Newer = page.Path // whatever was there is gone; the page leads back to the newest
	}
	return h.render(c, http.StatusOK, views.Deliveries(page))
}

// charts are those above the first page of a log. They are of its stack and webhook, whatever else the filter narrows.
func (h *Handlers) charts(c echo.Context, page views.DeliveriesPage, of store.TallyScope) (*views.Charts, error) {
	span := models.SpanNamed(c.QueryParam("span"))
	tallies, err := h.Store.Tallies(c.Request().Context(), Viewer(c), of, span, page.Frame.Now)
	return &views.Charts{Path: page.Path, Filter: page.Filter.Values(), Span: span, Tallies: tallies}, err
}

// findID returns the filter with the typed id as a delivery's if there is such a delivery, else as a run's.
func (h *Handlers) findID(ctx context.Context, v models.Viewer, filter store.DeliveryFilter, shown views.LogFilter) (views.LogFilter, error) {
	id := normalID(shown.Query)
	found, err := h.Store.Deliveries(ctx, v, store.DeliveryFilter{Stack: filter.Stack, ID: id}, store.Page{Limit: 1})
	if err != nil {
		return shown, err
	}
	shown.Query, shown.Run, shown.ID = "", "", ""
	if len(found.Rows) == 1 {
		shown.ID = id
	} else {
		shown.Run = id
	}
	return shown, nil
}

// deliveryLines are rows of the store as a log shows them.
func deliveryLines(rows []store.DeliveryRow) []views.DeliveryLine {
	lines := make([]views.DeliveryLine, len(rows))
	for i, r := range rows {
		lines[i] = views.DeliveryLine{Delivery: r.Delivery, Endpoint: r.Endpoint, StackID: r.StackID, StackName: r.StackName}
	}
	return lines
}
