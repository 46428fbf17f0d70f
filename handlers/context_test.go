package handlers

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/":                         "/",
		"/stacks/a?older=1#x":       "/stacks/a?older=1#x",
		"/stacks?q=%2F%2Fevil":      "/stacks?q=%2F%2Fevil",
		"":                          "/",
		"stacks":                    "/",
		"?q=1":                      "/",
		"#x":                        "/",
		"//evil.example":            "/",
		"///evil.example":           "/",
		`/\evil.example`:            "/",
		`\/evil.example`:            "/",
		"/%2Fevil.example":          "/",
		"/\t/evil.example":          "/",
		"/\r\nSet-Cookie: a=b":      "/",
		"\t//evil.example":          "/",
		" //evil.example":           "/",
		"https://evil.example/":     "/",
		"HTTPS:evil.example":        "/",
		"javascript:alert(1)":       "/",
		"//":                        "/",
		"/a\x7f":                    "/",
		"http://[::1":               "/",
		"/stacks?back=https://a.b/": "/stacks?back=https://a.b/",
	} {
		if got := LocalPath(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/", "//a", `/\a`, "/\t/a", "/a?b#c", "http://a"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://here.example/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		local := LocalPath(path)
		to, err := base.Parse(local)
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme {
			t.Errorf("%q leads to %v (%v)", path, to, err)
		}
	})
}

func TestPagePath(t *testing.T) {
	t.Parallel()
	h := &Handlers{BaseURL: &url.URL{Scheme: "https", Host: "hooks.example"}}
	h.IsPage = func(path string) bool { return !strings.HasSuffix(path, "/delete") }
	for _, c := range []struct{ method, target, referer, want string }{
		{"GET", "/stacks?q=a", "https://hooks.example/else", "/stacks?q=a"},
		{"HEAD", "/stacks", "", "/stacks"},
		{"POST", "/stacks", "https://hooks.example/stacks/new?a=b", "/stacks/new?a=b"},
		{"POST", "/stacks", "http://internal:8080/stacks/new", "/stacks/new"}, // behind a proxy that changes Host
		{"POST", "/stacks", "https://evil.example/stacks/new", "/"},
		{"POST", "/stacks", "https://hooks.example//evil.example", "/"},
		{"POST", "/stacks", "", "/"},
		{"POST", "/stacks", "https://hooks.example/stacks/a/delete", "/"}, // the answer to a form before
		{"POST", "/stacks", "%", "/"},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Host = "internal:8080"
		r.Header.Set("Referer", c.referer)
		if got := h.PagePath(echo.New().NewContext(r, nil)); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
