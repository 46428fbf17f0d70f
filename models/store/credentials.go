package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// newCredential returns 32 random bytes as text for a URL, a header or a cookie: a bearer of it needs no other proof.
func newCredential() string { return base64.RawURLEncoding.EncodeToString(random(32)) }

// HashCredential returns what is stored of a credential. It is random already, so a fast hash without salt is enough.
func HashCredential(credential string) string {
	sum := sha256.Sum256([]byte(credential))
	return hex.EncodeToString(sum[:])
}
