package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// ThemeCookie is the cookie that keeps whether a browser wants the light or the dark theme.
const ThemeCookie = "theme"

// themeAge is how long a browser keeps its choice: the longest that browsers keep any cookie (RFC 6265bis).
const themeAge = 400 * 24 * time.Hour

// SetTheme keeps the choice of a theme and leads back to where it was made. The system's own is no cookie at all.
func (h *Handlers) SetTheme(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	cookie := &http.Cookie{
		Name: ThemeCookie, Value: values.Get("theme"), Path: "/", MaxAge: int(themeAge.Seconds()),
		HttpOnly: true, Secure: h.BaseURL.Scheme == "https", SameSite: http.SameSiteLaxMode,
	}
	if cookie.Value != "light" && cookie.Value != "dark" {
		cookie.Value, cookie.MaxAge = "", -1
	}
	c.SetCookie(cookie)
	return seeOther(c, LocalPath(values.Get("back")))
}
