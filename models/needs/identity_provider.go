package needs

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

//go:embed identity_provider.mjs
var identityProvider string

// What an IdentityProvider knows its only client by.
const (
	ClientID     = "stackhook"
	ClientSecret = "a secret/with + signs: %41"
)

// IdentityProvider is npm's oidc-provider, on loopback.
type IdentityProvider struct {
	Issuer   string
	redirect string
	process  *exec.Cmd
	stdin    io.Closer
}

// StartIdentityProvider starts one that sends people back to an address. It tells about them in the identity token, or only
// to whoever asks. It ends with the test, and with this process, however that ends.
func StartIdentityProvider(t testing.TB, redirect string, inToken bool) *IdentityProvider {
	t.Helper()
	node, modules := identityPrograms(t)
	p, err := startIdentityProvider(node, modules, redirect, inToken)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func identityPrograms(t testing.TB) (node, modules string) {
	t.Helper()
	const group = "single sign-on at a real identity provider"
	return Program(t, "node", group, "nodejs npm"), Modules(t, group)
}

func startIdentityProvider(node, modules, redirect string, inToken bool) (*IdentityProvider, error) {
	settings, err := json.Marshal(map[string]any{"redirect": redirect, "inToken": inToken, "secret": ClientSecret})
	if err != nil {
		return nil, err
	}
	p := &IdentityProvider{redirect: redirect, process: exec.Command(node, "--input-type=module", "--eval", identityProvider, string(settings))}
	p.process.Dir = filepath.Dir(modules)
	var complaints bytes.Buffer
	p.process.Stderr = &complaints
	if p.stdin, err = p.process.StdinPipe(); err != nil {
		return nil, err
	}
	said, err := p.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("start the identity provider: %w\n%s", err, complaints.String())
	}
	p.Issuer = strings.TrimSpace(line)
	return p, nil
}

var sharedIdentity struct {
	sync.Mutex
	provider *IdentityProvider
	users    int
}

// SharedIdentityProvider returns the one that the tests of this process share while one of them runs, all with the same
// address to come back to. Each test has accounts of its own, and none stops it.
func SharedIdentityProvider(t testing.TB, redirect string) *IdentityProvider {
	t.Helper()
	node, modules := identityPrograms(t)
	sharedIdentity.Lock()
	defer sharedIdentity.Unlock()
	if sharedIdentity.provider == nil {
		p, err := startIdentityProvider(node, modules, redirect, true)
		if err != nil {
			t.Fatal(err)
		}
		sharedIdentity.provider = p
	}
	sharedIdentity.users++
	t.Cleanup(func() {
		sharedIdentity.Lock()
		defer sharedIdentity.Unlock()
		if sharedIdentity.users--; sharedIdentity.users == 0 {
			sharedIdentity.provider.Stop()
			sharedIdentity.provider = nil
		}
	})
	return sharedIdentity.provider
}

// Stop ends it.
func (p *IdentityProvider) Stop() {
	p.stdin.Close()
	p.process.Wait() // its error is that it was stopped before
}

// Account adds or changes an account. Its login is its subject too.
func (p *IdentityProvider) Account(t testing.TB, login string, claims map[string]any) {
	t.Helper()
	p.set(t, "/test/accounts/"+url.PathEscape(login), claims)
}

// Redirect changes where it sends people back to.
func (p *IdentityProvider) Redirect(t testing.TB, address string) {
	t.Helper()
	p.redirect = address
	p.set(t, "/test/redirect/", address)
}

func (p *IdentityProvider) set(t testing.TB, path string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.Issuer+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := p.browser(t).Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
}

var interaction = regexp.MustCompile(`action="([^"]+)"[\s\S]*name="prompt" value="(\w+)"`)

// SignIn signs in at an address there as a person would in a browser of their own, and returns where that leads back to. With
// "" they cancel instead.
func (p *IdentityProvider) SignIn(t testing.TB, address, login string) string {
	t.Helper()
	browser := p.browser(t)
	for range 10 {
		answer, err := browser.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if to := answer.Header.Get("Location"); to != "" {
			address = p.absolute(t, address, to)
		} else {
			form := interaction.FindStringSubmatch(string(page))
			if form == nil {
				t.Fatalf("the identity provider answers %d\n%s", answer.StatusCode, page)
			}
			address = p.interact(t, browser, address, p.absolute(t, address, form[1]), form[2], login)
		}
		if strings.HasPrefix(address, p.redirect) {
			return address
		}
	}
	t.Fatal("the identity provider does not come to an end")
	return ""
}

// interact answers a form of the provider's and returns where that leads.
func (p *IdentityProvider) interact(t testing.TB, browser *http.Client, page, action, prompt, login string) string {
	t.Helper()
	if login == "" {
		return page + "/abort"
	}
	answer, err := browser.PostForm(action, url.Values{"prompt": {prompt}, "login": {login}, "password": {"anything"}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return p.absolute(t, page, answer.Header.Get("Location"))
}

func (p *IdentityProvider) absolute(t testing.TB, from, to string) string {
	t.Helper()
	base, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	u, err := base.Parse(to)
	if err != nil || to == "" {
		t.Fatalf("the identity provider leads to %q, %v", to, err)
	}
	return u.String()
}

// browser returns a client that keeps cookies and follows nothing.
func (p *IdentityProvider) browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
