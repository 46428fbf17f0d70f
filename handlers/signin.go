package handlers

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// Home leads to the first page.
func (h *Handlers) Home(c echo.Context) error { return seeOther(c, views.StacksPath) }

// ShowSignIn shows the sign-in form.
func (h *Handlers) ShowSignIn(c echo.Context) error {
	next := LocalPath(c.QueryParam("next"))
	if Viewer(c).User != nil {
		return seeOther(c, next)
	}
	return h.signInPage(c, http.StatusOK, views.SignInPage{Next: next})
}

// InterruptedSignIn answers a form that came without a session: the sign-in form, which carries what was typed as far
// as seal makes a text of it.
func (h *Handlers) InterruptedSignIn(c echo.Context, seal func(url.Values) string) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	return h.signInPage(c, http.StatusUnauthorized, views.SignInPage{
		Next: h.PagePath(c), Interrupted: true, Sealed: seal(values),
	})
}

// SubmitSignIn signs in. Every failure says the same and takes as long, so that it tells nobody who has an account.
func (h *Handlers) SubmitSignIn(c echo.Context) error {
	if h.NoPasswords {
		return passwordsOff()
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	page := views.SignInPage{Next: LocalPath(values.Get("next")), Email: values.Get("email"), Sealed: values.Get("form")}
	user, err := h.Store.UserByEmail(c.Request().Context(), page.Email)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return err
	}
	if err := h.TryPassword(c, page.Email, user); err != nil {
		return err
	}
	if !models.PasswordMatches(values.Get("password"), user.PasswordHash) || !user.Active {
		// An unknown address is not recorded: some people type their password there.
		if err := h.Store.RecordSignIn(c.Request().Context(), actor(c), models.SignInFailed, user.Email, withPassword); err != nil {
			return err
		}
		page.Failed = true
		return h.signInPage(c, http.StatusUnprocessableEntity, page)
	}
	h.PasswordWasRight(c, user)
	if err := h.enter(c, user, withPassword); err != nil {
		return err
	}
	return h.Resume(c, page.Sealed, page.Next)
}

// withPassword is a way of signing in, as the audit log has it.
const withPassword = "with a password"

// passwordsOff refuses what has to do with passwords, where nobody signs in with one.
func passwordsOff() error {
	return &Problem{
		Status: http.StatusForbidden, Title: "Passwords are switched off",
		Detail: "Everybody signs in with single sign-on here. Go to the sign-in page.",
	}
}

// enter records a sign-in and its way, and starts the session.
func (h *Handlers) enter(c echo.Context, user models.User, way string) error {
	by := models.Viewer{User: &user, Address: c.RealIP()}.Actor()
	if err := h.Store.RecordSignIn(c.Request().Context(), by, models.SignedIn, user.Email, way); err != nil {
		return err
	}
	return h.SignIn(c, user)
}

// Leave signs out.
func (h *Handlers) Leave(c echo.Context) error {
	by := actor(c)
	if user := Viewer(c).User; user != nil {
		if err := h.Store.RecordSignIn(c.Request().Context(), by, models.SignedOut, user.Email, ""); err != nil {
			return err
		}
	}
	if err := h.SignOut(c); err != nil {
		return err
	}
	return seeOther(c, views.LoginPath)
}

func (h *Handlers) signInPage(c echo.Context, status int, page views.SignInPage) error {
	set, err := h.Store.HasUsers(c.Request().Context())
	if err != nil {
		return err
	}
	page.Frame, page.Unset = h.frame(c, "Sign in", ""), !set
	page.SignOn, page.NoPassword = h.SignOn != nil, h.NoPasswords
	return h.render(c, status, views.SignIn(page))
}
