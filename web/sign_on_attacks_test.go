package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models/needs"
	"stackhook/web/webtest"
)

// refused checks the page that somebody gets who is not signed in, with the number that finds it in the log.
func refused(t *testing.T, b *webtest.Browser, page *webtest.Page, status int, title string) {
	t.Helper()
	if page.Status != status || page.Text("h1") != title {
		t.Errorf("%d %q, want %d %q\n%s", page.Status, page.Text("h1"), status, title, page.Text("main"))
	}
	if id := page.Header.Get("X-Request-Id"); id == "" || !strings.Contains(page.Text("main"), id) {
		t.Errorf("the page does not show the request's number %q: %s", id, page.Text("main"))
	}
	if page.Doc.Find(`main a[href="/login"]`).Length() != 1 {
		t.Errorf("the page does not lead to the sign-in form: %s", page.Text("main"))
	}
	if signedIn(b) {
		t.Error("signed in")
	}
}

const over = "This sign-in is over"

func TestSingleSignOnIsOfOneBrowser(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	p.Account(t, "eve", claims("eve@example.com"))
	p.Account(t, "ada", claims("ada@example.com"))

	eve := site.As(t, "")
	planted := back(p.SignIn(t, begin(t, eve, nil), "eve"))
	victim := site.As(t, "")
	refused(t, victim, victim.GET(planted), http.StatusBadRequest, over) // login CSRF, in a browser that began nothing
	own := begin(t, victim, nil)
	refused(t, victim, victim.GET(planted), http.StatusBadRequest, over) // and in one that began something else

	// A code that was given to somebody else, in place of the own one: the code is not bound to this browser's verifier.
	stolen, mine := query(t, planted), query(t, p.SignIn(t, own, "ada"))
	mine.Set("code", stolen.Get("code"))
	refused(t, victim, victim.GET("/login/oidc/callback?"+mine.Encode()), http.StatusBadRequest, over)
	if page := come(t, p, eve, "eve"); page.Status != http.StatusSeeOther {
		t.Errorf("whoever began it does not get in: %d\n%s", page.Status, page.Text("main"))
	}
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestSingleSignOnIsOnce(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	p.Account(t, "ada", claims("ada@example.com"))
	b := site.As(t, "")
	answer := p.SignIn(t, begin(t, b, nil), "ada")
	if page := b.GET(back(answer)); page.Status != http.StatusSeeOther {
		t.Fatalf("%d\n%s", page.Status, page.Text("main"))
	}
	b.POST("/logout", nil)
	refused(t, b, b.GET(back(answer)), http.StatusBadRequest, over)
	// The same code with a state that is good.
	again := query(t, p.SignIn(t, begin(t, b, nil), "ada"))
	again.Set("code", query(t, answer).Get("code"))
	refused(t, b, b.GET("/login/oidc/callback?"+again.Encode()), http.StatusBadRequest, over)
}

func TestSingleSignOnOfAnotherProvider(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	p.Account(t, "ada", claims("ada@example.com"))
	for _, issuer := range []string{"", "https://evil.example", p.Issuer + "/"} {
		b := site.As(t, "")
		answer := query(t, p.SignIn(t, begin(t, b, nil), "ada"))
		answer.Set("iss", issuer)
		refused(t, b, b.GET("/login/oidc/callback?"+answer.Encode()), http.StatusBadGateway, "Single sign-on failed")
	}
}

func TestSingleSignOnIsDenied(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	b := site.As(t, "")
	page := b.GET(back(p.SignIn(t, begin(t, b, nil), "")))
	refused(t, b, page, http.StatusForbidden, "The identity provider did not let you in")

	// What comes with the address may be anybody's.
	state := query(t, begin(t, b, nil)).Get("state")
	hostile := url.Values{"state": {state}, "iss": {p.Issuer}, "error": {"<script>alert(1)</script>"}, "error_description": {"<b>call 555 now"}}
	page = b.GET("/login/oidc/callback?" + hostile.Encode())
	refused(t, b, page, http.StatusBadGateway, "Single sign-on failed")
	if strings.Contains(page.Body, "alert(1)") || strings.Contains(page.Body, "555") {
		t.Errorf("the provider's words are on the page: %s", page.Body)
	}
}

func TestSingleSignOnAnswersWithoutSense(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	b := site.As(t, "")
	for _, address := range []string{"", "?", "?state=", "?state=%00%ff&code=x", "?code=x", "?state=" + strings.Repeat("x", 3000)} {
		refused(t, b, b.GET("/login/oidc/callback"+address), http.StatusBadRequest, over)
	}
	state := query(t, begin(t, b, nil)).Get("state")
	page := b.GET("/login/oidc/callback?" + url.Values{"state": {state}, "iss": {p.Issuer}}.Encode()) // without a code
	refused(t, b, page, http.StatusBadGateway, "Single sign-on failed")
}

func TestSingleSignOnLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	p := needs.SharedIdentityProvider(t, backTo)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	p.Account(t, "ada", claims("ada@example.com"))
	for next, want := range map[string]string{
		"/stacks?a=b": "/stacks?a=b", "https://evil.example/": "/", "//evil.example/": "/", `/\evil.example/`: "/", "/" + strings.Repeat("x", 5000): "/",
	} {
		b := site.As(t, "")
		page := b.GET(back(p.SignIn(t, begin(t, b, url.Values{"next": {next}}), "ada")) + "&next=https://evil.example/")
		if page.Status != http.StatusSeeOther || page.Location() != want {
			t.Errorf("next=%.40q: %d %q, want %q", next, page.Status, page.Location(), want)
		}
	}
}

func TestSingleSignOnWithoutTheProvider(t *testing.T) {
	t.Parallel()
	p := needs.StartIdentityProvider(t, backTo, true)
	site := webtest.Offline(t, withProvider(p.Issuer, rules))
	p.Account(t, "ada", claims("ada@example.com"))
	b := site.As(t, "")
	answer := p.SignIn(t, begin(t, b, nil), "ada")
	p.Stop()
	refused(t, b, b.GET(back(answer)), http.StatusBadGateway, "The identity provider does not answer")

	cold := webtest.Offline(t, withProvider(p.Issuer, rules))
	b = cold.As(t, "")
	refused(t, b, b.POST("/login/oidc", nil), http.StatusBadGateway, "The identity provider does not answer")
	b.SignIn(cold.Admin.Email) // passwords do not need it
}

// A form that another site sends must not start anything: it could sign somebody in as somebody else.
func TestSingleSignOnIsStartedHere(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t, withProvider("http://127.0.0.1:1", rules))
	b := site.As(t, "")
	r := b.Request(http.MethodPost, "/login/oidc", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if page := b.Do(r); page.Status != http.StatusForbidden {
		t.Errorf("%d\n%s", page.Status, page.Text("main"))
	}
	if page := b.GET("/login/oidc"); page.Status != http.StatusMethodNotAllowed {
		t.Errorf("it is started by a link: %d", page.Status)
	}
}
