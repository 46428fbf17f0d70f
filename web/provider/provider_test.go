package provider

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"stackhook/models"
)

// liar is a provider that answers as a test wants. What a good one does is tested with a real one, in package web; this one
// signs what no good one would.
type liar struct {
	*httptest.Server
	token func() string // the answer of the token endpoint
	info  string        // of the endpoint that tells about people
	asked atomic.Int32  // for tokens
	first http.HandlerFunc
}

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newLiar(t *testing.T) *liar {
	t.Helper()
	l := &liar{}
	known := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key().Public(), KeyID: "k", Algorithm: oidc.RS256}}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case l.first != nil:
			l.first(w, r)
		case r.URL.Path == "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%[1]q,"authorization_endpoint":"%[1]s/auth","token_endpoint":"%[1]s/token","jwks_uri":"%[1]s/keys","userinfo_endpoint":"%[1]s/info","id_token_signing_alg_values_supported":["RS256"]}`, l.URL)
		case r.URL.Path == "/token":
			l.asked.Add(1)
			fmt.Fprint(w, l.token())
		case r.URL.Path == "/info":
			fmt.Fprint(w, l.info)
		default:
			known.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(l.Close)
	known.SetIssuer(l.URL)
	return l
}

func (l *liar) provider() *Provider {
	return New(Config{Issuer: l.URL, ClientID: "us", Secret: "s3cret", Redirect: "https://stackhook.example/login/oidc/callback", GroupsClaim: "groups"})
}

// claims are those of a good token, changed.
func (l *liar) claims(change map[string]any) string {
	all := map[string]any{
		"iss": l.URL, "aud": "us", "sub": "ada", "nonce": "n", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"email": "ada@example.com", "email_verified": true, "name": "Ada", "groups": []string{"ops"},
	}
	for name, value := range change {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func answer(token string) string {
	return `{"access_token":"access","token_type":"Bearer","id_token":"` + token + `"}`
}

var try = models.SignOn{Nonce: "n", Verifier: strings.Repeat("v", 43)}

func TestTokensThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(change map[string]any) string {
		return oidctest.SignIDToken(key(), "k", oidc.RS256, l.claims(change))
	}
	good := signed(nil)
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"none":               "",
		"no token":           "x",
		"another key":        oidctest.SignIDToken(other, "k", oidc.RS256, l.claims(nil)),
		"an unsigned one":    "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"keyed with secret":  oidctest.SignIDToken([]byte(strings.Repeat("s3cret", 10)), "k", "HS256", l.claims(nil)),
		"another algorithm":  oidctest.SignIDToken(key(), "k", oidc.RS512, l.claims(nil)),
		"another issuer":     signed(map[string]any{"iss": "https://evil.example"}),
		"another audience":   signed(map[string]any{"aud": "them"}),
		"another program":    signed(map[string]any{"aud": []string{"us", "them"}, "azp": "them"}),
		"expired":            signed(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}),
		"not yet":            signed(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}),
		"another sign-in":    signed(map[string]any{"nonce": "m"}),
		"no nonce":           signed(map[string]any{"nonce": nil}),
		"other access token": signed(map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
	} {
		p := l.provider()
		l.token = func() string { return answer(token) }
		if i, err := p.Identity(t.Context(), "code", try); err == nil || i.Email != "" || i.Subject != "" {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	}
	l.token = func() string { return answer(good) }
	if i, err := l.provider().Identity(t.Context(), "code", try); err != nil || i.Subject != "ada" || !i.EmailVerified || len(i.Groups) != 1 || i.Issuer != l.URL {
		t.Errorf("a good one: %+v, %v", i, err)
	}
	if _, err := l.provider().Identity(t.Context(), "code", models.SignOn{Verifier: try.Verifier}); err == nil {
		t.Error("a sign-in without a nonce is believed")
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	for name, c := range map[string]struct {
		change map[string]any
		info   string
		want   string // email, verified, groups; "" for an error
	}{
		"verified as a text":   {map[string]any{"email_verified": "true"}, "", "ada@example.com true [ops]"},
		"not verified":         {map[string]any{"email_verified": false}, "", "ada@example.com false [ops]"},
		"verified as a number": {map[string]any{"email_verified": 1}, "", "ada@example.com false [ops]"},
		"one group":            {map[string]any{"groups": "dev"}, "", "ada@example.com true [dev]"},
		"groups that are none": {map[string]any{"groups": map[string]int{"ops": 1}}, "", "ada@example.com true []"},
		"told when asked":      {map[string]any{"email": nil, "email_verified": nil, "groups": nil}, `{"sub":"ada","email":"a@example.com","email_verified":true,"groups":["dev"]}`, "a@example.com true [dev]"},
		"nothing is mixed":     {map[string]any{"email": nil}, `{"sub":"ada","email":"a@example.com"}`, "a@example.com false [ops]"},
		"told about another":   {map[string]any{"email": nil}, `{"sub":"eve","email":"a@example.com","email_verified":true}`, ""},
		"told about nobody":    {map[string]any{"groups": nil}, `{"email":"a@example.com"}`, ""},
		"the token is first":   {map[string]any{"groups": nil}, `{"sub":"ada","email":"evil@example.com","groups":["dev"]}`, "ada@example.com true [dev]"},
		"told something else":  {map[string]any{"groups": nil}, `<html>`, ""},
	} {
		l.token = func() string { return answer(oidctest.SignIDToken(key(), "k", oidc.RS256, l.claims(c.change))) }
		l.info = c.info
		i, err := l.provider().Identity(t.Context(), "code", try)
		got := fmt.Sprintf("%s %t %v", i.Email, i.EmailVerified, i.Groups)
		if err != nil {
			got = ""
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, err)
		}
	}
}

// A code is sent once, however the provider refuses it: one that comes twice is a stolen one.
func TestACodeIsSentOnce(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p := l.provider()
	if _, err := p.Address(t.Context(), "state", try); err != nil {
		t.Fatal(err)
	}
	for status, is := range map[int]error{http.StatusBadRequest: ErrCode, http.StatusUnauthorized: nil, http.StatusInternalServerError: ErrUnreachable} {
		l.asked.Store(0)
		l.first = func(w http.ResponseWriter, _ *http.Request) {
			l.asked.Add(1)
			w.WriteHeader(status)
			fmt.Fprint(w, map[bool]string{true: `{"error":"invalid_grant"}`, false: `{"error":"invalid_client"}`}[status == http.StatusBadRequest])
		}
		_, err := p.Identity(t.Context(), "code", try)
		if n := l.asked.Load(); n != 1 || err == nil || IsBadCode(err) != (is == ErrCode) || IsAway(err) != (is == ErrUnreachable) {
			t.Errorf("%d: sent %d times, %v", status, n, err)
		}
	}
}

func TestTheProviderIsAskedLateAndAgain(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p := l.provider()
	for name, first := range map[string]http.HandlerFunc{
		"away":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"another issuer": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"issuer":"https://evil.example"}`) },
		"no endpoints":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"issuer":%q}`, l.URL) },
		"no https": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"ftp://x.example/a","token_endpoint":"http://x.example/t"}`, l.URL)
		},
		"goes on elsewhere": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/elsewhere" {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return
			}
			fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/t"}`, l.URL)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/t","x":"%[2]s"}`, l.URL, strings.Repeat("x", maxAnswer))
		},
	} {
		l.first = first
		if address, err := p.Address(t.Context(), "state", try); err == nil || !IsAway(err) {
			t.Errorf("%s: %q, %v", name, address, err)
		}
	}
	l.first = nil
	address, err := p.Address(t.Context(), "state", try)
	if err != nil || !strings.HasPrefix(address, l.URL+"/auth?") {
		t.Errorf("%q, %v", address, err)
	}
	// What it said of itself holds while it does not answer.
	l.first = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	p.known.at = time.Now().Add(-2 * discoverAgain)
	if again, err := p.Address(t.Context(), "state", try); err != nil || again != address {
		t.Errorf("%q, %v", again, err)
	}
}

func TestAProviderThatHangs(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	hang := make(chan struct{})
	l.first = func(http.ResponseWriter, *http.Request) { <-hang }
	p := l.provider()
	if p.client.Timeout != askFor {
		t.Errorf("it is given %s", p.client.Timeout)
	}
	p.client.Timeout = 50 * time.Millisecond
	if _, err := p.Address(t.Context(), "state", try); !IsAway(err) {
		t.Errorf("%v", err)
	}
	p.client.Timeout = askFor
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // whoever waited is gone
	if _, err := p.Address(ctx, "state", try); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(hang)
}

func TestEndpointsAreAsSafeAsTheIssuer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		issuer, endpoint string
		fine             bool
	}{
		{"https://a.example", "https://b.example/x", true},
		{"https://a.example", "http://a.example/x", false},
		{"https://a.example", "javascript:alert(1)", false},
		{"https://a.example", "", false},
		{"http://127.0.0.1:1", "http://127.0.0.1:1/x", true},
		{"http://127.0.0.1:1", "https://b.example/x", true},
	} {
		if err := sameSecurity(c.issuer, c.endpoint); (err == nil) != c.fine {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
