package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// ShowGeneral shows a stack's own settings; with ?delete= it asks administrators whether to delete the stack.
func (h *Handlers) ShowGeneral(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	return h.GeneralForm(c, url.Values{
		"id": {stack.ID}, "name": {stack.Name}, "description": {stack.Description}, "labels": {strings.Join(stack.Labels, ", ")},
	}, nil, http.StatusOK)
}

// GeneralForm shows these settings with what was typed and what is wrong with it.
func (h *Handlers) GeneralForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	page := views.GeneralPage{
		Frame: h.stackFrame(c, stack, "General", "settings", "general"),
		Stack: stack, Form: stackForm(values, bad), Administers: Viewer(c).Administers(stack.Key),
	}
	if page.Administers && c.QueryParam("delete") != "" {
		if page.Deleting, err = h.stackDeletion(c.Request().Context(), stack); err != nil {
			return err
		}
	}
	return h.render(c, status, views.General(page))
}

// stackDeletion counts what goes with a stack.
func (h *Handlers) stackDeletion(ctx context.Context, stack models.Stack) (*views.StackDeletion, error) {
	var goes views.StackDeletion
	webhooks, err := h.Store.Webhooks(ctx, stack)
	if err != nil {
		return nil, err
	}
	goes.Webhooks = len(webhooks)
	for _, w := range webhooks {
		pending, err := h.Store.PendingDeliveries(ctx, w.ID)
		if err != nil {
			return nil, err
		}
		goes.Pending += pending
	}
	access, err := h.Store.StackAccess(ctx, stack)
	if err != nil {
		return nil, err
	}
	for _, a := range access {
		if a.Granted && a.User.Role == models.Reader && !a.User.AllStacks {
			goes.Readers++
		}
	}
	if _, err := h.Store.Inlet(ctx, stack, models.InletHCP); !errors.Is(err, models.ErrNotFound) {
		if err != nil {
			return nil, err
		}
		goes.Inlet = true
	}
	tokens, err := h.Store.Tokens(ctx)
	for _, t := range tokens {
		if t.StackKey == stack.Key {
			goes.Tokens++
		}
	}
	return &goes, err
}

// UpdateStack changes a stack's own settings.
func (h *Handlers) UpdateStack(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	changed := typedStack(values)
	changed.Key = stack.Key
	if err := h.Store.UpdateStack(c.Request().Context(), actor(c), changed); err != nil {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		return h.GeneralForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	message := "Saved."
	if changed.ID != stack.ID {
		message = "Saved. Pipelines report to this stack under its new id from now on: " + changed.ID + "."
	}
	h.Flash(c, message)
	return seeOther(c, views.GeneralPath(changed.ID))
}

// DeleteStack deletes a stack with everything in it.
func (h *Handlers) DeleteStack(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	if err := h.Store.DeleteStack(c.Request().Context(), actor(c), stack); err != nil {
		return err
	}
	h.Flash(c, "Deleted the stack "+stack.Name+".")
	return seeOther(c, views.StacksPath)
}
