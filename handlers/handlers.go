package handlers

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
)

// Handlers holds what the answers are made of. The command fills it; package web sets the Edge.
type Handlers struct {
	Store            *store.Store
	Account, Version string
	BaseURL          *url.URL // public, for links that leave the browser
	Log              *slog.Logger

	// Of the engine, for pages to show: the pauses between tries, the time of one attempt, the age at which a delivery
	// is given up, and how long a webhook fails before it is disabled, 0 for ever.
	Delays                        []time.Duration
	Timeout, Expire, DisableAfter time.Duration
	AuditRetention                time.Duration // how long audit records are kept

	SignOn      *SignOn // single sign-on, nil without
	NoPasswords bool    // nobody signs in with a password

	// Hint says why an endpoint would not be reached as things are, "" when nothing is wrong.
	Hint func(ctx context.Context, e models.Endpoint) string
	// EngineHealth is nil while the engine runs.
	EngineHealth func() error

	Edge // set by package web

	live live
}

// Edge is what package web does for the handlers: it keeps browsers' sessions and knows the routes.
type Edge struct {
	// Flash keeps a notice for the next page that something was done, Tell one of something else to know. TakeFlash
	// returns both once, "" where there is none.
	Flash, Tell func(c echo.Context, message string)
	TakeFlash   func(c echo.Context) (done, told string)
	// SignIn starts a new session of the user and makes them the viewer of this request; SignOut ends the session.
	SignIn func(c echo.Context, user models.User) error
	// Browser names the browser for a while, by a cookie that it makes where there is none. Sealed reports whether a text is
	// a form that was sealed here.
	Browser func(c echo.Context) (string, error)
	Sealed  func(text string) bool
	// TryPassword counts a try to sign in to an account, and refuses one too many.
	// user is the zero User where there is no account.
	TryPassword func(c echo.Context, email string, user models.User) error
	// PasswordWasRight forgets the tries before.
	PasswordWasRight func(c echo.Context, user models.User)
	SignOut          func(c echo.Context) error
	// Resume answers a sign-in that interrupted the sending of a form: with that form, filled with what was typed, or
	// with a redirect to next. sealed is the sign-in form's hidden field, "" for none.
	Resume func(c echo.Context, sealed, next string) error
	// Holder returns whose session that is; models.ErrNotFound once it has ended.
	Holder func(ctx context.Context, session string) (models.Viewer, error)
	// IsPage reports whether a path of this site, with or without a query, can be opened: some only take forms.
	IsPage func(path string) bool
}

// render writes the page. It goes to a buffer first, so that an error in the middle answers 500 and not half a page.
func (h *Handlers) render(c echo.Context, status int, page templ.Component) error {
	var buffer bytes.Buffer
	if err := page.Render(c.Request().Context(), &buffer); err != nil {
		return fmt.Errorf("render a page: %w", err)
	}
	return c.HTMLBlob(status, buffer.Bytes())
}

// seeOther answers a form that was stored: the browser gets the path with GET, and a reload posts nothing again.
func seeOther(c echo.Context, path string) error { return c.Redirect(http.StatusSeeOther, path) }

// form returns the fields of the posted form. Those of the URL are not among them: an address that is logged or shared
// must not fill in a form.
func form(c echo.Context) (url.Values, error) {
	if err := c.Request().ParseForm(); err != nil {
		return nil, fmt.Errorf("read the form: %w", unreadable(err))
	}
	return c.Request().PostForm, nil
}

// typed returns a field as a form shows it again. Bytes that are not UTF-8 cannot be shown: they were refused.
func typed(values url.Values, field string) string {
	return strings.ToValidUTF8(values.Get(field), "\uFFFD")
}

// listPage reads the cursor of a list from the URL.
func listPage(c echo.Context) store.Page {
	return store.Page{Older: c.QueryParam("older"), Newer: c.QueryParam("newer")}
}
