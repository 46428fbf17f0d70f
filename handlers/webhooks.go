package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// ShowWebhook shows one webhook with its delivery log. A deleted one keeps its page.
func (h *Handlers) ShowWebhook(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	w, err := h.Store.Webhook(c.Request().Context(), stack, c.Param("webhook"))
	if err != nil {
		return err
	}
	return h.webhookDetails(c, stack, w, http.StatusOK, "")
}

// webhookDetails renders that page; refused says why what was asked for was not done.
func (h *Handlers) webhookDetails(c echo.Context, stack models.Stack, w models.Webhook, status int, refused string) error {
	health, err := h.Store.WebhookHealth(c.Request().Context(), w)
	if err != nil {
		return err
	}
	card, err := h.webhookCard(c, stack, health)
	if err != nil {
		return err
	}
	if card.Could, err = h.couldView(c.Request().Context(), stack); err != nil {
		return err
	}
	page := views.WebhookPage{Stack: stack.ID, Card: card, Refused: refused, Log: views.Log{
		Of: views.LogOfWebhook, Path: views.WebhookPath(stack.ID, w.ID), StackID: stack.ID, WebhookID: w.ID, Now: time.Now(),
	}}
	elsewhere, err := h.fillLog(c, &page.Log, store.DeliveryFilter{Stack: &stack, Webhook: w.ID})
	switch {
	case err != nil:
		return err
	case elsewhere != "":
		return seeOther(c, elsewhere)
	case len(page.Log.Invalid) > 0:
		status = http.StatusUnprocessableEntity
	}
	page.Frame = h.stackFrame(c, stack, "Webhook to "+w.EndpointHost, "settings", "integrations")
	page.Card.Alone, page.Card.Disables = true, page.Frame.Failing.Disables(w.ID)
	return h.render(c, status, views.WebhookDetails(page))
}

// webhook returns the webhook that the path names; a deleted one is not found.
func (h *Handlers) webhook(c echo.Context, stack models.Stack) (models.Webhook, error) {
	w, err := h.Store.Webhook(c.Request().Context(), stack, c.Param("webhook"))
	if err == nil && w.Deleted() {
		return models.Webhook{}, models.ErrNotFound
	}
	return w, err
}

// DeleteWebhook deletes a webhook; its log remains.
func (h *Handlers) DeleteWebhook(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	w, err := h.webhook(c, stack)
	if err != nil {
		return err
	}
	if err := h.Store.DeleteWebhook(c.Request().Context(), actor(c), stack, w.ID); err != nil {
		return err
	}
	h.Flash(c, "Deleted the webhook to "+w.EndpointHost+". What was sent stays in the delivery log.")
	return seeOther(c, views.IntegrationsPath(stack.ID))
}

// How long a person waits for the result of a test: the time of one attempt and a little for its start and its record.
// Beyond that the page is there sooner than the result.
const (
	testWait  = 10 * time.Second // at most, however long an attempt may take
	testSlack = 2 * time.Second
)

// SendTest sends a test to a webhook, and shows the delivery once it has ended.
func (h *Handlers) SendTest(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	w, err := h.webhook(c, stack)
	if err != nil {
		return err
	}
	d, err := h.Store.SendTest(c.Request().Context(), actor(c), stack, w.ID)
	var refused *models.Refused
	if errors.As(err, &refused) {
		return h.webhookDetails(c, stack, w, http.StatusConflict, refused.Reason)
	}
	if err != nil {
		return err
	}
	return h.awaitTest(c, stack, d)
}

// awaitTest leads to a test's delivery once it has ended.
func (h *Handlers) awaitTest(c echo.Context, stack models.Stack, d models.Delivery) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), min(h.Timeout, testWait)+testSlack)
	defer cancel()
	d, err := h.Store.AwaitEnd(ctx, stack, d.ID)
	if err != nil {
		return err
	}
	if d.Status == models.Pending {
		h.Tell(c, "The test has not ended yet. Load this page again for its result.")
	}
	return seeOther(c, views.DeliveryPath(stack.ID, d.ID))
}
