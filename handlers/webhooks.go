package handlers

import (
	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

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
