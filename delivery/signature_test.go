package delivery

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-github/v84/github"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"stackhook/models"
)

// secrets are what people type, and what the libraries for Standard Webhooks are to be given for each.
var secrets = map[string]struct{ secret, libraries string }{
	"generated":       {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	"own words":       {"correct horse battery staple", "whsec_" + base64.StdEncoding.EncodeToString([]byte("correct horse battery staple"))},
	"one byte":        {"x", "whsec_" + base64.StdEncoding.EncodeToString([]byte("x"))},
	"blanks kept":     {" padded ", "whsec_" + base64.StdEncoding.EncodeToString([]byte(" padded "))},
	"not base64":      {"whsec_not base64", "whsec_" + base64.StdEncoding.EncodeToString([]byte("whsec_not base64"))},
	"unpadded base64": {"whsec_YQ", "whsec_" + base64.StdEncoding.EncodeToString([]byte("whsec_YQ"))},
	"prefix alone":    {"whsec_", "whsec_" + base64.StdEncoding.EncodeToString([]byte("whsec_"))},
	"umlauts":         {"schlüssel", "whsec_" + base64.StdEncoding.EncodeToString([]byte("schlüssel"))},
}

var bodies = map[string][]byte{
	"empty": {}, "json": []byte(`{"account":"spacelift-io","state":"FINISHED"}`), "bytes": {0, 0xff, '\r', '\n', 0xfe},
}

// Receivers that nobody here wrote accept every signature.
func TestForeignReceiversAcceptSignatures(t *testing.T) {
	t.Parallel()
	for secretName, s := range secrets {
		for bodyName, body := range bodies {
			t.Run(secretName+"/"+bodyName, func(t *testing.T) {
				t.Parallel()
				h := headerOf(Sign(body, s.secret, "01J00000000000000000000000", time.Now()))
				for _, name := range []string{"X-Signature", "X-Signature-256"} {
					if err := github.ValidateSignature(h.Get(name), body, []byte(s.secret)); err != nil {
						t.Errorf("go-github refuses %s: %v", name, err)
					}
					if github.ValidateSignature(h.Get(name), body, []byte(s.secret+"x")) == nil {
						t.Errorf("go-github accepts %s with another secret", name)
					}
				}
				library, err := standardwebhooks.NewWebhook(s.libraries)
				if err != nil {
					t.Fatal(err)
				}
				if err := library.Verify(body, h); err != nil {
					t.Errorf("standard-webhooks refuses: %v", err)
				}
				if library.Verify(append(body[:len(body):len(body)], ' '), h) == nil {
					t.Error("standard-webhooks accepts another body")
				}
			})
		}
	}
}

// The example of the Standard Webhooks libraries, and RFC 2202's and RFC 4231's second test cases.
func TestSignatureKnownAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, secret, id, body, at, header, want string }{
		{
			"Standard Webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
			`{"test": 2432232314}`, "2021-02-25T15:02:10Z", "webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		},
		{"HMAC-SHA1", "Jefe", "", "what do ya want for nothing?", "2026-01-01T00:00:00Z", "X-Signature", "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		{
			"HMAC-SHA256", "Jefe", "", "what do ya want for nothing?", "2026-01-01T00:00:00Z",
			"X-Signature-256", "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := headerOf(Sign([]byte(c.body), c.secret, c.id, at)).Get(c.header); got != c.want {
			t.Errorf("%s: %s: got %q, want %q", c.name, c.header, got, c.want)
		}
	}
}

func TestSignatureWithoutSecret(t *testing.T) {
	t.Parallel()
	h := headerOf(Sign([]byte("body"), "", "id", time.Unix(1614265330, 0)))
	if err := github.ValidateSignature(h.Get("X-Signature-256"), []byte("body"), []byte{}); err != nil {
		t.Errorf("keyed with the empty key: %v", err)
	}
	if h.Get("webhook-signature") != "" {
		t.Error("a webhook-signature without a secret proves nothing and must not be sent")
	}
	if h.Get("webhook-id") != "id" || h.Get("webhook-timestamp") != "1614265330" {
		t.Errorf("webhook-id %q, webhook-timestamp %q", h.Get("webhook-id"), h.Get("webhook-timestamp"))
	}
}

func headerOf(headers []models.Header) http.Header {
	h := http.Header{}
	for _, line := range headers {
		h.Add(line.Name, line.Value)
	}
	return h
}
