package web_test

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"stackhook/models/store/storetest"
	"stackhook/static"
	"stackhook/web"
	"stackhook/web/webtest"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	for base, hsts := range map[string]string{"http://stackhook.example": "", "https://stackhook.example": "max-age=31536000"} {
		site := webtest.Offline(t, withBase(base))
		every := map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Strict-Transport-Security": hsts}
		page := map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
				"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /csp-reports",
			"X-Frame-Options":            "DENY",
			"Referrer-Policy":            "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Permissions-Policy":         "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
		}
		api := map[string]string{"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
		for path, also := range map[string]map[string]string{"/login": page, "/stacks": page, "/nothing": page, "/healthz": page, "/api/nothing": api} {
			h := site.As(t, "").GET(path).Header
			for _, wants := range []map[string]string{every, also} {
				for name, want := range wants {
					if got := h.Get(name); got != want {
						t.Errorf("%s%s: %s: %q, want %q", base, path, name, got, want)
					}
				}
			}
			if h.Get("X-Request-Id") == "" {
				t.Errorf("%s: %v", path, h)
			}
		}
	}
	site := webtest.Offline(t)
	page := site.As(t, "").GET(static.URL(static.Stylesheet))
	if page.Status != http.StatusOK || !strings.Contains(page.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%d %v", page.Status, page.Header)
	}
}

func TestRequestIDIsOurs(t *testing.T) {
	t.Parallel()
	b := webtest.Offline(t).As(t, "")
	r := b.Request(http.MethodGet, "/login", nil)
	r.Header.Set("X-Request-Id", "chosen\tby somebody")
	if got := b.Do(r).Header.Get("X-Request-Id"); got == "" || strings.Contains(got, "chosen") {
		t.Errorf("%q", got)
	}
}

func TestOtherSitesCannotSendForms(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t, withBase("http://hooks.example")) // behind a proxy that changes Host
	storetest.Stack(t, site.Store, "net")
	b := site.As(t, "admin")
	for _, c := range []struct {
		headers map[string]string
		want    int
	}{
		{map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		{map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://other.hooks.example"}, http.StatusForbidden},
		{map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		{map[string]string{"Origin": "null"}, http.StatusForbidden},
		{map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusUnprocessableEntity},
		{map[string]string{"Origin": "http://hooks.example"}, http.StatusUnprocessableEntity},
		{map[string]string{"Origin": "http://stackhook.example"}, http.StatusUnprocessableEntity}, // the host that is asked
		{nil, http.StatusUnprocessableEntity},                                                     // no browser
	} {
		r := b.Request(http.MethodPost, "/stacks", nil)
		for name, value := range c.headers {
			r.Header.Set(name, value)
		}
		page := b.Do(r)
		if page.Status != c.want {
			t.Errorf("%v: %d, want %d", c.headers, page.Status, c.want)
		}
		if c.want == http.StatusForbidden && !strings.Contains(page.Text("main"), "sent from another site") {
			t.Errorf("%v: %s", c.headers, page.Text("main"))
		}
	}
}

func TestSignInFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	b := site.As(t, "")
	form := url.Values{"email": {site.Admin.Email}, "password": {webtest.Password}}
	r := b.Request(http.MethodPost, "/login", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if page := b.Do(r); page.Status != http.StatusForbidden || len(b.Cookies()) != 0 {
		t.Errorf("%d, %v", page.Status, b.Cookies())
	}
}

func TestAddressOfTheClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trusted, forwarded, want string
	}{
		{"", "203.0.113.9", "192.0.2.1"},
		{"192.0.2.0/24", "203.0.113.9", "203.0.113.9"},
		{"192.0.2.7/24", "203.0.113.9, 192.0.2.8", "203.0.113.9"},
		{"192.0.2.0/24", "198.51.100.1, 203.0.113.9", "203.0.113.9"}, // the first was invented by the client
		{"10.0.0.0/8", "203.0.113.9", "192.0.2.1"},
		{"10.0.0.0/8", "10.1.2.3", "192.0.2.1"},
		{"192.0.2.0/24", "2001:db8::1", "2001:db8::1"},
		{"192.0.2.0/24", "", "192.0.2.1"},
		{"192.0.2.0/24", "nonsense", "192.0.2.1"},
	} {
		site := webtest.Offline(t, func(config *web.Config) {
			if c.trusted != "" {
				config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.trusted)}
			}
		})
		b := site.As(t, "")
		r := b.Request(http.MethodPost, "/login", nil)
		r.Header.Set("X-Forwarded-For", c.forwarded)
		r.Header.Set("X-Real-Ip", "203.0.113.66")
		b.Do(r)
		want := "session.failed  by  from " + c.want
		if got := audited(t, site, "session.failed"); len(got) != 1 || got[0] != want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	var sick error
	site := webtest.Offline(t, func(c *web.Config) { c.Handlers.EngineHealth = func() error { return sick } })
	b := site.As(t, "")
	if page := b.GET("/readyz"); page.Status != http.StatusOK {
		t.Errorf("%d %s", page.Status, page.Body)
	}
	sick = errors.New("the loop ended")
	if page := b.GET("/readyz"); page.Status != http.StatusServiceUnavailable || strings.Contains(page.Body, "loop") {
		t.Errorf("%d %s", page.Status, page.Body)
	}
	if page := b.GET("/healthz"); page.Status != http.StatusOK {
		t.Errorf("%d %s", page.Status, page.Body)
	}
}

func TestTheme(t *testing.T) {
	t.Parallel()
	b := webtest.Offline(t).As(t, "")
	for _, c := range []struct{ theme, back, to, shown string }{
		{"dark", "/login?next=%2Ftokens", "/login?next=%2Ftokens", "dark"},
		{"light", "//evil.example", "/", "light"},
		{"system", "/login", "/login", "none"},
		{`"><script>`, "/login", "/login", "none"},
	} {
		page := b.POST("/theme", url.Values{"theme": {c.theme}, "back": {c.back}})
		if page.Status != http.StatusSeeOther || page.Location() != c.to {
			t.Errorf("%+v: %d %s", c, page.Status, page.Location())
		}
		if got := b.GET("/login").Doc.Find("html").AttrOr("data-theme", "none"); got != c.shown {
			t.Errorf("%+v: the page is %q", c, got)
		}
	}
}
