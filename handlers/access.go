package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// ShowAccess shows who may read a stack, and why.
func (h *Handlers) ShowAccess(c echo.Context) error { return h.AccessForm(c, nil, nil, http.StatusOK) }

// AccessForm shows that with what is wrong with the form that lets somebody in.
func (h *Handlers) AccessForm(c echo.Context, _ url.Values, bad models.Invalid, status int) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	ctx, v := c.Request().Context(), Viewer(c)
	access, err := h.Store.StackAccess(ctx, stack)
	if err != nil {
		return err
	}
	page := views.AccessPage{
		Frame: h.stackFrame(c, stack, "Access", "settings", "access"),
		Stack: stack.ID, Bad: bad, Administers: v.Administers(stack.Key),
	}
	inside := map[int64]bool{}
	for _, a := range access {
		inside[a.User.ID] = true
		page.People = append(page.People, views.Access{User: a.User, Granted: a.Granted, ByGroup: a.ByGroup, You: v.User != nil && v.User.ID == a.User.ID})
	}
	if page.Administers {
		users, err := h.Store.Users(ctx)
		if err != nil {
			return err
		}
		for _, u := range users {
			if u.Active && !inside[u.ID] {
				page.Candidates = append(page.Candidates, u)
			}
		}
	}
	return h.render(c, status, views.AccessList(page))
}

// GrantAccess lets a reader read the stack.
func (h *Handlers) GrantAccess(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	user, err := h.user(c, values.Get("user"))
	if errors.Is(err, models.ErrNotFound) {
		return h.AccessForm(c, values, models.Invalid{{Field: "user", Message: "Choose who may read this stack."}}, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	if err := h.Store.GrantStack(c.Request().Context(), actor(c), user, stack); err != nil {
		return err
	}
	h.Flash(c, "Saved. "+user.Label()+" may read this stack.")
	return seeOther(c, views.AccessPath(stack.ID))
}

// RevokeAccess takes a grant back.
func (h *Handlers) RevokeAccess(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	user, err := h.user(c, c.Param("user"))
	if err != nil {
		return err
	}
	if err := h.Store.RevokeStack(c.Request().Context(), actor(c), user, stack); err != nil {
		return err
	}
	h.Flash(c, "Saved. The grant of "+user.Label()+" is revoked.")
	return seeOther(c, views.AccessPath(stack.ID))
}

// user returns the person with that id, as a form or a path spells it.
func (h *Handlers) user(c echo.Context, id string) (models.User, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return models.User{}, models.ErrNotFound
	}
	return h.Store.User(c.Request().Context(), n)
}
