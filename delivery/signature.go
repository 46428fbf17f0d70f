package delivery

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// Sign returns the headers that prove who sends a body. X-Signature and X-Signature-256 are what GitHub and Spacelift
// send: the HMAC of the body, keyed with the secret exactly as typed. The webhook-… headers follow the Standard Webhooks
// specification; id is the same on every attempt, at is the attempt's. Without a secret there is no webhook-signature,
// and the key of the others is empty, which proves nothing. Also are secrets that receivers may still verify with: each has a
// further entry in webhook-signature, after a blank.
func Sign(body []byte, secret, id string, at time.Time, also ...string) []models.Header {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	headers := []models.Header{
		{Name: "X-Signature", Value: "sha1=" + hex.EncodeToString(mac(sha1.New, []byte(secret), body))},
		{Name: "X-Signature-256", Value: "sha256=" + hex.EncodeToString(mac(sha256.New, []byte(secret), body))},
		{Name: "webhook-id", Value: id},
		{Name: "webhook-timestamp", Value: timestamp},
	}
	if secret == "" {
		return headers
	}
	var entries []string
	for _, s := range append([]string{secret}, also...) {
		sum := mac(sha256.New, standardKey(s), []byte(id+"."+timestamp+"."), body)
		entries = append(entries, "v1,"+base64.StdEncoding.EncodeToString(sum))
	}
	return append(headers, models.Header{Name: "webhook-signature", Value: strings.Join(entries, " ")})
}

// signers are the secrets that sign an attempt.
type signers struct {
	secret string
	also   []string // see Sign
	prints string   // their fingerprints, as models.Attempt keeps them
}

// signersOf returns the secrets that sign a delivery; false if it is to be signed with one that its target does not have.
func signersOf(d models.Delivery, t store.Target) (signers, bool) {
	w := t.Webhook
	switch d.OnlySecret {
	case "":
		s := signers{secret: t.Secret, prints: w.SecretFingerprint}
		if t.Previous != "" {
			s.also, s.prints = []string{t.Previous}, s.prints+" "+w.PreviousSecret.Fingerprint
		}
		return s, true
	case w.NextSecret.Fingerprint:
		return signers{secret: t.Next, prints: d.OnlySecret}, true
	case w.SecretFingerprint: // it was promoted meanwhile
		return signers{secret: t.Secret, prints: d.OnlySecret}, true
	}
	return signers{}, false
}

// standardKey returns the key that libraries for Standard Webhooks take from a secret: what is encoded after the prefix.
// A secret of another form is its own key.
func standardKey(secret string) []byte {
	if encoded, is := strings.CutPrefix(secret, models.SecretPrefix); is {
		if key, err := base64.StdEncoding.DecodeString(encoded); err == nil && len(key) > 0 {
			return key
		}
	}
	return []byte(secret)
}

func mac(algorithm func() hash.Hash, key []byte, parts ...[]byte) []byte {
	h := hmac.New(algorithm, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
