package models

import (
	"slices"
	"time"
)

// Scope is what a token may do. Report and read are both contained in admin.
type Scope string

// The scopes of a token.
const (
	ScopeReport Scope = "report" // report runs and states, and read the stack's runs
	ScopeRead   Scope = "read"   // read everything, secrets included
	ScopeAdmin  Scope = "admin"
)

// Known reports whether s is one of the scopes.
func (s Scope) Known() bool { return slices.Contains([]Scope{ScopeReport, ScopeRead, ScopeAdmin}, s) }

// Token lets a program use the API. Only a hash of it is stored: it is shown once.
type Token struct {
	ID         string `gorm:"primaryKey"` // a ULID
	Name       string
	Prefix     string // the first characters, to recognise it by
	Hash       string // SHA-256 in hex; unique
	Scope      Scope
	StackKey   int64     `gorm:"serializer:nullzero"` // 0 for all stacks
	CreatedBy  string    // the name of who made it
	CreatedAt  time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	LastUsedAt time.Time `gorm:"serializer:micros"` // to the minute
	RevokedAt  time.Time `gorm:"serializer:micros"`
	ExpiresAt  time.Time `gorm:"serializer:micros"` // zero for never
}

// Expired reports whether the token has expired by then.
func (t Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }

// TokenLife is a time after which a token may expire.
type TokenLife struct {
	Name string // in forms
	Time time.Duration
}

// TokenLives are those that there are.
var TokenLives = []TokenLife{{"never", 0}, {"30d", 30 * 24 * time.Hour}, {"90d", 90 * 24 * time.Hour}, {"365d", 365 * 24 * time.Hour}}

// TokenExpiry returns when a token that is made now expires, zero for never, and whether there is a life of that name.
func TokenExpiry(life string, now time.Time) (at time.Time, known bool) {
	for _, l := range TokenLives {
		if l.Name == life && l.Time == 0 {
			return time.Time{}, true
		}
		if l.Name == life {
			return now.Add(l.Time), true
		}
	}
	return time.Time{}, false
}

// Check returns what is wrong with the token as typed.
func (t Token) Check() error {
	var bad Invalid
	checkText(&bad, "name", t.Name, 1, MaxStackName)
	if !t.Scope.Known() {
		bad.Add("scope", "Choose report, read or admin.")
	}
	return bad.Err()
}

// Viewer is who is asking: a person or a token, never both. The zero Viewer is nobody and may do nothing.
type Viewer struct {
	User    *User
	Grants  []int64 // stack keys that the user was granted
	Token   *Token
	Session string // the id of the user's session row, "" for a token
	Address string // where the request comes from
}

// Anybody reports whether someone known is asking.
func (v Viewer) Anybody() bool { return v.User != nil || v.Token != nil }

// Administrator reports whether the viewer administers the whole installation.
func (v Viewer) Administrator() bool {
	return v.User != nil && v.User.Role == Administrator || v.Token != nil && v.Token.Scope == ScopeAdmin && v.Token.StackKey == 0
}

// Sees reports whether the stack exists for the viewer at all: if not, everything in it is not found.
func (v Viewer) Sees(stackKey int64) bool {
	switch {
	case v.User != nil:
		return v.AllStacks() || slices.Contains(v.Grants, stackKey)
	case v.Token != nil:
		return v.Token.StackKey == 0 || v.Token.StackKey == stackKey
	}
	return false
}

// AllStacks reports whether the viewer sees every stack, those still to come included.
func (v Viewer) AllStacks() bool {
	switch {
	case v.User != nil:
		return v.User.Role == Administrator || v.User.AllStacks
	case v.Token != nil:
		return v.Token.StackKey == 0
	}
	return false
}

// Reads reports whether the viewer may read the stack's webhooks, secrets and deliveries.
func (v Viewer) Reads(stackKey int64) bool {
	return v.Sees(stackKey) && (v.Token == nil || v.Token.Scope != ScopeReport)
}

// Reports reports whether the viewer may report runs of the stack.
func (v Viewer) Reports(stackKey int64) bool {
	return v.Sees(stackKey) && v.Token != nil && v.Token.Scope != ScopeRead
}

// Administers reports whether the viewer may change the stack and act on its deliveries.
func (v Viewer) Administers(stackKey int64) bool {
	return v.Administrator() || v.Sees(stackKey) && v.Token != nil && v.Token.Scope == ScopeAdmin
}

// Actor is who did something, as the audit log keeps it.
func (v Viewer) Actor() Actor {
	switch {
	case v.User != nil:
		return Actor{Kind: ActorUser, ID: v.User.ID, Name: v.User.Label(), Address: v.Address}
	case v.Token != nil:
		return Actor{Kind: ActorToken, Name: v.Token.Name, Address: v.Address}
	}
	return Actor{Kind: ActorNobody, Address: v.Address}
}

// SessionIdle is how long a session that is not used lasts.
const SessionIdle = 24 * time.Hour

// Session is one signed-in browser. Only a hash of its cookie's id is stored.
type Session struct {
	ID        string `gorm:"primaryKey"` // SHA-256 of the cookie's id, in hex
	UserID    int64
	Address   string
	Device    string    // the User-Agent header, cut
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	SeenAt    time.Time `gorm:"serializer:micros"`
	ExpiresAt time.Time `gorm:"serializer:micros"`
	Data      []byte    // what the browser's next page is to be told; opaque here
}

// Link is a one-time link: it lets a person set a password. Only a hash of it is stored.
type Link struct {
	ID        string    `gorm:"primaryKey"`          // SHA-256 of the link's token, in hex
	UserID    int64     `gorm:"serializer:nullzero"` // 0 for the first start: whoever holds it becomes the administrator
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	ExpiresAt time.Time `gorm:"serializer:micros"`
	UsedAt    time.Time `gorm:"serializer:micros"`
}
