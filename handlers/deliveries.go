package handlers

import (
	"cmp"
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
	page := views.DeliveriesPage{Log: views.Log{Of: views.LogOfStack, Path: views.DeliveriesPath(stack.ID), StackID: stack.ID, StackName: stack.Name}}
	if page.Webhooks, err = h.Store.Webhooks(c.Request().Context(), stack); err != nil {
		return err
	}
	page.Frame = h.stackFrame(c, stack, "Deliveries", "deliveries", "")
	return h.deliveryLog(c, page, store.DeliveryFilter{Stack: &stack})
}

// AllDeliveries is the delivery log of all stacks that the viewer reads.
func (h *Handlers) AllDeliveries(c echo.Context) error {
	page := views.DeliveriesPage{Log: views.Log{Of: views.LogOfAll, Path: views.AllDeliveriesPath}}
	var err error
	if page.Stacks, err = h.Store.Stacks(c.Request().Context(), Viewer(c)); err != nil {
		return err
	}
	page.Frame = h.frame(c, "Deliveries", "deliveries")
	return h.deliveryLog(c, page, store.DeliveryFilter{})
}

// deliveryLog fills a page that is a log and answers it.
func (h *Handlers) deliveryLog(c echo.Context, page views.DeliveriesPage, of store.DeliveryFilter) error {
	page.Now = page.Frame.Now
	elsewhere, err := h.fillLog(c, &page.Log, of)
	switch {
	case err != nil:
		return err
	case elsewhere != "":
		return seeOther(c, elsewhere)
	case len(page.Invalid) > 0:
		return h.render(c, http.StatusUnprocessableEntity, views.Deliveries(page))
	}
	return h.render(c, http.StatusOK, views.Deliveries(page))
}

// fillLog fills a log of a stack, of a webhook or of everything, as the address narrows it. An id that was typed becomes that
// of the delivery or the run that has it, at an address of its own: elsewhere.
func (h *Handlers) fillLog(c echo.Context, log *views.Log, of store.DeliveryFilter) (elsewhere string, err error) {
	ctx, page := c.Request().Context(), listPage(c)
	log.Filter, log.Redelivers = logFilter(c.QueryParams()), Viewer(c).Administrator()
	if of.Webhook != "" {
		log.Filter.Webhook = "" // it is this one's
	}
	filter, invalid := parseLogFilter(log.Filter, of.Stack, log.Stacks, log.Now)
	if page.Older != "" && normalID(page.Older) == "" || page.Newer != "" && normalID(page.Newer) == "" {
		invalid.Add("page", "There is no such page. Start from the newest deliveries.")
	}
	if log.Invalid = invalid; len(invalid) > 0 {
		return "", nil
	}
	if log.Filter.Query != "" {
		found, err := h.findID(ctx, Viewer(c), filter.Stack, log.Filter)
		return views.WithQuery(log.Path, found.Values()), err
	}
	log.Filter.Webhook, log.Filter.Run, log.Filter.ID = filter.Webhook, filter.Run, filter.ID // as they are stored
	if log.Filter.Time == "" {
		log.Filter.From, log.Filter.To = views.FieldTimeOf(filter.From), views.FieldTimeOf(filter.To)
	}
	filter.Webhook = cmp.Or(of.Webhook, filter.Webhook)
	rows, err := h.Store.Deliveries(ctx, Viewer(c), filter, page)
	if err != nil {
		return "", err
	}
	log.Lines = deliveryLines(rows.Rows)
	turnPages(log, page, rows)
	if page == (store.Page{}) {
		err = h.fillCharts(c, log, store.TallyScope{Stack: filter.Stack, Webhook: filter.Webhook})
	}
	return "", err
}

// fillCharts fills those above the first page of a log. They are of its stack and webhook, whatever else narrows it.
func (h *Handlers) fillCharts(c echo.Context, log *views.Log, of store.TallyScope) error {
	span := models.SpanNamed(c.QueryParam("span"))
	tallies, err := h.Store.Tallies(c.Request().Context(), Viewer(c), of, span, log.Now)
	log.Charts = &views.Charts{Path: log.Path, Filter: log.Filter.Values(), Span: span, Tallies: tallies}
	return err
}

// turnPages sets the addresses of a log's neighbouring pages.
func turnPages(log *views.Log, page store.Page, rows store.Listing[store.DeliveryRow]) {
	values := log.Filter.Values()
	if len(rows.Rows) == 0 && page.Older != "" {
		rows.Newer = models.IDBefore(page.Older) // the cursor's own row was on the page before
	}
	log.Newer, log.Older = neighbour(log.Path, values, "newer", rows.Newer), neighbour(log.Path, values, "older", rows.Older)
	log.Beyond = len(rows.Rows) == 0 && page != (store.Page{})
	if rows.SearchedTo == "" {
		return
	}
	log.SearchedTo, log.Upwards = models.IDTime(rows.SearchedTo), page.Newer != ""
	if log.Upwards {
		log.Continue, log.Newer = log.Newer, ""
	} else {
		log.Continue, log.Older = log.Older, ""
	}
}

// findID returns the filter with the typed id as a delivery's, or as what one begins with, else as a run's.
func (h *Handlers) findID(ctx context.Context, v models.Viewer, stack *models.Stack, shown views.LogFilter) (views.LogFilter, error) {
	begin := idBegin(shown.Query)
	run := normalID(shown.Query)
	shown.Query, shown.Run, shown.ID = "", "", begin
	if run == "" {
		return shown, nil
	}
	found, err := h.Store.Deliveries(ctx, v, store.DeliveryFilter{Stack: stack, ID: run}, store.Page{Limit: 1})
	if len(found.Rows) == 0 {
		shown.Run, shown.ID = run, ""
	}
	return shown, err
}

// deliveryLines are rows of the store as a log shows them.
func deliveryLines(rows []store.DeliveryRow) []views.DeliveryLine {
	lines := make([]views.DeliveryLine, len(rows))
	for i, r := range rows {
		lines[i] = views.DeliveryLine{
			Delivery: r.Delivery, Endpoint: r.Endpoint, StackID: r.StackID, StackName: r.StackName,
			Disabled: !r.WebhookEnabled, CircuitOpen: !r.OpenUntil.IsZero(),
		}
	}
	return lines
}
