package models

import (
	"crypto/rand"
	"encoding/base64"
	"math"
	"strings"
	"unicode/utf8"
)

// MaxSecret is the longest secret, in bytes.
const MaxSecret = 1024

// SecretPrefix marks a secret whose rest is the base64 of the key's bytes, as in the Standard Webhooks specification.
const SecretPrefix = "whsec_"

// CheckSecret returns what is wrong with a secret as typed; "" is no secret and fine. Blanks at its ends are part of it.
func CheckSecret(secret string) error {
	var bad Invalid
	switch {
	case len(secret) > MaxSecret:
		bad.Add("secret", "Use at most %d bytes; this secret has %d.", MaxSecret, len(secret))
	case !utf8.ValidString(secret):
		bad.Add("secret", "The secret is not valid UTF-8 text. Generate one, or type it.")
	case hasControl(secret):
		bad.Add("secret", "Leave out line breaks and control characters: receivers read the secret from one line.")
	}
	return bad.Err()
}

// CheckNewSecret is CheckSecret for a secret that takes the place of another: there must be one.
func CheckNewSecret(secret string) error {
	if secret == "" {
		return Invalid{{Field: "secret", Message: "Type a secret, or generate one."}}
	}
	return CheckSecret(secret)
}

// GenerateSecret returns a strong secret: SecretPrefix and the base64 of 32 random bytes, the key length of HMAC-SHA256.
func GenerateSecret() string {
	key := make([]byte, 32)
	rand.Read(key) // never fails: crypto/rand ends the process instead
	return SecretPrefix + base64.StdEncoding.EncodeToString(key)
}

// Strength is a rough word for how hard a secret is to guess, from 1 (weak) to 4 (strong).
type Strength int

// SecretStrength estimates a secret from its length and the variety of its characters. The bounds are those at which a
// key is worth less than 40, 64 and 96 bits; below 64 a captured signature can be searched offline.
func SecretStrength(secret string) Strength {
	seen := map[rune]bool{}
	for _, r := range strings.TrimPrefix(secret, SecretPrefix) {
		seen[r] = true
	}
	bits := float64(utf8.RuneCountInString(secret)) * math.Log2(float64(len(seen))+1)
	switch {
	case bits >= 96:
		return 4
	case bits >= 64:
		return 3
	case bits >= 40:
		return 2
	}
	return 1
}

func (s Strength) String() string {
	switch s {
	case 4:
		return "Strong"
	case 3:
		return "Good"
	case 2:
		return "Fair"
	}
	return "Weak"
}
