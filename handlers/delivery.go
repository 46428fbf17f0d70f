package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// ShowDelivery is one delivery with its attempts.
func (h *Handlers) ShowDelivery(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	return h.delivery(c, stack, http.StatusOK, "")
}

// Redeliver sends a delivery again. Where that cannot be now, the delivery's page says why.
func (h *Handlers) Redeliver(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	id := c.Param("delivery")
	err = h.Store.Redeliver(c.Request().Context(), actor(c), stack, id)
	var refused *models.Refused
	if errors.As(err, &refused) {
		return h.delivery(c, stack, http.StatusConflict, refused.Reason)
	}
	if err != nil {
		return err
	}
	h.Flash(c, "It is sent again now, with the same body and the same webhook-id. Load the page again to see the result.")
	return seeOther(c, views.DeliveryPath(stack.ID, id))
}

// delivery answers the page of the delivery that the path names; refused is why a redelivery was refused.
func (h *Handlers) delivery(c echo.Context, stack models.Stack, status int, refused string) error {
	ctx := c.Request().Context()
	d, err := h.Store.Delivery(ctx, stack, c.Param("delivery"))
	if err != nil {
		return notKept("delivery", err)
	}
	page := views.DeliveryPage{Stack: stack.ID, Delivery: d, Delays: h.Delays, Expire: h.Expire, Refused: refused}
	if page.Event, err = h.Store.Event(ctx, d.EventID); err != nil {
		return err
	}
	if page.Webhook, err = h.Store.Webhook(ctx, stack, d.WebhookID); err != nil {
		return err
	}
	if page.Attempts, err = h.Store.Attempts(ctx, d); err != nil {
		return err
	}
	if !d.Test {
		run, err := h.Store.Run(ctx, stack, d.RunID)
		if err != nil {
			return err
		}
		page.Run = &run
	}
	page.Frame = h.stackFrame(c, stack, "Delivery "+views.ShortID(d.ID), "deliveries", "")
	return h.render(c, status, views.Delivery(page))
}

// notKept says of what is not found that it may have been here: old links lead to what was removed with time.
func notKept(what string, err error) error {
	if !errors.Is(err, models.ErrNotFound) {
		return err
	}
	return &Problem{
		Status: http.StatusNotFound, Title: "This " + what + " is not here", Cause: err,
		Detail: "What ended is kept for a time, by default 30 days, and then removed. If it is younger, its address has a mistake.",
	}
}
