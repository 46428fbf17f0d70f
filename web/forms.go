package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/labstack/echo/v4"

	"stackhook/handlers"
)

// A form that is posted when the session has ended comes back after signing in. What was typed travels through the
// sign-in page in a hidden field, sealed, so that the server keeps nothing for those who never come back.

const (
	typedAge = 30 * time.Minute
	// maxTyped is the longest sealed text. Sealing makes a form about 1.8 times as long, and the sign-in form that
	// carries it must not exceed maxForm.
	maxTyped = 48 << 10
	// typedName is the name under which forms are sealed: what was sealed as a cookie is no form.
	typedName = "form"
)

// notTyped are the fields that are never sealed: whoever signs in types them again.
var notTyped = []string{"secret", "password"}

// typed is a form that was not answered.
type typed struct {
	Path   string     `json:"path"`
	Values url.Values `json:"values"`
	User   int64      `json:"user"` // whose session it was: nobody else gets it
}

type formSealer struct{ seal *securecookie.SecureCookie }

func newFormSealer(hash, block []byte) *formSealer {
	seal := securecookie.New(hash, block)
	seal.SetSerializer(securecookie.JSONEncoder{}).MaxAge(int(typedAge.Seconds())).MaxLength(maxTyped)
	return &formSealer{seal: seal}
}

// text seals a form, "" if it is too long to be carried along.
func (s *formSealer) text(f typed) string {
	for _, name := range notTyped {
		f.Values.Del(name)
	}
	sealed, err := s.seal.Encode(typedName, f)
	if err != nil {
		return ""
	}
	return sealed
}

// open returns what text sealed, unless it is forged, too old or another person's.
func (s *formSealer) open(sealed string, user int64) (typed, bool) {
	var f typed
	err := s.seal.Decode(typedName, sealed, &f)
	return f, err == nil && f.User == user
}

// ours reports whether text sealed it and it is still worth something, to whomever.
func (s *formSealer) ours(sealed string) bool {
	return sealed != "" && s.seal.Decode(typedName, sealed, &typed{}) == nil
}

// unsaved is the key of a request's notice that its form was not stored. It is not kept in the session, which cannot be
// stored either.
const unsaved = "unsaved"

// keepTyped answers a form that could not be stored with the form as it was typed. If that fails too, cause is answered.
func (e *edge) keepTyped(c echo.Context, r route, cause error) error {
	c.Set(unsaved, "The database cannot commit at the moment. Whether this was saved is not certain: wait a few seconds, look, and save again.")
	c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
	if err := r.form(c, c.Request().PostForm, nil, http.StatusServiceUnavailable); err != nil {
		c.Set(unsaved, nil)
		return cause
	}
	return nil
}

// signInFirst answers whoever is not signed in: a page waits behind the sign-in form, and a form travels with it.
func (e *edge) signInFirst(c echo.Context, r route) error {
	if c.Request().Method != http.MethodPost {
		to := url.URL{Path: "/login", RawQuery: url.Values{"next": {c.Request().URL.RequestURI()}}.Encode()}
		return c.Redirect(http.StatusSeeOther, to.String())
	}
	session, err := e.sessions.Get(c.Request(), e.sessions.name)
	if err != nil {
		return err
	}
	user, known := session.Values[personKey].(int64)
	return e.handlers.InterruptedSignIn(c, func(values url.Values) string {
		if r.form == nil || !known {
			return ""
		}
		return e.forms.text(typed{Path: echo.GetPath(c.Request()), Values: values, User: user})
	})
}

// resume shows the form that was interrupted as its own page would: only to whoever may have it, and without storing.
func (e *edge) resume(c echo.Context, sealed, next string) error {
	if sealed == "" {
		return c.Redirect(http.StatusSeeOther, next)
	}
	f, ours := e.forms.open(sealed, handlers.Viewer(c).User.ID)
	if !ours {
		e.tell(c, "What was typed before signing in is gone: it is kept for half an hour and for the same person.")
		return c.Redirect(http.StatusSeeOther, next)
	}
	e.echo.Router().Find(http.MethodPost, f.Path, c) // sets the parameters of the path
	r, known := e.routes[c.Path()]
	if !known {
		return c.Redirect(http.StatusSeeOther, next)
	}
	if err := e.allow(c, r.who); err != nil {
		return err
	}
	e.tell(c, "You were signed out meanwhile. Nothing is saved yet: check and save again.")
	return r.form(c, f.Values, nil, http.StatusOK)
}
