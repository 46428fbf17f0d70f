package handlers

import (
	"errors"
	"net/http"
	"time"

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

// DownloadDelivery is a delivery as one file.
func (h *Handlers) DownloadDelivery(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	page, err := h.loadDelivery(c, stack)
	if err != nil {
		return err
	}
	text, err := h.fileOf(page, time.Now()).encode()
	if err != nil {
		return err
	}
	// An id has letters and digits only.
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="delivery-`+page.Delivery.ID+`.json"`)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, text)
}

// delivery answers the page of the delivery that the path names; refused is why a redelivery was refused.
func (h *Handlers) delivery(c echo.Context, stack models.Stack, status int, refused string) error {
	page, err := h.loadDelivery(c, stack)
	if err != nil {
		return err
	}
	page.Refused, page.Version = refused, deliveryVersion(page.Delivery, page.Webhook)
	page.Frame = h.stackFrame(c, stack, "Delivery "+views.ShortID(page.Delivery.ID), "deliveries", "")
	return h.render(c, status, views.Delivery(page))
}

// loadDelivery returns what there is to show of the delivery that the path names.
func (h *Handlers) loadDelivery(c echo.Context, stack models.Stack) (views.DeliveryPage, error) {
	ctx := c.Request().Context()
	d, err := h.Store.Delivery(ctx, stack, c.Param("delivery"))
	if err != nil {
		return views.DeliveryPage{}, notKept("delivery", err)
	}
	page := views.DeliveryPage{Stack: stack.ID, Delivery: d, Delays: h.Delays, Expire: h.Expire}
	if page.Event, err = h.Store.Event(ctx, d.EventID); err != nil {
		return page, err
	}
	if page.Webhook, err = h.Store.Webhook(ctx, stack, d.WebhookID); err != nil {
		return page, err
	}
	if page.Attempts, err = h.Store.Attempts(ctx, d); err != nil {
		return page, err
	}
	if !d.Test {
		run, err := h.Store.Run(ctx, stack, d.RunID)
		if err != nil {
			return page, err
		}
		page.Run = &run
	}
	return page, nil
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
