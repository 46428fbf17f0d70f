package models

import (
	"slices"
	"strings"
	"time"
)

// Identity is what the identity provider vouches for about somebody who signed in there.
type Identity struct {
	Issuer, Subject string // together they name a person for ever; an email address may be given to another
	Email           string
	EmailVerified   bool
	Name            string
	Groups          []string
}

// SignOnRules say who may sign in through the identity provider, and what the groups that it names are worth here.
type SignOnRules struct {
	Domains      []string // of email addresses, lower-case; AnyDomain for all
	AdminGroups  []string
	ReaderGroups []GroupGrant
}

// GroupGrant lets a group read a stack.
type GroupGrant struct{ Group, Stack string } // the stack's id, or EveryStack

// What stands for all domains, and for every stack, those still to come included.
const (
	AnyDomain  = "*"
	EveryStack = "*"
)

// Check says why somebody may not come in, if so: a *Refused whose reason is for them.
func (r SignOnRules) Check(i Identity) error {
	at := strings.LastIndexByte(i.Email, '@')
	switch {
	case i.Email == "" || at < 1:
		return &Refused{Reason: "The identity provider did not tell your email address. An administrator of it can let Stackhook have it."}
	case !i.EmailVerified:
		return &Refused{Reason: "The identity provider says that your email address is not verified. Verify it there, then sign in again."}
	case !slices.Contains(r.Domains, AnyDomain) && !slices.Contains(r.Domains, strings.ToLower(i.Email[at+1:])):
		return &Refused{Reason: "Email addresses of your domain are not let in here. Sign in with another account, or ask whoever runs this server."}
	}
	return nil
}

// GroupRights are what somebody's groups give them. What is not mapped to any group is left alone.
type GroupRights struct {
	MapsRole, MapsStacks bool
	Administrator        bool
	AllStacks            bool
	Stacks               []string // ids
}

// Rights returns what the groups give.
func (r SignOnRules) Rights(groups []string) GroupRights {
	in := func(group string) bool { return slices.Contains(groups, group) }
	rights := GroupRights{
		MapsRole: len(r.AdminGroups) > 0, MapsStacks: len(r.ReaderGroups) > 0,
		Administrator: slices.ContainsFunc(r.AdminGroups, in),
	}
	for _, g := range r.ReaderGroups {
		switch {
		case !in(g.Group):
		case g.Stack == EveryStack:
			rights.AllStacks = true
		default:
			rights.Stacks = append(rights.Stacks, g.Stack)
		}
	}
	return rights
}

// SignOnAge is how long signing in at the identity provider may take.
const SignOnAge = 10 * time.Minute

// SignOn is a sign-in that is under way at the identity provider. It is worth something only together with the cookie of
// the browser in which it began, and only once.
type SignOn struct {
	ID        string    // SHA-256 of the state that the provider sends back, in hex
	Browser   string    // SHA-256 of what the browser's cookie holds, in hex
	Nonce     string    // what the provider puts into the token
	Verifier  string    // of PKCE: proves that the code was asked for here
	Next      string    // where to go afterwards
	Form      string    // a sealed form that waits
	ExpiresAt time.Time `gorm:"serializer:micros"`
}

// Linked is which account at the identity provider is whose here.
type Linked struct {
	Issuer    string `gorm:"primaryKey"`
	Subject   string `gorm:"primaryKey"`
	UserID    int64
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`
}

// TableName is what GORM asks for.
func (Linked) TableName() string { return "identities" }
