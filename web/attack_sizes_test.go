package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/static"
	"stackhook/web/webtest"
)

// Whatever is far too long, too deep or too many is refused in words, quickly, and never an error of ours.
func TestNothingIsTooLargeToBeRefused(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	_, params := furnish(t, site)
	b := site.As(t, "admin")
	const long = 60_000 // just fits into a form
	x := strings.Repeat("x", long)
	for _, c := range []struct {
		path, form string
		want       int
	}{
		{"/login", "email=" + x, 422},
		{"/login", "password=" + x, 422},
		{"/login", "email=a&password=b&next=/" + x, 422},
		{"/login", "email=a&password=b&form=" + x, 422},
		{"/login", strings.Repeat("a&", long/2), 400}, // more fields than any form has
		{"/login", strings.Repeat("email=a&", long/8), 422},
		{"/login", strings.Repeat("%00", long/3), 422},
		{"/stacks", "name=" + x, 422},
		{"/stacks", "id=" + x + "&name=a", 422},
		{"/stacks", "id=a&name=a&description=" + x, 422},
		{"/stacks", "id=a&name=a&labels=" + strings.Join(strings.Split(x[:long/2], ""), ","), 303}, // one label, again and again
		{"/stacks", "id=b&name=a&labels=" + numbers(65), 422},
		{"/users", "email=" + x + "@example.com&role=reader", 422},
		{"/users", "email=a@example.com&role=reader&name=" + x, 422},
		{"/users", "email=a@example.com&role=" + x, 422},
		{"/tokens", "scope=read&stack=net&name=" + x, 422},
		{"/tokens", "name=a&scope=" + x + "&stack=net", 422},
		{"/tokens", "name=a&scope=read&stack=" + x, 422},
		{"/stacks/:stack/settings/integrations/webhooks", "endpoint=https://a.example/" + x, 422},
		{"/stacks/:stack/settings/integrations/webhooks", "endpoint=https://" + x, 422},
		{"/stacks/:stack/settings/integrations/webhooks", "endpoint=https://a.example/&secret=" + x, 422},
		{"/stacks/:stack/settings/access", "user=" + strings.Repeat("9", long), 422},
		{"/profile/password", "current=" + x[:long/2] + "&password=" + x[:long/2], 422},
		{"/theme", "theme=" + x[:long/2] + "&back=/" + x[:long/2], 303},
		{"/setup", "token=" + x, 404},
	} {
		path := strings.NewReplacer(params...).Replace(c.path)
		r := b.Request(http.MethodPost, path, strings.NewReader(c.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if page := b.Do(r); page.Status != c.want && !(page.Status == 303 && path == "/login") {
			t.Errorf("%s with %.40s…: %d, want %d", path, c.form, page.Status, c.want)
		}
	}
	for _, path := range []string{
		"/" + x, strings.Repeat("/x", long/2), "/stacks/" + x, "/users/" + strings.Repeat("9", long), "/users/-1", "/stacks/net/runs/" + x, "/stacks/net/deliveries/" + x,
		"/deliveries?id=" + x, "/deliveries?run=" + x, "/deliveries?code=" + strings.Repeat("9", 400), "/deliveries?cursor=" + x, "/deliveries?" + strings.Repeat("status=failed&", 4000),
		"/audit?who=" + x, "/audit?cursor=" + x, "/failures?webhook=" + x, "/stacks?q=" + x, "/stacks?page=" + x, "/login?next=/" + x, "/setup?token=" + x, "/static/" + x,
	} {
		if page := b.GET(path); page.Status >= 500 {
			t.Errorf("%.60s…: %d", path, page.Status)
		}
	}
}

// numbers is a list of so many different labels.
func numbers(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint(i))
	}
	return strings.Join(list, ",")
}

// The same for programs: fields, numbers, nesting, tokens.
func TestNothingIsTooLargeForTheAPI(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack, params := furnish(t, site)
	p := program{t, site, token(t, site, models.ScopeAdmin, stack.Key)}
	x := strings.Repeat("x", 500_000)
	for _, body := range []string{
		`{"id":"` + x + `"}`, `{"branch":"` + x + `"}`, `{"commit":{"message":"` + x + `"}}`, `{"commit":{"url":"https://` + x + `"}}`, `{"type":"` + x + `"}`, `{"` + x + `":1}`,
		`{"createdAt":` + strings.Repeat("9", 400) + `}`, `{"createdAt":1e999}`, `{"timestamp":-99999999999999}`, `{"createdAt":1.5}`,
		strings.Repeat("[", 500_000), strings.Repeat(`{"commit":`, 50_000), `{"commit":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
		`{` + strings.Repeat(`"branch":"a",`, 30_000) + `"branch":"a"}`, `"` + strings.Repeat(`\u0000`, 80_000) + `"`, strings.Repeat("9", 900_000),
	} {
		if a := p.call("POST", "/api/v1/stacks/net/runs", body); a.status != 400 && a.status != 422 || len(a.text) > 10_000 {
			t.Errorf("%.40s…: %d with %d bytes", body, a.status, len(a.text))
		}
	}
	run := strings.NewReplacer(params...).Replace("/api/v1/stacks/net/runs/:run/states")
	for _, body := range []string{`{"state":"` + x + `"}`, `{"state":"PLANNING","stateVersion":` + strings.Repeat("9", 30) + `}`, `{"state":"PLANNING","delta":{"added":` + strings.Repeat("9", 30) + `}}`} {
		if a := p.call("POST", run, body); a.status != 400 && a.status != 422 {
			t.Errorf("%.40s…: %d", body, a.status)
		}
	}
	for _, path := range []string{"/runs?limit=" + strings.Repeat("9", 30), "/runs?cursor=" + x[:30_000], "/deliveries?id=" + x[:30_000], "/deliveries?" + strings.Repeat("status=failed&", 2000), "/runs/" + x[:30_000], "/webhooks/" + x[:30_000]} {
		if a := p.call("GET", "/api/v1/stacks/net"+path, ""); a.status >= 500 || a.status < 200 {
			t.Errorf("%.40s…: %d", path, a.status)
		}
	}
	if a := (program{t, site, x}).call("GET", "/api/v1/stacks/net/runs", ""); a.status != 401 {
		t.Errorf("a long token: %d", a.status)
	}
}

var plainName = regexp.MustCompile(`^attachment; filename="[\w.-]+"$`)

// No name of ours becomes a path: ids that could are refused, and files that are downloaded have plain names.
func TestNamesAreNoPaths(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack, params := furnish(t, site)
	b := site.As(t, "admin")
	p := program{t, site, token(t, site, models.ScopeAdmin, 0)}
	for i, name := range []string{"../../etc/passwd", "..", ".", "a/b", `a\b`, "/etc/passwd", `C:\x`, "a\x00b", "a%2fb", "~", "a b", "con.", "é", "a\nb", "-rf", `"; filename="x`} {
		if page := b.POST("/stacks", url.Values{"id": {name}, "name": {"n"}}); page.Status != 422 {
			t.Errorf("a stack with the id %q: %d", name, page.Status)
		}
		if a := p.call("POST", "/api/v1/stacks/net/runs", `{"id":`+inJSON(name)+`}`); a.status != 422 {
			t.Errorf("a run with the id %q: %d", name, a.status)
		}
		named := storetest.Stack(t, site.Store, fmt.Sprintf("n%d", i))
		named.Name = strings.Map(func(r rune) rune { return max(r, ' ') }, name)
		if err := site.Store.UpdateStack(t.Context(), storetest.Shell, named); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/deliveries.csv", "/stacks/" + named.ID + "/deliveries.csv?run=" + url.QueryEscape(name), "/stacks/" + named.ID + "/deliveries.ndjson", "/audit.csv?stack=" + url.QueryEscape(name)} {
			page := b.GET(path)
			if got := page.Header.Get("Content-Disposition"); page.Status == 200 && !plainName.MatchString(got) {
				t.Errorf("%s: %q", path, got)
			}
		}
	}
	page := b.GET(strings.NewReplacer(params...).Replace("/stacks/" + stack.ID + "/deliveries/:delivery/download"))
	if got := page.Header.Get("Content-Disposition"); !plainName.MatchString(got) {
		t.Errorf("%q", got)
	}
}

// No spelling of a path leads out of the files that are served, and none lists them.
func TestFilesAreServedByTheirNamesAlone(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	for _, up := range []string{"..", "%2e%2e", "%2E.", ".%2e", "..%00", "%252e%252e", "..;", "....", "%c0%ae%c0%ae", "．．"} {
		for _, slash := range []string{"/", "%2f", `%5c`, `\`, "//", "%252f"} {
			for _, file := range []string{"go.mod", "stackhook.db", "stackhook.key", "etc/passwd", "handler.go"} {
				for _, path := range []string{"/static/" + up + slash + file, "/static/css/" + up + slash + up + slash + file, static.URL(static.Script) + "/" + up + slash + file, "/static/" + slash + file} {
					w := httptest.NewRecorder()
					r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: unescaped(path), RawPath: path}, Header: http.Header{}, Host: "stackhook.example", RemoteAddr: "192.0.2.1:1", RequestURI: path, Body: http.NoBody}
					site.Echo.ServeHTTP(w, r.WithContext(t.Context()))
					if w.Code != 404 && w.Code != 303 && w.Code != 301 {
						t.Errorf("%s: %d", path, w.Code)
					}
					if strings.Contains(w.Body.String(), "module stackhook") || strings.Contains(w.Body.String(), "root:") || strings.Contains(w.Body.String(), "SQLite format") {
						t.Errorf("%s is served", path)
					}
				}
			}
		}
	}
	b := site.As(t, "")
	for _, path := range []string{"/static", "/static/", "/static/css/", "/static/js", "/static/.", "/static//"} {
		if page := b.GET(path); page.Status != 404 && page.Status != 303 || strings.Contains(page.Body, "base.css") {
			t.Errorf("%s: %d", path, page.Status)
		}
	}
}

// unescaped is the path as a server has it, or as it is where it cannot be read.
func unescaped(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}
