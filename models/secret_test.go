package models_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"stackhook/models"
)

func TestSecretsAreTakenAsTyped(t *testing.T) {
	t.Parallel()
	for secret, fine := range map[string]bool{
		"":                         true,
		"x":                        true,
		"  blanks at the ends  ":   true,
		"*vEDKxwkV-yQJ4-JyhVyvcr.": true,
		"пароль 🔑":                 true,
		strings.Repeat("x", 1024):  true,
		strings.Repeat("x", 1025):  false,
		strings.Repeat("x", 1<<20): false,
		"two\nlines":               false,
		"two\rlines":               false,
		"tab\t":                    false,
		"nul\x00":                  false,
		"line separator\u2028":     false,
		"override\u202e":           false,
		"not utf-8 \xff":           false,
		"c1 control \u0085":        false,
	} {
		if err := models.CheckSecret(secret); (err == nil) != fine {
			t.Errorf("%.30q: %v, want fine %t", secret, err, fine)
		} else if err != nil && len(secret) > 4 && strings.Contains(err.Error(), secret) {
			t.Errorf("%.30q: the message repeats the secret", secret)
		}
	}
}

func TestGeneratedSecretsAreStrongAndReadable(t *testing.T) {
	t.Parallel()
	a, b := models.GenerateSecret(), models.GenerateSecret()
	if a == b {
		t.Error("the same secret twice")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(a, "whsec_"))
	if err != nil || len(key) != 32 || !strings.HasPrefix(a, "whsec_") {
		t.Errorf("%s: %d bytes, %v", a, len(key), err)
	}
	if err := models.CheckSecret(a); err != nil {
		t.Error(err)
	}
	if models.SecretStrength(a) != 4 {
		t.Errorf("strength %v", models.SecretStrength(a))
	}
}

func TestStrength(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]models.Strength{
		"a": 1, "password": 1, "aaaaaaaaaaaaaaaaaaaa": 1, "correct horse": 2, "correct horse battery": 3, "q8Zt-3vKxWmB_hYp5RrJ0uNcE7sLaGd2oTfQ": 4,
	} {
		if got := models.SecretStrength(secret); got != want {
			t.Errorf("%s: %d %s, want %d", secret, got, got, want)
		}
	}
}
