package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web"
	"stackhook/web/webtest"
)

// behindProxy lets tests come from any address.
func behindProxy(c *web.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
}

// try sends a password from an address of its own, in the given browser.
func try(b *webtest.Browser, n int, email, password string) *webtest.Page {
	r := b.Request(http.MethodPost, "/login", strings.NewReader(url.Values{"email": {email}, "password": {password}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", "198.51.100."+strconv.Itoa(n))
	return b.Do(r)
}

// TestManyAddressesGuessOnePassword: the owner waits in a strange browser, for a while; in one that they signed in with before
// they do not; and nobody learns whether there is such an account.
func TestManyAddressesGuessOnePassword(t *testing.T) {
	t.Parallel()
	for _, email := range []string{"grace@example.com", "nobody@example.com", "gone@example.com"} {
		synctest.Test(t, func(t *testing.T) {
			site := webtest.Offline(t, behindProxy)
			gone := site.User(t, models.User{Email: "gone@example.com", Role: models.Reader})
			gone.Active = false
			if err := site.Store.UpdateUser(t.Context(), storetest.Shell, gone); err != nil {
				t.Fatal(err)
			}
			owner := site.As(t, "reader")
			owner.POST("/logout", nil)
			for i := range 10 {
				if page := try(site.As(t, ""), i, strings.ToUpper(email), "wrong"); page.Status != http.StatusUnprocessableEntity {
					t.Fatalf("%s, try %d: %d", email, i, page.Status)
				}
			}
			page := try(site.As(t, ""), 20, email, webtest.Password)
			if page.Status != http.StatusTooManyRequests || page.Header.Get("Retry-After") != "5" || !strings.Contains(page.Text("main"), "Try again in 5 seconds") {
				t.Errorf("%s: %d, Retry-After %q\n%s", email, page.Status, page.Header.Get("Retry-After"), page.Text("main"))
			}
			if email != "grace@example.com" {
				return
			}
			eve := site.As(t, "admin") // a browser in which somebody else signed in is a strange one
			eve.POST("/logout", nil)
			if page := try(eve, 21, email, webtest.Password); page.Status != http.StatusTooManyRequests {
				t.Errorf("with another's cookie: %d", page.Status)
			}
			if page := try(owner, 22, email, webtest.Password); page.Status != http.StatusSeeOther {
				t.Errorf("in a known browser: %d\n%s", page.Status, page.Text("main"))
			}
			time.Sleep(5 * time.Second)
			if page := try(site.As(t, ""), 23, email, webtest.Password); page.Status != http.StatusSeeOther {
				t.Errorf("after the wait: %d\n%s", page.Status, page.Text("main"))
			}
		})
	}
}

// A known browser has tries of its own, and no more than others.
func TestAKnownBrowserGuesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := webtest.Offline(t, behindProxy)
		thief := site.As(t, "reader")
		thief.POST("/logout", nil)
		for i := range 10 {
			if page := try(thief, i, site.Reader.Email, "wrong"); page.Status != http.StatusUnprocessableEntity {
				t.Fatalf("try %d: %d", i, page.Status)
			}
		}
		if page := try(thief, 20, site.Reader.Email, "wrong"); page.Status != http.StatusTooManyRequests {
			t.Errorf("no end of tries: %d", page.Status)
		}
		if page := try(site.As(t, ""), 21, site.Reader.Email, webtest.Password); page.Status != http.StatusSeeOther {
			t.Errorf("another browser waits for them: %d", page.Status)
		}
	})
}

func TestCookieOfAKnownBrowser(t *testing.T) {
	t.Parallel()
	for base, name := range map[string]string{"http://stackhook.example": "stackhook-device", "https://stackhook.example": "__Secure-stackhook-device"} {
		site := webtest.Offline(t, withBase(base))
		page := site.As(t, "").POST("/login", url.Values{"email": {site.Admin.Email}, "password": {webtest.Password}})
		for _, got := range (&http.Response{Header: page.Header}).Cookies() {
			if strings.HasSuffix(got.Name, "device") && (got.Name != name || got.Secure != strings.HasPrefix(base, "https") || !got.HttpOnly ||
				got.SameSite != http.SameSiteLaxMode || got.Path != "/login" || got.Domain != "" || got.MaxAge != 180*24*60*60) {
				t.Errorf("%+v", got)
			}
		}
	}
}
