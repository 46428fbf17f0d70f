package models_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"stackhook/models"
)

func TestEndpointsAreNormalised(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typed, url, host, unicode string }{
		{"https://example.com", "https://example.com/", "example.com", ""},
		{"  https://example.com/a \n", "https://example.com/a", "example.com", ""},
		{"HTTPS://EXAMPLE.com:443/A/?Q=x", "https://example.com/A/?Q=x", "example.com", ""},
		{"http://example.com:80", "http://example.com/", "example.com", ""},
		{"http://example.com:443/", "http://example.com:443/", "example.com:443", ""},
		{"http://example.com:08080/", "http://example.com:8080/", "example.com:8080", ""},
		{"http://example.com:/x", "http://example.com/x", "example.com", ""},
		{"https://example.com./x", "https://example.com/x", "example.com", ""},
		{"https://bücher.example/ü?ü=ü", "https://xn--bcher-kva.example/%C3%BC?%C3%BC=%C3%BC", "xn--bcher-kva.example", "bücher.example"},
		{"https://BÜCHER.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example", "bücher.example"},
		{"https://faß.example/", "https://xn--fa-hia.example/", "xn--fa-hia.example", "faß.example"},
		{"http://my_host:8080/x", "http://my_host:8080/x", "my_host:8080", ""},
		{"http://localhost/", "http://localhost/", "localhost", ""},
		{"http://127.0.0.1/", "http://127.0.0.1/", "127.0.0.1", ""},
		{"http://[2001:DB8:0:0::1]:80/", "http://[2001:db8::1]/", "[2001:db8::1]", ""},
		{"https://example.com/a%2Fb/../c", "https://example.com/a%2Fb/../c", "example.com", ""},
	} {
		e, err := models.ParseEndpoint(c.typed)
		if err != nil {
			t.Errorf("%q: %v", c.typed, err)
			continue
		}
		if e.URL != c.url || e.Host != c.host || e.UnicodeHost != c.unicode {
			t.Errorf("%q: got %+v, want %+v", c.typed, e, c)
		}
	}
}

func TestBadEndpointsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for typed, word := range map[string]string{
		"":                                   "Enter the URL",
		"   ":                                "Enter the URL",
		"example.com/hook":                   "https://",
		"example.com:8080/hook":              "https://",
		"//example.com/":                     "https://",
		"ftp://example.com/":                 "not ftp",
		"javascript:alert(1)":                "https://",
		"mailto:ada@example.com":             "https://",
		"http:example.com":                   "Name the host",
		"https://":                           "Name the host",
		"https:///path":                      "Name the host",
		"https://user:pw@example.com/":       "user name and password",
		"https://example.com/#x":             "from # on",
		"https://example.com/#":              "from # on",
		"https://example.com/a b":            "%20",
		"https://exa mple.com/":              "%20",
		"https://example.com/a\x00b":         "control characters",
		"https://example.com/\u202ereversed": "control characters",
		`https://example.com\x`:              "backslashes",
		"https://example.com:99999/":         "1 to 65535",
		"https://example.com:0/":             "1 to 65535",
		"https://exa%6dple.com/":             "not a URL",
		"https://[::1/":                      "not a URL",
		"https://[fe80::1%25eth0]/":          "without a zone",
		"https://xn--a.example/":             "name that DNS can hold",
		"https://a..example/":                "name that DNS can hold",
		"https://\xff.example/":              "UTF-8",
		"https://" + strings.Repeat("a", 64) + ".example/": "name that DNS can hold",
		"https://example.com/" + strings.Repeat("a", 3000): "at most 2048 bytes",
	} {
		_, err := models.ParseEndpoint(typed)
		var invalid models.Invalid
		if !errors.As(err, &invalid) || !strings.Contains(invalid.Message("endpoint"), word) {
			t.Errorf("%.60q: got %v, want a message with %q", typed, err, word)
		}
	}
}

func TestNormalisingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.StringMatching(`https?://[a-zA-Z0-9ü._-]{1,20}(:[0-9]{1,5})?(/[ -~ü]{0,20})?`).Draw(t, "typed")
		once, err := models.ParseEndpoint(typed)
		if err != nil {
			return
		}
		twice, err := models.ParseEndpoint(once.URL)
		if err != nil || twice.URL != once.URL || twice.Key() != once.Key() {
			t.Fatalf("%q → %q → %q, %v", typed, once.URL, twice.URL, err)
		}
	})
}

func TestNearMisses(t *testing.T) {
	t.Parallel()
	const base = "https://example.com/hooks"
	for other, near := range map[string]bool{
		base:                          false, // the same is no near miss
		base + "/":                    true,
		"https://example.com/Hooks":   true,
		base + "?a=1":                 true,
		"http://example.com/hooks":    false,
		"https://example.com/hooks/x": false,
		"https://example.org/hooks":   false,
	} {
		a, err := models.ParseEndpoint(base)
		if err != nil {
			t.Fatal(err)
		}
		b, err := models.ParseEndpoint(other)
		if err != nil {
			t.Fatal(err)
		}
		if a.NearMiss(b) != near || b.NearMiss(a) != near {
			t.Errorf("%s: near miss %t, want %t", other, a.NearMiss(b), near)
		}
	}
}
