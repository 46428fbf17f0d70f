package webtest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// Browser keeps cookies as a browser does. It does not follow redirects: a test says where they lead.
type Browser struct {
	t      testing.TB
	site   string
	client *http.Client
}

// Page is an answer.
type Page struct {
	Status int
	Header http.Header
	Body   string
	Doc    *goquery.Document
	Path   string // of the request
}

func newBrowser(t testing.TB, s *Site) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, site: s.URL, client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if s.offline {
		b.client.Transport = direct{s.Echo}
		return b
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	b.client.Transport = transport
	return b
}

// direct hands requests to the server without a network in between.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(sent *http.Request) (*http.Response, error) {
	r := sent.Clone(sent.Context())
	r.Host, r.RequestURI, r.RemoteAddr = sent.URL.Host, sent.URL.RequestURI(), "192.0.2.1:4711"
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	d.handler.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// GET asks for a page.
func (b *Browser) GET(path string) *Page {
	b.t.Helper()
	return b.Do(b.Request(http.MethodGet, path, nil))
}

// POST sends a form, as a page of the site itself does.
func (b *Browser) POST(path string, form url.Values) *Page {
	b.t.Helper()
	r := b.Request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Do(r)
}

// Follow asks for the page that an answer redirects to.
func (b *Browser) Follow(page *Page) *Page {
	b.t.Helper()
	if page.Location() == "" {
		b.t.Fatalf("%s: %d is no redirect\n%s", page.Path, page.Status, page.Body)
	}
	return b.GET(page.Location())
}

// Request makes a request to the site, to be changed before Do.
func (b *Browser) Request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.site+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// Open sends a request whose answer does not end. The body is the caller's to close.
func (b *Browser) Open(r *http.Request) (*http.Response, error) { return b.client.Do(r) }

// Do sends a request and reads the answer.
func (b *Browser) Do(r *http.Request) *Page {
	b.t.Helper()
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	return &Page{Status: answer.StatusCode, Header: answer.Header, Body: string(body), Doc: doc, Path: r.URL.RequestURI()}
}

// Cookies are those that the browser keeps for the site.
func (b *Browser) Cookies() []*http.Cookie {
	u, err := url.Parse(b.site)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.client.Jar.Cookies(u)
}

// SetCookies gives the browser cookies of the site.
func (b *Browser) SetCookies(cookies ...*http.Cookie) {
	u, err := url.Parse(b.site)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, cookies)
}

// Location is where the answer redirects to, "" if it does not.
func (p *Page) Location() string { return p.Header.Get("Location") }

// Text is the text of the elements that match, with runs of blanks as one.
func (p *Page) Text(selector string) string {
	return strings.Join(strings.Fields(p.Doc.Find(selector).Text()), " ")
}
