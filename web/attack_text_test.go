package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web"
	"stackhook/web/webtest"
)

// markups are what a text field may hold that wants to be more.
var markups = []string{
	`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `" onmouseover="alert(1)" x="`, `</title></textarea></style><svg onload=alert(1)>`,
	`javascript:alert(1)//`, `{{7*7}}${7*7}<%=7*7%>`, "`-alert(1)-`", `&lt;script&gt;alert(1)&lt;/script&gt;`,
}

// Whatever is typed into any field, by anybody, is text on every page.
func TestNoFieldBecomesMarkup(t *testing.T) {
	t.Parallel()
	for i, text := range markups {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			site := webtest.Offline(t)
			b := site.As(t, "")
			signIn := b.Request(http.MethodPost, "/login", strings.NewReader(url.Values{"email": {site.Admin.Email}, "password": {webtest.Password}}.Encode()))
			signIn.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			signIn.Header.Set("User-Agent", text)
			b.Do(signIn)
			typeInto(t, site, b, text)
			pages, shown := 0, 0
			for _, path := range crawl(b, 120) {
				page := b.GET(path)
				if !strings.Contains(page.Header.Get("Content-Type"), "html") {
					continue
				}
				pages++
				if strings.Contains(page.Doc.Text(), text) {
					shown++
				}
				harmless(t, path, page.Doc)
			}
			if pages < 20 || shown < 8 {
				t.Errorf("%d pages, of which %d show it", pages, shown)
			}
		})
	}
}

// typeInto types the text into every field that takes it, and reports a run that is made of it.
func typeInto(t *testing.T, site *webtest.Site, b *webtest.Browser, text string) {
	t.Helper()
	for path, form := range map[string]url.Values{
		"/stacks": {"id": {"net"}, "name": {text}, "description": {text}, "labels": {text + ", b"}},
		"/users":  {"email": {"x@example.com"}, "name": {text}, "role": {"reader"}, "all_stacks": {"on"}},
		"/tokens": {"name": {text}, "scope": {"read"}, "stack": {"*"}},
	} {
		if page := b.POST(path, form); page.Status >= 400 && path != "/tokens" {
			t.Fatalf("%s: %d %s", path, page.Status, page.Text("main"))
		}
		bad := url.Values{}
		for name := range form {
			bad.Set(name, text)
		}
		page := b.POST(path, bad) // the form comes back with it
		harmless(t, "POST "+path, page.Doc)
	}
	if _, _, err := site.Store.CreateToken(t.Context(), storetest.Shell, models.Token{Name: text, Scope: models.ScopeRead}); err != nil {
		t.Fatal(err)
	}
	webhooks := "/stacks/net/settings/integrations/webhooks"
	b.POST(webhooks, url.Values{"endpoint": {"https://receiver.example/" + text}, "secret": {text}, "enabled": {"on"}})
	harmless(t, "the webhook's form", b.POST(webhooks, url.Values{"endpoint": {text}, "secret": {text}}).Doc)
	b.POST("/login", url.Values{"email": {text}, "password": {text}})
	report := map[string]any{
		"branch": text, "triggeredBy": text,
		"commit": map[string]any{"authorLogin": text, "authorName": text, "message": text + "\n" + text, "url": "https://example.com/" + url.PathEscape(text)},
	}
	body, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if a := (program{t, site, token(t, site, models.ScopeReport, 0)}).call("POST", "/api/v1/stacks/net/runs", string(body)); a.status != 201 {
		t.Fatal(a.text)
	}
	deliver(t, site, accepted)
}

// crawl follows the links from the list of stacks, and returns at most so many paths.
func crawl(b *webtest.Browser, most int) []string {
	paths, seen := []string{"/stacks", "/audit", "/profile", "/users", "/tokens", "/deliveries", "/failures", "/stacks/new"}, map[string]bool{}
	for i := 0; i < len(paths) && len(paths) < most; i++ {
		b.GET(paths[i]).Doc.Find("a[href^='/']").Each(func(_ int, a *goquery.Selection) {
			path, _, _ := strings.Cut(a.AttrOr("href", ""), "#")
			if !seen[path] && !strings.HasPrefix(path, "/static/") && len(paths) < most {
				seen[path] = true
				paths = append(paths, path)
			}
		})
	}
	return paths
}

// harmless checks that a page has no script but ours, no handler of events, and no link that runs anything.
func harmless(t *testing.T, path string, doc *goquery.Document) {
	t.Helper()
	doc.Find("*").Each(func(_ int, e *goquery.Selection) {
		name := goquery.NodeName(e)
		if src := e.AttrOr("src", "/static/"); !strings.HasPrefix(src, "/static/") || name == "script" && strings.TrimSpace(e.Text()) != "" {
			t.Errorf("%s: <%s src=%q>%.100s", path, name, src, e.Text())
		}
		for _, a := range e.Nodes[0].Attr {
			link := a.Key == "href" || a.Key == "action" || a.Key == "formaction"
			to := strings.ToLower(strings.TrimSpace(a.Val))
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || link && !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "#") && !strings.HasPrefix(to, "?") && !strings.HasPrefix(to, "http") {
				t.Errorf("%s: <%s %s=%q>", path, name, a.Key, a.Val)
			}
		}
	})
	if doc.Find("iframe, object, embed, base, style, svg[onload]").Length() != 0 {
		t.Errorf("%s: an element that we do not have", path)
	}
}

// What is asked for, by whom and from where makes no line of its own in the log, in either form, and no header.
func TestNothingIsWrittenIntoTheLogOrTheHeaders(t *testing.T) {
	t.Parallel()
	const forged = "level=ERROR msg=forged"
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var log bytes.Buffer
		site := webtest.Offline(t, func(c *web.Config) {
			c.Handlers.Log = slog.New(handler(&log))
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		})
		b := site.As(t, "admin")
		log.Reset()
		requests := 0
		for _, ending := range []string{"\n", "\r\n", "\r", "\u2028", "\x00\n", "\x1b[2J\n"} {
			text := "x" + ending + "X-Forged: yes" + ending + forged + ending
			escaped := url.PathEscape(text)
			for _, path := range []string{
				"/" + escaped, "/stacks/" + escaped, "/stacks/net/deliveries/" + escaped + "/download", "/deliveries.csv?id=" + url.QueryEscape(text), "/login?next=" + url.QueryEscape("/"+text),
				"/api/v1/" + escaped, "/static/" + escaped, "/setup?token=" + url.QueryEscape(text),
			} {
				q := b.Request(http.MethodGet, path, nil)
				q.Header["User-Agent"] = []string{text}
				q.Header["X-Forwarded-For"] = []string{text + ", " + text}
				q.Header["X-Request-Id"] = []string{text}
				page := b.Do(q)
				requests++
				for header, values := range page.Header {
					for _, v := range values {
						if strings.ContainsAny(v, "\r\n\x00") || header == "X-Forged" {
							t.Errorf("%s: %s: %q", path, header, v)
						}
					}
				}
				if page.Status >= 500 {
					t.Errorf("%s: %d", path, page.Status)
				}
			}
			b.POST("/stacks", url.Values{"name": {text}, "id": {text}})
			requests++
		}
		lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
		logged := 0
		for _, line := range lines {
			if strings.HasPrefix(line, forged) || strings.Contains(line, "\r") || strings.Contains(line, "\x1b") {
				t.Errorf("%s: %q", name, line)
			}
			if strings.Contains(line, "msg=request") || strings.Contains(line, `"msg":"request"`) {
				logged++
			}
		}
		if want := requests - 6; logged < want || logged != len(lines) { // files are logged at the level debug
			t.Errorf("%s: %d requests in %d lines, of %d\n%s", name, logged, len(lines), requests, log.String())
		}
	}
}
