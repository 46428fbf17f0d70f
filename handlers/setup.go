package handlers

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// ShowSetup shows what a one-time link opens: the form that makes the first administrator, or the one in which a person
// chooses a password. Opening it does not use it up: programs that look at links in mail open them too.
func (h *Handlers) ShowSetup(c echo.Context) error {
	if h.NoPasswords {
		return passwordsOff()
	}
	return h.setupForm(c, url.Values{"token": {c.QueryParam("token")}}, nil, http.StatusOK)
}

// Setup uses up a one-time link and signs in whoever holds it.
func (h *Handlers) Setup(c echo.Context) error {
	if h.NoPasswords {
		return passwordsOff()
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	user, err := h.useLink(c, values)
	if err != nil {
		bad, err := Fields(err)
		if err != nil {
			return linkProblem(err)
		}
		return h.setupForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	if err := h.enter(c, user, "with a one-time link"); err != nil {
		return err
	}
	return seeOther(c, views.StacksPath)
}

func (h *Handlers) useLink(c echo.Context, values url.Values) (models.User, error) {
	ctx, address, token, password := c.Request().Context(), c.RealIP(), values.Get("token"), values.Get("password")
	link, _, err := h.Store.Link(ctx, token)
	if err != nil {
		return models.User{}, err
	}
	if link.UserID != 0 {
		return h.Store.UseLink(ctx, token, password, address)
	}
	admin := models.User{Email: values.Get("email"), Name: values.Get("name")}
	return h.Store.UseSetupLink(ctx, token, admin, password, address)
}

func (h *Handlers) setupForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	link, user, err := h.Store.Link(c.Request().Context(), values.Get("token"))
	if err != nil {
		return linkProblem(err)
	}
	page := views.SetupPage{
		Frame: h.frame(c, "Set a password", ""), Token: values.Get("token"), First: link.UserID == 0,
		Email: values.Get("email"), Name: values.Get("name"), Bad: bad,
	}
	if page.First {
		page.Frame.Title = "Set up"
	} else {
		page.Email = user.Email
	}
	return h.render(c, status, views.Setup(page))
}

// linkProblem says what to do about a link that opens nothing.
func linkProblem(err error) error {
	if errors.Is(err, models.ErrNotFound) {
		return &Problem{
			Status: http.StatusNotFound, Title: "This link does not work any more", Cause: err,
			Detail: "It was used already, or it is too old. An administrator can make a new one; at the first start, start the server again.",
		}
	}
	return err
}
