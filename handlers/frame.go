package handlers

import (
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// frame returns what stands around a page, with the notices that wait for it: a request renders one page.
func (h *Handlers) frame(c echo.Context, title, section string) views.Frame {
	f := views.Frame{
		Title: title, Account: h.Account, Version: h.Version, Section: section,
		Path: h.PagePath(c), Now: time.Now(),
	}
	f.Flash, f.Notice = h.TakeFlash(c)
	if cookie, err := c.Cookie(ThemeCookie); err == nil {
		f.Theme = cookie.Value
	}
	if user := Viewer(c).User; user != nil {
		f.Person = views.PersonOf(*user)
	}
	return f
}

// stackFrame returns the frame of a page that belongs to a stack: tab is "runs", "deliveries" or "settings", side the
// place within the settings, "" elsewhere.
func (h *Handlers) stackFrame(c echo.Context, stack models.Stack, title, tab, side string) views.Frame {
	f := h.frame(c, title, "stacks")
	f.Stack = views.StackHeadOf(stack, Viewer(c).Administers(stack.Key))
	f.Stack.Tab, f.Stack.Side = tab, side
	return f
}
