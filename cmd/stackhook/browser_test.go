package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// browser keeps cookies and follows no redirects.
type browser struct{ http.Client }

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{http.Client{
		Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signIn signs in.
func (b *browser) signIn(t *testing.T, base, email, password string) {
	t.Helper()
	b.post(t, base+"/login", url.Values{"email": {email}, "password": {password}}, http.StatusSeeOther)
}

// post posts a form, which must be answered with that status.
func (b *browser) post(t *testing.T, to string, form url.Values, status int) {
	t.Helper()
	resp, err := b.PostForm(to, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("POST %s: %s\n%s", to, resp.Status, text)
	}
}

// see loads a page, which must be there and hold the text.
func (b *browser) see(t *testing.T, page, text string) {
	t.Helper()
	status, body := b.get(t, page)
	if status != http.StatusOK || !strings.Contains(body, text) {
		t.Fatalf("GET %s: status %d, without %q:\n%s", page, status, text, body)
	}
}

func (b *browser) get(t *testing.T, page string) (int, string) {
	t.Helper()
	resp, err := b.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
