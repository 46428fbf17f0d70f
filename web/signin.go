package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"stackhook/handlers"
	"stackhook/models"
)

// signIn starts a session with a new id: one that somebody planted in the browser before is worth nothing afterwards.
func (e *edge) signIn(c echo.Context, user models.User) error {
	r, w := c.Request(), c.Response()
	session, err := e.sessions.Get(r, e.sessions.name)
	if err != nil {
		return err
	}
	if old, is := session.Values[rowKey].(models.Session); is {
		if err := e.handlers.Store.DeleteSession(r.Context(), old.ID); err != nil {
			return fmt.Errorf("end the session before: %w", err)
		}
	}
	now := time.Now()
	device := r.UserAgent()
	session.IsNew = true
	session.Values = map[any]any{rowKey: models.Session{
		UserID: user.ID, Address: c.RealIP(), Device: strings.ToValidUTF8(device[:min(len(device), maxDevice)], ""),
		CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(sessionAge),
	}}
	if err := session.Save(r, w); err != nil {
		return fmt.Errorf("start a session: %w", err)
	}
	v, err := e.sessions.viewer(r)
	if err != nil {
		return fmt.Errorf("load the session just started: %w", err)
	}
	v.Address = c.RealIP()
	handlers.SetViewer(c, v)
	return e.remember(c, user)
}

// signOut ends the session and takes the cookie back.
func (e *edge) signOut(c echo.Context) error {
	session, err := e.sessions.Get(c.Request(), e.sessions.name)
	if err != nil {
		return err
	}
	session.Options.MaxAge = -1
	if err := session.Save(c.Request(), c.Response()); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	handlers.SetViewer(c, models.Viewer{Address: c.RealIP()})
	return nil
}

// flash keeps a notice of something done for the next page, tell one of something else. What they tell has happened, so
// a notice that is lost is no failure.
func (e *edge) flash(c echo.Context, message string) { e.keepNotice(c, done, message) }

func (e *edge) tell(c echo.Context, message string) { e.keepNotice(c, told, message) }

func (e *edge) keepNotice(c echo.Context, kind, message string) {
	if session := e.current(c); session != nil {
		session.AddFlash(message, kind)
		e.saveNotices(c, session)
	}
}

// takeFlash returns the notices that wait, "" where there is none: the last of each kind, if several did.
func (e *edge) takeFlash(c echo.Context) (did, tells string) {
	if notice, is := c.Get(unsaved).(string); is {
		return "", notice
	}
	session := e.current(c)
	if session == nil {
		return "", ""
	}
	did, tells = last(session.Flashes(done)), last(session.Flashes(told))
	if did != "" || tells != "" {
		e.saveNotices(c, session)
	}
	return did, tells
}

func last(messages []any) string {
	if len(messages) == 0 {
		return ""
	}
	text, _ := messages[len(messages)-1].(string)
	return text
}

// current returns the session of whoever is signed in, nil for nobody.
func (e *edge) current(c echo.Context) *sessions.Session {
	if handlers.Viewer(c).User == nil {
		return nil
	}
	session, err := e.sessions.Get(c.Request(), e.sessions.name)
	if err != nil {
		return nil // then there is no viewer either: the middleware has refused the request
	}
	return session
}

func (e *edge) saveNotices(c echo.Context, session *sessions.Session) {
	if err := session.Save(c.Request(), c.Response()); err != nil {
		e.log.Warn("a notice was not kept", "error", err)
	}
}
