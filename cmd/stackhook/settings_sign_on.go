package main

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"stackhook/models"
	"stackhook/web/provider"
)

// passwordFlags say whether people sign in with passwords. Commands that hand out passwords have them too.
type passwordFlags struct {
	PasswordLogin string `env:"STACKHOOK_PASSWORD_LOGIN" default:"on" placeholder:"on|off" help:"Whether people may sign in with a password (default: ${default})."`
}

// signOnFlags are the settings of single sign-on as typed.
type signOnFlags struct {
	passwordFlags
	Issuer       string `env:"STACKHOOK_OIDC_ISSUER" name:"oidc-issuer" placeholder:"URL" help:"Identity provider for single sign-on, by OpenID Connect."`
	ClientID     string `env:"STACKHOOK_OIDC_CLIENT_ID" name:"oidc-client-id" placeholder:"ID" help:"Stackhook's id at the identity provider."`
	SecretFile   string `env:"STACKHOOK_OIDC_CLIENT_SECRET_FILE" name:"oidc-client-secret-file" placeholder:"PATH" help:"File with Stackhook's secret at the identity provider."`
	Domains      string `env:"STACKHOOK_OIDC_DOMAINS" name:"oidc-domains" placeholder:"DOMAIN,…" help:"Domains of the email addresses that may come in by single sign-on; * for all that the provider vouches for."`
	Scopes       string `env:"STACKHOOK_OIDC_SCOPES" name:"oidc-scopes" placeholder:"SCOPE,…" help:"What to ask the identity provider for beside openid, email and profile."`
	GroupsClaim  string `env:"STACKHOOK_OIDC_GROUPS_CLAIM" name:"oidc-groups-claim" placeholder:"NAME" help:"Claim that holds somebody's groups."`
	AdminGroups  string `env:"STACKHOOK_OIDC_ADMIN_GROUPS" name:"oidc-admin-groups" placeholder:"GROUP,…" help:"Groups whose members are administrators."`
	ReaderGroups string `env:"STACKHOOK_OIDC_READER_GROUPS" name:"oidc-reader-groups" placeholder:"GROUP=STACK,…" help:"Groups whose members read a stack, by its id; * for every stack."`
}

// signOn is checked single sign-on.
type signOn struct {
	Provider provider.Config // without the address to come back to, which goes with the base URL
	Rules    models.SignOnRules
}

// off reports whether passwords are switched off.
func (f passwordFlags) off(wrong *problems) bool {
	return wrong.choice("STACKHOOK_PASSWORD_LOGIN", f.PasswordLogin, "on", "off") == "off"
}

// errPasswordsOff is what a command that hands out a password says where it would be worth nothing.
var errPasswordsOff = errors.New("nobody signs in with a password while STACKHOOK_PASSWORD_LOGIN is off: start the server with it on, then run this with it on")

// switchedOff is off for a command.
func (f passwordFlags) switchedOff() (bool, error) {
	var wrong problems
	off := f.off(&wrong)
	return off, wrong.err()
}

// check reads the settings of single sign-on; nil is without.
func (f signOnFlags) check(wrong *problems) *signOn {
	needed := []struct{ name, value string }{
		{"STACKHOOK_OIDC_ISSUER", f.Issuer},
		{"STACKHOOK_OIDC_CLIENT_ID", f.ClientID},
		{"STACKHOOK_OIDC_CLIENT_SECRET_FILE", f.SecretFile},
		{"STACKHOOK_OIDC_DOMAINS", f.Domains},
	}
	var missing []string
	for _, n := range needed {
		if strings.TrimSpace(n.value) == "" {
			missing = append(missing, n.name)
		}
	}
	others := f.Scopes + f.GroupsClaim + f.AdminGroups + f.ReaderGroups
	if len(missing) == len(needed) && others == "" {
		return nil
	}
	if len(missing) > 0 {
		wrong.add("single sign-on needs %s too", strings.Join(missing, ", "))
		return nil
	}
	on := &signOn{
		Provider: provider.Config{
			Issuer: wrong.issuer("STACKHOOK_OIDC_ISSUER", f.Issuer), ClientID: strings.TrimSpace(f.ClientID),
			Secret: wrong.secretFile("STACKHOOK_OIDC_CLIENT_SECRET_FILE", f.SecretFile),
			Scopes: words(f.Scopes), GroupsClaim: strings.TrimSpace(f.GroupsClaim),
		},
		Rules: models.SignOnRules{
			Domains:      wrong.domains("STACKHOOK_OIDC_DOMAINS", f.Domains),
			AdminGroups:  wrong.quoted("STACKHOOK_OIDC_ADMIN_GROUPS", f.AdminGroups),
			ReaderGroups: wrong.readerGroups("STACKHOOK_OIDC_READER_GROUPS", f.ReaderGroups),
		},
	}
	if on.Provider.GroupsClaim == "" && f.AdminGroups+f.ReaderGroups != "" {
		wrong.add("STACKHOOK_OIDC_ADMIN_GROUPS and STACKHOOK_OIDC_READER_GROUPS need STACKHOOK_OIDC_GROUPS_CLAIM, the claim that holds the groups")
	}
	return on
}

// words are the parts of a list without blanks around them.
func words(list string) []string {
	var parts []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// quoted are the parts of a list in which a part with commas, as the names of directories have, stands in double quotes. It
// is a line of CSV.
func (p *problems) quoted(name, list string) []string {
	if strings.TrimSpace(list) == "" {
		return nil
	}
	lines := csv.NewReader(strings.NewReader(list))
	lines.TrimLeadingSpace = true
	all, err := lines.ReadAll()
	if err != nil || len(all) != 1 {
		p.add("%s must be one line, in which each part that has a comma stands in double quotes, such as \"cn=ops,dc=example\",admins", name)
		return nil
	}
	var parts []string
	for _, part := range all[0] {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// issuer checks the provider's address. It is compared byte by byte with what the provider calls itself, so it stays as it is.
func (p *problems) issuer(name, text string) string {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		p.add("%s must be the provider's address, such as https://login.example.com", name)
	case u.Scheme == "http" && !onThisMachine(u.Hostname()):
		p.add("%s must begin with https://: who signs in, and who may, goes over this line", name)
	}
	return text
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// maxSecretFile is more than any provider's secrets have.
const maxSecretFile = 4 << 10

// secretFile reads a secret that a file holds, without the line break at its end. Messages never hold it.
func (p *problems) secretFile(name, path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		if failed, is := errors.AsType[*fs.PathError](err); is {
			err = failed.Err
		}
		p.add("%s: read %s: %v", name, path, err)
		return ""
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" || len(secret) > maxSecretFile || strings.ContainsAny(secret, "\r\n") {
		p.add("%s: %s must hold the secret alone, on one line", name, path)
	}
	return secret
}

func (p *problems) domains(name, list string) []string {
	var domains []string
	for _, domain := range words(list) {
		domain = strings.ToLower(strings.TrimPrefix(domain, "@"))
		if domain != models.AnyDomain && (strings.ContainsAny(domain, "*@/: ") || strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".")) {
			p.add("%s holds %q: it must list domains such as example.com, each with its subdomains one by one, or be *", name, domain)
		}
		domains = append(domains, domain)
	}
	if len(domains) == 0 || len(domains) > 1 && slices.Contains(domains, models.AnyDomain) {
		p.add("%s must list domains such as example.com, or be * alone", name)
	}
	return domains
}

func isStackID(id string) bool {
	bad, is := errors.AsType[models.Invalid](models.Stack{ID: id, Name: id}.Check())
	return !is || bad.Message("id") == ""
}

// readerGroups reads pairs of a group and a stack. A group may have equals signs in it, as the names of directories do; a
// stack's id has none.
func (p *problems) readerGroups(name, list string) []models.GroupGrant {
	var grants []models.GroupGrant
	for _, pair := range p.quoted(name, list) {
		at := strings.LastIndexByte(pair, '=')
		if at < 1 || at == len(pair)-1 {
			p.add("%s holds %q: it must list pairs such as platform=networking-prod or everybody=*", name, pair)
			continue
		}
		grant := models.GroupGrant{Group: strings.TrimSpace(pair[:at]), Stack: strings.TrimSpace(pair[at+1:])}
		if grant.Stack != models.EveryStack && !isStackID(grant.Stack) {
			p.add("%s holds %q: what follows the equals sign must be a stack's id, or *", name, pair)
		}
		grants = append(grants, grant)
	}
	return grants
}
