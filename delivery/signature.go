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
)

// Sign returns the headers that prove who sends a body. X-Signature and X-Signature-256 are what GitHub and Spacelift
// send: the HMAC of the body, keyed with the secret exactly as typed. The webhook-… headers follow the Standard Webhooks
// specification; id is the same on every attempt, at is the attempt's. Without a secret there is no webhook-signature,
// and the key of the others is empty, which proves nothing.
func Sign(body []byte, secret, id string, at time.Time) []models.Header {
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
	sum := mac(sha256.New, standardKey(secret), []byte(id+"."+timestamp+"."), body)
	return append(headers, models.Header{Name: "webhook-signature", Value: "v1," + base64.StdEncoding.EncodeToString(sum)})
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
