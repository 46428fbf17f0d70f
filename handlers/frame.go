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
		if f.Person.Administrator {
			f.Failing = h.failing(c, f.Now)
		}
	}
	return f
}

// longFailure is after how long a failing webhook is shown to administrators on every page: a day, so that what mends
// itself over night does not alarm anybody.
const longFailure = 24 * time.Hour

// failing returns the webhooks that have been failing for so long. A page is not refused because they cannot be read.
func (h *Handlers) failing(c echo.Context, now time.Time) views.Failing {
	webhooks, ours, err := h.Store.Failing(c.Request().Context(), longFailure)
	if err != nil {
		h.Log.Warn("the failing webhooks cannot be read", "error", err)
	}
	f := views.Failing{Ours: ours}
	for _, w := range webhooks {
		f.Webhooks = append(f.Webhooks, views.FailingWebhook{
			StackID: w.StackID, StackName: w.StackName, WebhookID: w.ID, Host: w.EndpointHost, Since: w.FailingSince,
			Disables: h.disables(w.Webhook, ours, now),
		})
	}
	return f
}

// disables returns when a webhook will be disabled for failing, zero if that is not known.
func (h *Handlers) disables(w models.Webhook, ours bool, now time.Time) time.Time {
	if h.DisableAfter <= 0 || ours || !w.Enabled || w.FailingSince.IsZero() || now.Sub(w.FailingSince) < longFailure {
		return time.Time{}
	}
	if at := w.FailingSince.Add(h.DisableAfter); at.After(now) {
		return at
	}
	return time.Time{} // it happens with one of the next failures
}

// stackFrame returns the frame of a page that belongs to a stack: tab is "runs", "deliveries" or "settings", side the
// place within the settings, "" elsewhere.
func (h *Handlers) stackFrame(c echo.Context, stack models.Stack, title, tab, side string) views.Frame {
	f := h.frame(c, title, "stacks")
	f.Stack = views.StackHeadOf(stack, Viewer(c).Administers(stack.Key))
	f.Stack.Tab, f.Stack.Side = tab, side
	return f
}
