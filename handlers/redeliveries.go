package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// Redeliveries lists redeliveries of many deliveries.
func (h *Handlers) Redeliveries(c echo.Context) error {
	page := listPage(c)
	found, err := h.Store.Redeliveries(c.Request().Context(), nil, page)
	if err != nil {
		return err
	}
	shown := views.RedeliveriesPage{
		Frame: h.frame(c, "Redeliveries", "deliveries"),
		Newer: neighbour(views.RedeliveriesPath, nil, "newer", found.Newer), Older: neighbour(views.RedeliveriesPath, nil, "older", found.Older),
	}
	if len(found.Rows) == 0 && page != (store.Page{}) {
		shown.Newer = views.RedeliveriesPath // whatever was there is gone
	}
	for _, r := range found.Rows {
		shown.Lines = append(shown.Lines, views.RedeliveryLine{Redelivery: r, Filter: storedFilter(r)})
	}
	return h.render(c, http.StatusOK, views.Redeliveries(shown))
}

// storedFilter is the filter of a redelivery as its log has it.
func storedFilter(r models.Redelivery) views.LogFilter {
	query, err := url.ParseQuery(r.Query)
	if err != nil {
		query = nil // nobody can read it
	}
	return logFilter(query)
}

// ShowRedelivery is one of them: how far it is.
func (h *Handlers) ShowRedelivery(c echo.Context) error {
	r, err := h.redelivery(c)
	if err != nil {
		return err
	}
	webhooks, err := h.Store.RedeliveryWebhooks(c.Request().Context(), r)
	if err != nil {
		return err
	}
	page := views.RedeliveryPage{Frame: h.frame(c, "Redelivery "+views.ShortID(r.ID), "deliveries"), Redelivery: r, Filter: storedFilter(r)}
	for _, w := range webhooks {
		page.Webhooks = append(page.Webhooks, views.RedeliveryWebhook{
			ID: w.WebhookID, Endpoint: w.Endpoint, StackID: w.StackID, StackName: w.StackName, Sent: w.Sent, Kept: w.Kept,
		})
	}
	return h.render(c, http.StatusOK, views.Redelivery(page))
}

// redelivery is the one that the path names.
func (h *Handlers) redelivery(c echo.Context) (models.Redelivery, error) {
	r, err := h.Store.Redelivery(c.Request().Context(), nil, c.Param("redelivery"))
	return r, notKept("redelivery", err)
}

// CancelRedelivery stops it.
func (h *Handlers) CancelRedelivery(c echo.Context) error {
	r, err := h.redelivery(c)
	if err != nil {
		return err
	}
	after, err := h.Store.CancelRedelivery(c.Request().Context(), actor(c), r)
	if err != nil {
		return err
	}
	if after.State == models.RedeliveryDone {
		h.Tell(c, "It had ended before it could be canceled.")
	}
	return seeOther(c, views.RedeliveryPath(r.ID))
}

// PreviewRedelivery shows what would be sent again.
func (h *Handlers) PreviewRedelivery(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	return h.RedeliveryForm(c, values, nil, http.StatusOK)
}

// NoPreview is where somebody ends up who opens the address of a preview: it is of what a form says.
func (h *Handlers) NoPreview(c echo.Context) error { return seeOther(c, views.AllDeliveriesPath) }

// StartRedelivery starts what the preview showed. The same form sent twice is one redelivery: the preview gave it its id.
func (h *Handlers) StartRedelivery(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	o, _, err := h.redeliveryOrder(c.Request().Context(), Viewer(c), values)
	if err != nil {
		return err
	}
	if o.ID = previewID(values, time.Now()); o.ID == "" || nothingChosen(values, o) {
		bad := models.Invalid{{Message: "This preview is older than a day. Look at it again: this is what would be sent now."}}
		return h.RedeliveryForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	o.PerSecond, _ = strconv.Atoi(values.Get("perSecond")) // 0, which is refused, for what is no number
	o.Overtaken = values.Has("overtaken")
	r, _, err := h.Store.StartRedelivery(c.Request().Context(), actor(c), o)
	if err != nil {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		if bad.Message("id") != "" { // it was changed after it was sent
			values.Del("redelivery")
		}
		return h.RedeliveryForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	return seeOther(c, views.RedeliveryPath(r.ID))
}

// previewAge is how long after its preview a redelivery can be started: long before the one that a form has started already
// is removed.
const previewAge = 24 * time.Hour

// previewID is the id that a preview gave, "" if there is none or it is too old.
func previewID(values url.Values, now time.Time) string {
	id := normalID(values.Get("redelivery"))
	if at := models.IDTime(id); id == "" || now.Sub(at) > previewAge || at.Sub(now) > time.Minute {
		return ""
	}
	return id
}

// RedeliveryForm shows what would be sent again, with what was typed and what is wrong with it.
func (h *Handlers) RedeliveryForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	ctx, now := c.Request().Context(), time.Now()
	o, shown, err := h.redeliveryOrder(ctx, Viewer(c), values)
	if err != nil {
		return err
	}
	page := views.RedeliverPage{
		Frame: h.frame(c, "Redeliver", "deliveries"), Which: which(values, o, shown), Chosen: values.Get(views.WhichField) != views.AllThat,
		Log:  logOf(o, shown),
		Form: views.RedeliverForm{Overtaken: values.Has("overtaken"), PerSecond: strconv.Itoa(models.DefaultPerSecond), Bad: bad},
	}
	if values.Has("perSecond") {
		page.Form.PerSecond = typed(values, "perSecond")
	}
	if nothingChosen(values, o) {
		return h.render(c, http.StatusUnprocessableEntity, views.RedeliverPreview(page))
	}
	if page.ID = previewID(values, now); page.ID == "" {
		page.ID = models.NewID(now)
	}
	preview, err := h.Store.PreviewRedelivery(ctx, o)
	if err != nil {
		return err
	}
	page.Fates, page.Total, page.LookedTo = preview.Fates, preview.Total, preview.LookedTo
	var webhooks []models.Webhook
	for _, g := range preview.Groups {
		page.Groups = append(page.Groups, views.RedeliverGroup(g))
		webhooks = append(webhooks, g.Webhook)
	}
	if !page.Chosen {
		page.Words = views.Log{Filter: shown, Webhooks: webhooks}.LookedFor()
	}
	return h.render(c, status, views.RedeliverPreview(page))
}

// nothingChosen reports whether a form asks for nothing: no box was ticked, or no button pressed.
func nothingChosen(values url.Values, o store.RedeliveryOrder) bool {
	return values.Get(views.WhichField) != views.AllThat && len(o.Chosen) == 0
}

// redeliveryOrder reads from a form which deliveries are to be sent again, and the filter as it is shown.
func (h *Handlers) redeliveryOrder(ctx context.Context, v models.Viewer, values url.Values) (o store.RedeliveryOrder, shown views.LogFilter, err error) {
	shown = logFilter(values)
	if shown.Query != "" {
		return o, shown, models.Invalid{{Field: "q", Message: "Open the log with this id first."}}
	}
	var stacks []models.Stack
	if shown.Stack != "" {
		if stacks, err = h.Store.Stacks(ctx, v); err != nil {
			return o, shown, err
		}
	}
	filter, bad := parseLogFilter(shown, nil, stacks, time.Now())
	if err := bad.Err(); err != nil {
		return o, shown, err
	}
	if shown.Time != "" { // what "the last hour" is does not move on between the preview and the start
		shown.Time, shown.From = "", views.FieldTimeOf(filter.From.Truncate(time.Second))
		filter.From = filter.From.Truncate(time.Second)
	}
	if values.Get(views.WhichField) == views.AllThat {
		o.Filter, o.Query = filter, withoutStack(shown).Values().Encode()
		return o, shown, nil
	}
	o.Filter.Stack = filter.Stack
	for _, text := range values[views.ChosenField] {
		id := normalID(text)
		if id == "" {
			return o, shown, models.Invalid{{Field: views.ChosenField, Message: wholeID}}
		}
		o.Chosen = append(o.Chosen, id)
	}
	if len(o.Chosen) > models.MaxChosen {
		return o, shown, models.Invalid{{Field: views.ChosenField, Message: fmt.Sprintf("Choose at most %d deliveries.", models.MaxChosen)}}
	}
	return o, shown, nil
}

func withoutStack(f views.LogFilter) views.LogFilter {
	f.Stack = ""
	return f
}

// which are the fields that say of the preview's form which deliveries it is of.
func which(values url.Values, o store.RedeliveryOrder, shown views.LogFilter) url.Values {
	fields := shown.Values()
	fields.Set(views.WhichField, views.TheSelected)
	if values.Get(views.WhichField) == views.AllThat {
		fields.Set(views.WhichField, views.AllThat)
	} else {
		fields[views.ChosenField] = o.Chosen
	}
	return fields
}

// logOf is the address of the log that shows what the order is of.
func logOf(o store.RedeliveryOrder, shown views.LogFilter) string {
	if o.Filter.Stack != nil {
		return views.WithQuery(views.DeliveriesPath(o.Filter.Stack.ID), withoutStack(shown).Values())
	}
	return views.WithQuery(views.AllDeliveriesPath, shown.Values())
}
