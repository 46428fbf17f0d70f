package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store/storetest"
	"stackhook/web"
	"stackhook/web/provider"
	"stackhook/web/webtest"
)

// backTo is where a provider sends people back to on a site without a socket.
const backTo = "http://stackhook.example/login/oidc/callback"

// rules let in everybody of one company.
var rules = models.SignOnRules{
	Domains: []string{"example.com"}, AdminGroups: []string{"ops"},
	ReaderGroups: []models.GroupGrant{{Group: "platform", Stack: "net"}, {Group: "everybody", Stack: models.EveryStack}},
}

// withProvider sets a site up for single sign-on.
func withProvider(issuer string, rules models.SignOnRules) func(*web.Config) {
	return func(c *web.Config) {
		p := provider.New(provider.Config{
			Issuer: issuer, ClientID: needs.ClientID, Secret: needs.ClientSecret, Redirect: backTo,
			Scopes: []string{"groups"}, GroupsClaim: "groups",
		})
		c.Handlers.SignOn = web.SingleSignOn(p, rules)
	}
}

// begin presses the button and returns the provider's address.
func begin(t *testing.T, b *webtest.Browser, form url.Values) string {
	t.Helper()
	page := b.POST("/login/oidc", form)
	address, goesOn := strings.CutPrefix(page.Header.Get("Refresh"), "0; url=")
	if page.Status != http.StatusOK || !goesOn || page.Doc.Find("main a").AttrOr("href", "") != address {
		t.Fatalf("%d, Refresh %q\n%s", page.Status, address, page.Text("main"))
	}
	return address
}

// back is the part of an address that a browser of the site asks for.
func back(address string) string { return strings.TrimPrefix(address, "http://stackhook.example") }

// come signs in at the provider and comes back.
func come(t *testing.T, p *needs.IdentityProvider, b *webtest.Browser, login string) *webtest.Page {
	t.Helper()
	return b.GET(back(p.SignIn(t, begin(t, b, nil), login)))
}

func claims(email string, groups ...string) map[string]any {
	return map[string]any{"email": email, "email_verified": true, "name": "Radia Perlman", "groups": groups}
}

func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	for name, inToken := range map[string]bool{"told in the token": true, "told when asked": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := needs.StartIdentityProvider(t, backTo, inToken)
			site := webtest.Offline(t, withProvider(p.Issuer, rules))
			net := storetest.Stack(t, site.Store, "net")
			p.Account(t, "radia", claims("Radia@Example.com", "platform", "others"))

			b := site.As(t, "")
			address := begin(t, b, url.Values{"next": {"/stacks/net?x=1"}})
			asked, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			if q := asked.Query(); q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("nonce") == "" || q.Get("state") == "" || q.Get("scope") != "openid email profile groups" {
				t.Errorf("asked with %s", asked.RawQuery)
			}
			page := b.GET(back(p.SignIn(t, address, "radia")))
			if page.Status != http.StatusSeeOther || page.Location() != "/stacks/net?x=1" {
				t.Fatalf("%d %s\n%s", page.Status, page.Location(), page.Text("main"))
			}
			if page = b.GET("/stacks/net"); page.Status != http.StatusOK || page.Text(".menu-who strong") != "Radia Perlman" {
				t.Errorf("%d\n%s", page.Status, page.Text("main"))
			}
			user, err := site.Store.UserByEmail(t.Context(), "radia@example.com")
			if err != nil || user.Role != models.Reader || user.AllStacks || user.PasswordHash != "" {
				t.Errorf("%+v, %v", user, err)
			}
			got := strings.Join(audited(t, site, "%"), "\n")
			for _, want := range []string{
				"session.signed_in radia@example.com by Radia Perlman", "grant.created radia@example.com by single sign-on", "user.created radia@example.com by single sign-on",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not among\n%s", want, got)
				}
			}
			if access, err := site.Store.StackAccess(t.Context(), net); err != nil || len(access) != 2 || !access[1].ByGroup {
				t.Errorf("%+v, %v", access, err)
			}
		})
	}
}
