package models

import (
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// Limits of what a person is known by.
const (
	MaxEmail    = 254 // RFC 5321, section 4.5.3.1.3, without the angle brackets
	MinPassword = 12  // characters; length is what counts (NIST SP 800-63B, section 3.1.1.2)
	MaxPassword = 512 // bytes: more only costs time
)

// Role is what a person may do.
type Role string

// The roles. A reader reads the stacks that were granted; an administrator reads and changes everything.
const (
	Administrator Role = "admin"
	Reader        Role = "reader"
)

// Known reports whether r is one of the roles.
func (r Role) Known() bool { return r == Administrator || r == Reader }

// User is a person who can sign in.
type User struct {
	ID           int64  `gorm:"primaryKey;autoIncrement"`
	Email        string // lower-case; unique
	Name         string // as shown; may be empty, see Label
	Role         Role
	AllStacks    bool   // a reader who may read every stack
	PasswordHash string // Argon2id; "" until the one-time link was used
	Active       bool
	CreatedAt    time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	SeenAt       time.Time `gorm:"serializer:micros"`

	// The role, or the access to all stacks, came from a group of the identity provider, and goes with it. What was given by
	// hand stays.
	RoleByGroup, AllStacksByGroup bool
}

// Label is how pages call the person.
func (u User) Label() string {
	if u.Name != "" {
		return u.Name
	}
	return u.Email
}

// Grant lets a reader read one stack.
type Grant struct {
	UserID    int64     `gorm:"primaryKey;autoIncrement:false"`
	StackKey  int64     `gorm:"primaryKey;autoIncrement:false"`
	CreatedAt time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	ByGroup   bool      // as User.RoleByGroup
}

// NormalizeEmail returns the address in the form in which it is stored and compared.
func NormalizeEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Check returns what is wrong with the user as typed.
func (u User) Check() error {
	var bad Invalid
	address, err := mail.ParseAddress(u.Email)
	switch {
	case u.Email == "":
		bad.Add("email", "Enter an email address.")
	case err != nil || address.Address != u.Email || len(u.Email) > MaxEmail || hasControl(u.Email):
		bad.Add("email", "This is not an email address such as ada@example.com.")
	}
	checkText(&bad, "name", u.Name, 0, MaxStackName)
	if !u.Role.Known() {
		bad.Add("role", "Choose administrator or reader.")
	}
	return bad.Err()
}

// CheckPassword returns what is wrong with a new password.
func CheckPassword(password string) error {
	var bad Invalid
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		bad.Add("password", "Use at least %d characters; a few words are easy to remember.", MinPassword)
	case len(password) > MaxPassword:
		bad.Add("password", "Use at most %d bytes.", MaxPassword)
	case !utf8.ValidString(password):
		bad.Add("password", "The password is not valid UTF-8 text.")
	}
	return bad.Err()
}

// hashing bounds how many passwords are hashed at once: each takes 64 MiB, and a burst of sign-ins must not take the
// memory that deliveries need.
var hashing = make(chan struct{}, 2)

// argon are the parameters of Argon2id: 64 MiB as in the library's defaults, two passes, and two lanes for any machine.
var argon = &argon2id.Params{Memory: 64 * 1024, Iterations: 2, Parallelism: 2, SaltLength: 16, KeyLength: 32}

// HashPassword returns the Argon2id hash of a password, in the PHC string format. It waits while two others are hashed.
func HashPassword(password string) (string, error) {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	hash, err := argon2id.CreateHash(password, argon)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// unknownHash is what a password is compared with when there is no account: the answer then takes as long.
const unknownHash = "$argon2id$v=19$m=65536,t=2,p=2$c3RhY2tob29rLW5vLXVzZXI$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"

// PasswordMatches compares a password with a hash; "" stands for an account that does not exist or has none yet, and
// takes as long. It waits while two others are hashed.
func PasswordMatches(password, hash string) bool {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	known := hash != ""
	if !known {
		hash = unknownHash
	}
	matches, err := argon2id.ComparePasswordAndHash(password, hash)
	return err == nil && matches && known
}

// CutName makes a name of somebody out of what another system calls them: without what a name here must not have, and not
// too long.
func CutName(name string) string {
	name = strings.Map(func(r rune) rune {
		if hasControl(string(r)) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if letters := []rune(strings.TrimSpace(name)); len(letters) > MaxStackName {
		return string(letters[:MaxStackName])
	}
	return strings.TrimSpace(name)
}
