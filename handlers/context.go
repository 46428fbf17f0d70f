package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"stackhook/models"
)

// The keys of what middleware leaves in the context of a request.
const (
	viewerKey = "viewer"
	stackKey  = "stack"
	pathKey   = "path"
)

// SetViewer says who is asking; middleware of package web does.
func SetViewer(c echo.Context, v models.Viewer) { c.Set(viewerKey, v) }

// Viewer returns who is asking, the zero Viewer for nobody.
func Viewer(c echo.Context) models.Viewer {
	v, _ := c.Get(viewerKey).(models.Viewer)
	return v
}

// actor returns who is asking, as the audit log keeps it.
func actor(c echo.Context) models.Actor { return Viewer(c).Actor() }

// stack returns the stack that the path names. It is not found unless the viewer reads it.
func (h *Handlers) stack(c echo.Context) (models.Stack, error) {
	if s, is := c.Get(stackKey).(models.Stack); is {
		return s, nil
	}
	v := Viewer(c)
	s, err := h.Store.Stack(c.Request().Context(), v, c.Param("stack"))
	if err == nil && !v.Reads(s.Key) {
		err = models.ErrNotFound
	}
	if err != nil {
		return models.Stack{}, err
	}
	c.Set(stackKey, s)
	return s, nil
}

// CheckStack refuses the request unless the path names a stack that the viewer reads, or no stack at all.
func (h *Handlers) CheckStack(c echo.Context) error {
	if c.Param("stack") == "" {
		return nil
	}
	_, err := h.stack(c)
	return err
}

// LocalPath returns where to go on this site: the path with its query, or "/" when it would lead anywhere else.
// Browsers drop tabs and line breaks, and read a backslash as a slash: “/\evil.example” is another site.
func LocalPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\x7f") || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' }) {
		return "/"
	}
	return path
}

// setPagePath says which page the person is looking at, where the address is one that does not work twice.
func setPagePath(c echo.Context, path string) { c.Set(pathKey, path) }

// PagePath returns the page that the person is looking at: the one that is asked for, or for a form the one that it was
// sent from, as far as the browser says; "/" if that cannot be opened again.
func (h *Handlers) PagePath(c echo.Context) string {
	if path, is := c.Get(pathKey).(string); is {
		return path
	}
	r := c.Request()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return LocalPath(r.URL.RequestURI())
	}
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host && from.Host != h.BaseURL.Host {
		return "/"
	}
	path := LocalPath(from.RequestURI())
	if !h.IsPage(path) {
		return "/"
	}
	return path
}
