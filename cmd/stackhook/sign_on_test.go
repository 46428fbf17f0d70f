package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"stackhook/models"
	"stackhook/models/needs"
)

// secretFile returns a file with a text in it.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// signOnFlagsOf are good flags, with others in their place or after them.
func signOnFlagsOf(t *testing.T, others ...string) []string {
	t.Helper()
	return append([]string{
		"--oidc-issuer=https://id.example.com/realm", "--oidc-client-id=us", "--oidc-client-secret-file=" + secretFile(t, "gehe im\n"), "--oidc-domains=Example.com, @b.example",
	}, others...)
}

func TestSettingsOfSingleSignOn(t *testing.T) {
	t.Parallel()
	if s, err := typed(t).settings(); err != nil || s.SignOn != nil || s.NoPasswords {
		t.Errorf("by default: %+v, %v", s.SignOn, err)
	}
	s, err := typed(t, signOnFlagsOf(t, "--oidc-scopes=groups", "--oidc-groups-claim=roles", `--oidc-admin-groups=ops, root, "cn=ops,dc=example"`, `--oidc-reader-groups="cn=all,dc=example=*", dev=net-prod`,
		"--password-login=OFF")...).settings()
	if err != nil {
		t.Fatal(err)
	}
	want := models.SignOnRules{
		Domains: []string{"example.com", "b.example"}, AdminGroups: []string{"ops", "root", "cn=ops,dc=example"},
		ReaderGroups: []models.GroupGrant{{Group: "cn=all,dc=example", Stack: models.EveryStack}, {Group: "dev", Stack: "net-prod"}},
	}
	if !reflect.DeepEqual(s.SignOn.Rules, want) || !s.NoPasswords {
		t.Errorf("%+v", s.SignOn.Rules)
	}
	if p := s.SignOn.Provider; p.Issuer != "https://id.example.com/realm" || p.ClientID != "us" || p.Secret != "gehe im" || p.GroupsClaim != "roles" || !slices.Equal(p.Scopes, []string{"groups"}) {
		t.Errorf("%+v", p)
	}
	if _, err := typed(t, signOnFlagsOf(t, "--oidc-domains=*", "--oidc-issuer=http://[::1]:8080")...).settings(); err != nil {
		t.Error(err)
	}
}

func TestWrongSettingsOfSingleSignOnAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags []string
		says  string
	}{
		{[]string{"--oidc-issuer=https://id.example.com"}, "needs STACKHOOK_OIDC_CLIENT_ID, STACKHOOK_OIDC_CLIENT_SECRET_FILE, STACKHOOK_OIDC_DOMAINS too"},
		{[]string{"--oidc-groups-claim=groups"}, "needs STACKHOOK_OIDC_ISSUER"},
		{signOnFlagsOf(t, "--oidc-domains="), "needs STACKHOOK_OIDC_DOMAINS too"},
		{signOnFlagsOf(t, "--oidc-issuer=id.example.com"), "STACKHOOK_OIDC_ISSUER must be"},
		{signOnFlagsOf(t, "--oidc-issuer=https://a:geheim@id.example.com"), "STACKHOOK_OIDC_ISSUER must be"},
		{signOnFlagsOf(t, "--oidc-issuer=http://id.example.com"), "STACKHOOK_OIDC_ISSUER must begin with https"},
		{signOnFlagsOf(t, "--oidc-client-secret-file=/no/such/file"), "STACKHOOK_OIDC_CLIENT_SECRET_FILE: read /no/such/file: no such file"},
		{signOnFlagsOf(t, "--oidc-client-secret-file="+t.TempDir()), "is a directory"},
		{signOnFlagsOf(t, "--oidc-client-secret-file="+secretFile(t, "\n")), "must hold the secret alone"},
		{signOnFlagsOf(t, "--oidc-client-secret-file="+secretFile(t, "geheim\nx")), "must hold the secret alone"},
		{signOnFlagsOf(t, "--oidc-domains=*.example.com"), "STACKHOOK_OIDC_DOMAINS"},
		{signOnFlagsOf(t, "--oidc-domains=ada@example.com"), "STACKHOOK_OIDC_DOMAINS"},
		{signOnFlagsOf(t, "--oidc-domains=*,example.com"), "STACKHOOK_OIDC_DOMAINS"},
		{signOnFlagsOf(t, "--oidc-domains=,"), "STACKHOOK_OIDC_DOMAINS"},
		{signOnFlagsOf(t, "--oidc-admin-groups=ops"), "need STACKHOOK_OIDC_GROUPS_CLAIM"},
		{signOnFlagsOf(t, "--oidc-groups-claim=groups", "--oidc-reader-groups=ops"), "STACKHOOK_OIDC_READER_GROUPS"},
		{signOnFlagsOf(t, "--oidc-groups-claim=groups", "--oidc-reader-groups=ops="), "STACKHOOK_OIDC_READER_GROUPS"},
		{signOnFlagsOf(t, "--oidc-groups-claim=groups", "--oidc-reader-groups=ops=No Such"), "STACKHOOK_OIDC_READER_GROUPS"},
		{signOnFlagsOf(t, "--oidc-groups-claim=groups", `--oidc-admin-groups="cn=ops,dc=example`), "STACKHOOK_OIDC_ADMIN_GROUPS must be one line"},
		{signOnFlagsOf(t, "--oidc-groups-claim=groups", "--oidc-reader-groups=a=b\nc=d"), "STACKHOOK_OIDC_READER_GROUPS must be one line"},
		{[]string{"--password-login=off"}, "nobody could sign in"},
		{[]string{"--password-login=no"}, "STACKHOOK_PASSWORD_LOGIN"},
	} {
		_, err := typed(t, c.flags...).settings()
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "geheim") || strings.ContainsRune(oneLine(err), '\n') {
			t.Errorf("%q: %v", c.flags, err)
		}
	}
}

// The server starts without its identity provider, and says how the first administrator comes in.
func TestFirstAdministratorBySingleSignOn(t *testing.T) {
	t.Parallel()
	env := append(onDatabase(t), "STACKHOOK_OIDC_ISSUER=http://127.0.0.1:1", "STACKHOOK_OIDC_CLIENT_ID=us", "STACKHOOK_OIDC_CLIENT_SECRET_FILE="+secretFile(t, "s"),
		"STACKHOOK_OIDC_DOMAINS=example.com", "STACKHOOK_PASSWORD_LOGIN=off")
	if r := command(t, env, "", "serve"); r.code != 1 || !strings.Contains(r.err, "STACKHOOK_OIDC_ADMIN_GROUPS") {
		t.Errorf("nobody could become the administrator: exit code %d, %q", r.code, r.err)
	}
	groups := append(slices.Clone(env), "STACKHOOK_OIDC_GROUPS_CLAIM=groups", "STACKHOOK_OIDC_ADMIN_GROUPS=ops")
	server := start(t, groups, "serve")
	server.await(t, `from a group of administrators, becomes the administrator: http://`)
	server.end(t, syscall.SIGTERM)

	for _, c := range []struct {
		args, stdin string
		code        int
		says        string
	}{
		{"user add --email ada@example.com --role admin", "", 0, "Added ada@example.com."},
		{"user add --email b@example.com --password-stdin", "a long password", 1, "STACKHOOK_PASSWORD_LOGIN is off"},
		{"user passwd --email ada@example.com", "", 1, "STACKHOOK_PASSWORD_LOGIN is off"},
		{"user passwd --email ada@example.com --password-stdin", "a long password", 1, "STACKHOOK_PASSWORD_LOGIN is off"},
		{"user passwd --email ada@example.com --password-login on --password-stdin", "a long password", 0, "new password"},
		{"user passwd --email ada@example.com --password-login yes", "", 1, "must be on or off"},
		{"user unlink --email ada@example.com", "", 0, "linked to no account"},
	} {
		if r := command(t, env, c.stdin, strings.Fields(c.args)...); r.code != c.code || r.out != "" || !strings.Contains(r.err, c.says) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", c.args, r.code, r.out, r.err)
		}
	}
	server, _ = serving(t, env) // now somebody is there
	server.end(t, syscall.SIGTERM)
}

// A person comes in over the pages of a real provider, without scripts, under the pages' own policy: browsers hold what a
// form leads to against it.
func TestSingleSignOnInABrowser(t *testing.T) {
	t.Parallel()
	id := needs.StartIdentityProvider(t, "http://127.0.0.1:1/later", false)
	id.Account(t, "radia", map[string]any{"email": "radia@example.com", "email_verified": true, "name": "Radia Perlman", "groups": []string{"ops"}})
	env := append(onDatabase(t), "STACKHOOK_OIDC_ISSUER="+id.Issuer, "STACKHOOK_OIDC_CLIENT_ID="+needs.ClientID, "STACKHOOK_OIDC_CLIENT_SECRET_FILE="+secretFile(t, needs.ClientSecret),
		"STACKHOOK_OIDC_DOMAINS=example.com", "STACKHOOK_OIDC_SCOPES=groups", "STACKHOOK_OIDC_GROUPS_CLAIM=groups", "STACKHOOK_OIDC_ADMIN_GROUPS=ops")
	_, base := serving(t, env)
	id.Redirect(t, base+"/login/oidc/callback")

	axe, err := os.ReadFile(filepath.Join(needs.Modules(t, "checks of pages from npm"), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	p := openBrowser(t, base, true)
	check(p, string(axe), "/login")
	p = openBrowser(t, base, false)
	p.open("/users")
	p.press("Sign in with single sign-on")
	p.sees("Sign-in") // at the provider
	p.fill("login", "radia")
	p.fill("password", "anything")
	p.press("Sign-in")
	p.press("Continue")
	p.sees("Users", "radia@example.com")
	p.open("/audit")
	p.sees("Signed in", "with single sign-on")
}
