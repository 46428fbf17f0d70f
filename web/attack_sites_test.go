package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/web/webtest"
)

// What another site can make a browser send, by a form or by fetch, is refused by every route that changes anything, and what it
// can make it open changes nothing.
func TestNoOtherSiteChangesAnything(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	_, params := furnish(t, site)
	b := site.As(t, "admin")
	before := everything(t, site)
	fields := url.Values{
		"endpoint": {"https://evil.example/"}, "secret": {"theirs"}, "name": {"theirs"}, "id": {"theirs"}, "email": {"theirs@evil.example"}, "role": {"admin"}, "user": {"2"},
		"scope": {"admin"}, "stack": {"net"}, "current": {webtest.Password}, "password": {"a password of theirs"}, "theme": {"dark"}, "_method": {"DELETE"},
	}
	posts, opens := 0, 0
	for _, r := range site.Echo.Routes() {
		path := strings.NewReplacer(params...).Replace(r.Path)
		switch {
		case strings.HasPrefix(r.Path, "/api/"), r.Path == "/csp-reports": // there is no session
		case r.Method == http.MethodPost:
			posts++
			for name, headers := range foreign {
				q := b.Request(http.MethodPost, path, strings.NewReader(fields.Encode()))
				q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for header, value := range headers {
					q.Header.Set(header, value)
				}
				if page := b.Do(q); page.Status != http.StatusForbidden || len(page.Header.Values("Set-Cookie")) != 0 {
					t.Errorf("%s, %s: %d", path, name, page.Status)
				}
			}
		case r.Method == http.MethodGet:
			opens++
			q := b.Request(http.MethodGet, path+"?"+fields.Encode(), nil)
			q.Header.Set("Sec-Fetch-Site", "cross-site")
			q.Header.Set("X-HTTP-Method-Override", "POST")
			b.Do(q)
		}
	}
	if posts < 15 || opens < 25 {
		t.Errorf("%d forms, %d pages", posts, opens)
	}
	if after := everything(t, site); before != after {
		t.Errorf("something changed:\n%s\nwas\n%s", after, before)
	}
	if !signedIn(b) {
		t.Error("signed out by another site")
	}
}

// foreign are the headers of what other sites send: a form, a fetch that needs no preflight, one that does, one out of a frame
// without an origin, one from a neighbour, and what browsers without Sec-Fetch-Site send.
var foreign = map[string]map[string]string{
	"a form":            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Origin": "https://evil.example"},
	"a fetch":           {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Origin": "https://evil.example", "Content-Type": "text/plain"},
	"a fetch with JSON": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://evil.example", "Content-Type": "application/json"},
	"several parts":     {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example", "Content-Type": "multipart/form-data; boundary=x"},
	"a sandbox":         {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
	"a neighbour":       {"Sec-Fetch-Site": "same-site", "Origin": "http://other.stackhook.example"},
	"another port":      {"Sec-Fetch-Site": "same-site", "Origin": "http://stackhook.example:81"},
	"an old browser":    {"Origin": "https://evil.example"},
	"no origin":         {"Origin": "null", "Referer": "http://stackhook.example/"},
	"an overridden one": {"Sec-Fetch-Site": "cross-site", "X-HTTP-Method-Override": "GET", "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"},
}

// No script of another site reads an answer: there is no CORS header, whatever origin asks.
func TestNoOtherSiteReadsAnything(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	_, params := furnish(t, site)
	b := site.As(t, "admin")
	for _, r := range site.Echo.Routes() {
		for _, method := range []string{r.Method, http.MethodOptions} {
			if method == http.MethodPost {
				continue // those are refused
			}
			q := b.Request(method, strings.NewReplacer(params...).Replace(r.Path), nil)
			q.Header.Set("Origin", "https://evil.example")
			q.Header.Set("Access-Control-Request-Method", r.Method)
			for name := range b.Do(q).Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, r.Path, name)
				}
			}
		}
	}
}

// Neither the theme nor a form that waited for the sign-in leads to another site.
func TestNoFormLeadsToAnotherSite(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	_, params := furnish(t, site)
	webhook := strings.NewReplacer(params...).Replace("/stacks/:stack/settings/integrations/webhooks/:webhook")
	for _, to := range []string{"//evil.example/", `/\evil.example`, "https://evil.example/", "/\t/evil.example", "javascript:alert(1)", "http:/evil.example", "/\r\nLocation: //evil.example", "///evil.example", "\\\\evil.example"} {
		b := site.As(t, "")
		for _, path := range []string{"/theme"} {
			if page := b.POST(path, url.Values{"theme": {"dark"}, "back": {to}}); page.Location() != "/" || len(page.Header.Values("Location")) != 1 {
				t.Errorf("%s with %q leads to %q", path, to, page.Header.Values("Location"))
			}
		}
		q := b.Request(http.MethodPost, webhook, strings.NewReader("endpoint=https://a.example/"))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header["Referer"] = []string{strings.NewReplacer("\r", "", "\n", "").Replace(to)}
		page := b.Do(q)
		if next := page.Doc.Find(`[name="next"]`).AttrOr("value", "none"); page.Status != http.StatusUnauthorized || next != "/" {
			t.Errorf("a form from %q waits for %q", to, next)
		}
		if page.Doc.Find(`a[href*="evil"], form[action*="evil"]`).Length() != 0 {
			t.Errorf("a form from %q: the page leads there", to)
		}
	}
}
