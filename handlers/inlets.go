package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// Inlets shows how other systems report the runs of a stack, and what came in from them; with ?off= it asks administrators whether
// to turn an inlet off, with ?body= it shows the body of one notification.
func (h *Handlers) Inlets(c echo.Context) error {
	page, stack, err := h.inletsPage(c)
	if err != nil {
		return err
	}
	page.Removing = c.QueryParam("off") == string(models.InletHCP)
	if key := c.QueryParam("body"); key != "" {
		if page.Shown, err = h.notification(c, stack, key); err != nil {
			return err
		}
	}
	return h.render(c, http.StatusOK, views.Inlets(page))
}

func (h *Handlers) notification(c echo.Context, stack models.Stack, key string) (*models.InletNotification, error) {
	number, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return nil, models.ErrNotFound
	}
	n, err := h.Store.Notification(c.Request().Context(), stack, models.InletHCP, number)
	if err != nil {
		return nil, notKept("notification", err)
	}
	return &n, nil
}

// InletForm shows the page with the token that was typed and what is wrong with it.
func (h *Handlers) InletForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	page, _, err := h.inletsPage(c)
	if err != nil {
		return err
	}
	page.Typed, page.Bad = typed(values, "secret"), bad
	return h.render(c, status, views.Inlets(page))
}

// CreateInlet sets the inlet up, and answers with the page that shows its token.
func (h *Handlers) CreateInlet(c echo.Context) error {
	return h.newInletToken(c, func(stack models.Stack, _ url.Values, token string) error {
		_, err := h.Store.CreateInlet(c.Request().Context(), actor(c), stack, models.InletHCP, token)
		return err
	})
}

// ReplaceInletToken gives the inlet another token, and answers with the page that shows it.
func (h *Handlers) ReplaceInletToken(c echo.Context) error {
	return h.newInletToken(c, func(stack models.Stack, values url.Values, token string) error {
		_, err := h.Store.ReplaceInletToken(c.Request().Context(), actor(c), stack, models.InletHCP, values.Get("fingerprint"), token)
		return err
	})
}

// newInletToken stores the token that was typed, or a new one.
func (h *Handlers) newInletToken(c echo.Context, keep func(stack models.Stack, values url.Values, token string) error) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	setPagePath(c, views.InletsPath(stack.ID))
	token := cmp.Or(values.Get("secret"), models.GenerateInletToken())
	err = keep(stack, values, token)
	refused, isRefused := errors.AsType[*models.Refused](err)
	if err != nil && !isRefused {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		return h.InletForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	page, _, err := h.inletsPage(c)
	if err != nil {
		return err
	}
	if isRefused {
		page.Refused = refused.Reason
		return h.render(c, http.StatusConflict, views.Inlets(page))
	}
	page.NewToken = token
	return h.render(c, http.StatusOK, views.Inlets(page))
}

// RemoveInlet turns the inlet off.
func (h *Handlers) RemoveInlet(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	if err := h.Store.RemoveInlet(c.Request().Context(), actor(c), stack, models.InletHCP); err != nil {
		return err
	}
	h.Flash(c, "Turned off. Notifications of HCP Terraform are refused from now on.")
	return seeOther(c, views.InletsPath(stack.ID))
}

func (h *Handlers) inletsPage(c echo.Context) (page views.InletsPage, stack models.Stack, err error) {
	if stack, err = h.stack(c); err != nil {
		return page, stack, err
	}
	ctx, path := c.Request().Context(), views.InletsPath(stack.ID)
	inlet, err := h.Store.Inlet(ctx, stack, models.InletHCP)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return page, stack, err
	}
	is := err == nil
	list, err := h.Store.Notifications(ctx, stack, models.InletHCP, listPage(c))
	if err != nil {
		return page, stack, err
	}
	page = views.InletsPage{
		Frame: h.stackFrame(c, stack, "Inlets", "settings", "inlets"), Stack: stack.ID, Administers: Viewer(c).Administers(stack.Key),
		Address: h.BaseURL.JoinPath(views.APIInletHCPPath(stack.ID)).String(), Notifications: list.Rows,
		Newer: neighbour(path, nil, "newer", list.Newer), Older: neighbour(path, nil, "older", list.Older),
		Beyond: len(list.Rows) == 0 && listPage(c) != (store.Page{}),
	}
	if is {
		page.Inlet = &inlet
	}
	return page, stack, nil
}
