package static

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	contentTypes := map[string]string{
		Stylesheet: "text/css; charset=utf-8",
		Script:     "text/javascript; charset=utf-8",
		Live:       "text/javascript; charset=utf-8",
		Feed:       "text/javascript; charset=utf-8",
		Icons:      "image/svg+xml",
		Favicon:    "image/svg+xml",
	}
	if len(contentTypes) != len(files) {
		t.Fatalf("%d files are served, %d tested", len(files), len(contentTypes))
	}
	for name, contentType := range contentTypes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := request(t, http.MethodGet, URL(name), "")
			if plain.Code != http.StatusOK {
				t.Fatalf("GET %s answers %d", URL(name), plain.Code)
			}
			for header, want := range map[string]string{
				"Content-Type":           contentType,
				"Cache-Control":          "public, max-age=31536000, immutable",
				"X-Content-Type-Options": "nosniff",
				"Vary":                   "Accept-Encoding",
				"Content-Encoding":       "",
			} {
				if got := plain.Header().Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			zipped := request(t, http.MethodGet, URL(name), "br, gzip;q=0.8")
			if got := zipped.Header().Get("Content-Encoding"); got != "gzip" {
				t.Fatalf("Content-Encoding is %q for a client that takes gzip", got)
			}
			if !bytes.Equal(unzip(t, zipped.Body), plain.Body.Bytes()) {
				t.Error("gzip holds something else than the plain answer")
			}
		})
	}
}

func TestHandlerHead(t *testing.T) {
	t.Parallel()
	answer := request(t, http.MethodHead, URL(Stylesheet), "")
	if answer.Code != http.StatusOK || answer.Body.Len() != 0 || answer.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD answers %d with %d bytes and length %q", answer.Code, answer.Body.Len(), answer.Header().Get("Content-Length"))
	}
}

func TestHandlerRefuses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"/static", "/static/", "/static/app.css", "/static/icons.svg", "/static/css/base.css", "/static/css/",
		"/static/app.000000000000.css", "/static/../go.mod", "/static/%2e%2e/go.mod", "/static/..%2fgo.mod",
		"/static//" + path.Base(URL(Script)), URL(Script) + "/", "/other" + URL(Script),
	} {
		answer := request(t, http.MethodGet, address, "gzip")
		if answer.Code != http.StatusNotFound {
			t.Errorf("GET %s answers %d, want 404", address, answer.Code)
		}
		if answer.Header().Get("Cache-Control") != "" {
			t.Errorf("GET %s may be cached: %q", address, answer.Header().Get("Cache-Control"))
		}
	}
	if got := request(t, http.MethodPost, URL(Script), "").Code; got != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d, want 405", got)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	hashed := regexp.MustCompile(`^/static/app\.[0-9a-f]{12}\.css$`)
	if !hashed.MatchString(URL(Stylesheet)) {
		t.Errorf("the address %q does not hold a hash", URL(Stylesheet))
	}
	if newFile("a.css", "", []byte("a")).url == newFile("a.css", "", []byte("b")).url {
		t.Error("two contents have one address")
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown name is not noticed")
		}
	}()
	URL("unknown.css")
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"": false, "identity": false, "br": false, "*": false, "xgzip": false,
		"gzip": true, "GZIP": true, "deflate, gzip": true, "gzip;q=1.0": true, "gzip; q=0.5, *;q=0": true, "br;q=0, gzip": true,
		"gzip;q=0": false, "gzip; q=0": false, "gzip;q=0.000": false,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("%q: gzip %v, want %v", header, got, want)
		}
	}
}

// A part that is in the folder but not in the list would silently not be served.
func TestStylesheetIsWhole(t *testing.T) {
	t.Parallel()
	entries, err := source.ReadDir("css")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, strings.TrimSuffix(e.Name(), ".css"))
	}
	listed := slices.Sorted(slices.Values(stylesheets))
	if !slices.Equal(found, listed) {
		t.Errorf("the folder has %v, the list %v", found, listed)
	}
	css := string(files[Stylesheet].plain)
	if strings.Count(css, "{") != strings.Count(css, "}") {
		t.Error("the braces of the stylesheet do not match")
	}
	declared, _, _ := strings.Cut(layers, ";")
	for _, m := range regexp.MustCompile(`(?m)^@layer ([a-z]+) \{`).FindAllStringSubmatch(css, -1) {
		if !strings.Contains(declared, m[1]) {
			t.Errorf("the layer %s is not in the order at the top", m[1])
		}
	}
}

// Every custom property that is used must be defined: a misspelt one falls back without a word.
func TestTokensAreDefined(t *testing.T) {
	t.Parallel()
	css := string(files[Stylesheet].plain) + string(files[Icons].plain)
	for _, m := range regexp.MustCompile(`var\((--[a-z0-9-]+)\)`).FindAllStringSubmatch(css, -1) {
		if !strings.Contains(css, m[1]+":") {
			t.Errorf("%s is used, but not defined", m[1])
		}
	}
}

func TestPicturesAreXML(t *testing.T) {
	t.Parallel()
	for _, name := range []string{Icons, Favicon} {
		decoder := xml.NewDecoder(bytes.NewReader(files[name].plain))
		for {
			_, err := decoder.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	ids := IconIDs()
	if len(ids) == 0 || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("the sprite has no icons, or one twice: %v", ids)
	}
}

func request(t *testing.T, method, address, acceptEncoding string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, address, nil)
	r.Header.Set("Accept-Encoding", acceptEncoding)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func unzip(t *testing.T, body io.Reader) []byte {
	t.Helper()
	r, err := gzip.NewReader(body)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
