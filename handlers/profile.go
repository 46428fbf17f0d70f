package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// Profile is the person's own account.
func (h *Handlers) Profile(c echo.Context) error { return h.profilePage(c, nil, http.StatusOK) }

func (h *Handlers) profilePage(c echo.Context, bad models.Invalid, status int) error {
	v := Viewer(c)
	sessions, err := h.Store.Sessions(c.Request().Context(), *v.User, models.SessionIdle)
	if err != nil {
		return err
	}
	page := views.ProfilePage{
		Frame: h.frame(c, "Profile", ""), AllStacks: v.AllStacks(), Stacks: len(v.Grants), Sessions: sessions, Current: v.Session, Bad: bad,
		NoPassword: h.NoPasswords,
	}
	return h.render(c, status, views.Profile(page))
}

// ChangePassword gives the person a new password. All their sessions end, and this browser gets a new one.
func (h *Handlers) ChangePassword(c echo.Context) error {
	if h.NoPasswords {
		return passwordsOff()
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	user := *Viewer(c).User
	if !models.PasswordMatches(values.Get("current"), user.PasswordHash) {
		if err := h.Store.RecordSignIn(c.Request().Context(), actor(c), models.SignInFailed, user.Email, withPassword); err != nil {
			return err
		}
		return h.profilePage(c, models.Invalid{{Field: "current", Message: "This is not your password."}}, http.StatusUnprocessableEntity)
	}
	if err := h.Store.SetPassword(c.Request().Context(), actor(c), user, values.Get("password")); err != nil {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		return h.profilePage(c, bad, http.StatusUnprocessableEntity)
	}
	if err := h.SignIn(c, user); err != nil {
		return err
	}
	h.Flash(c, "The password is changed. You are signed out everywhere else.")
	return seeOther(c, views.ProfilePath)
}

// EndOtherSessions signs the person out everywhere else.
func (h *Handlers) EndOtherSessions(c echo.Context) error {
	v := Viewer(c)
	ended, err := h.Store.EndSessions(c.Request().Context(), actor(c), *v.User, v.Session)
	if err != nil {
		return err
	}
	h.Flash(c, fmt.Sprintf("Signed out elsewhere: %d.", ended))
	return seeOther(c, views.ProfilePath)
}

// EndSession signs the person out of one of their sessions.
func (h *Handlers) EndSession(c echo.Context) error {
	if err := h.Store.EndSession(c.Request().Context(), actor(c), *Viewer(c).User, c.Param("session")); err != nil {
		return err
	}
	h.Flash(c, "Signed out there.")
	return seeOther(c, views.ProfilePath)
}
