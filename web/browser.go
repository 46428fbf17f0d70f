package web

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/labstack/echo/v4"

	"stackhook/models"
)

// deviceAge is how long a browser is known after somebody signed in there.
const deviceAge = 180 * 24 * time.Hour

// browserCookies are what a browser keeps of itself while nobody is signed in.
type browserCookies struct {
	visit, device       string // names
	secure              bool
	sealVisit, sealKnow *securecookie.SecureCookie
}

func newBrowserCookies(secure bool, hash, block []byte) *browserCookies {
	seal := func(age time.Duration) *securecookie.SecureCookie {
		s := securecookie.New(hash, block)
		return s.SetSerializer(securecookie.JSONEncoder{}).MaxAge(int(age.Seconds()))
	}
	b := &browserCookies{visit: "stackhook-sign-on", device: "stackhook-device", secure: secure, sealVisit: seal(models.SignOnAge), sealKnow: seal(deviceAge)}
	if secure { // browsers take them over https only; __Host- would send the device's cookie everywhere
		b.visit, b.device = "__Host-"+b.visit, "__Secure-"+b.device
	}
	return b
}

// browser names the browser while somebody signs in at the identity provider, so that nobody finishes in one browser what
// began in another. Several sign-ins at once, in several tabs, share the name.
func (e *edge) browser(c echo.Context) (string, error) {
	b := e.cookies
	var id string
	if sent, err := c.Cookie(b.visit); err == nil && b.sealVisit.Decode(b.visit, sent.Value, &id) != nil {
		id = ""
	}
	if c.Request().Method != http.MethodPost {
		return id, nil // it is too late for a name
	}
	if id == "" {
		id = rand.Text()
	}
	value, err := b.sealVisit.Encode(b.visit, id)
	if err != nil {
		return "", fmt.Errorf("seal a browser's name: %w", err)
	}
	c.SetCookie(&http.Cookie{
		Name: b.visit, Value: value, Path: "/", MaxAge: int(models.SignOnAge.Seconds()),
		Secure: b.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, // Lax: people come back from the provider's site
	})
	return id, nil
}

// device is what a browser keeps once somebody signed in there.
type device struct {
	ID   string `json:"id"`
	User int64  `json:"user"`
}

// remember makes the browser one in which the person signed in before. The cookie survives signing out and signs nobody in:
// all that it gives is tries of its own, see tryPassword. It goes to the sign-in form only.
func (e *edge) remember(c echo.Context, user models.User) error {
	b := e.cookies
	if known, is := e.device(c); is && known.User == user.ID {
		return nil
	}
	value, err := b.sealKnow.Encode(b.device, device{ID: rand.Text(), User: user.ID})
	if err != nil {
		return fmt.Errorf("seal a device's name: %w", err)
	}
	c.SetCookie(&http.Cookie{
		Name: b.device, Value: value, Path: "/login", MaxAge: int(deviceAge.Seconds()),
		Secure: b.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

func (e *edge) device(c echo.Context) (d device, is bool) {
	sent, err := c.Cookie(e.cookies.device)
	if err != nil || e.cookies.sealKnow.Decode(e.cookies.device, sent.Value, &d) != nil {
		return device{}, false
	}
	return d, true
}
