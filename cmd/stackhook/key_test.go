package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// A rotation that is killed at any moment, beside a server, loses nothing, and the next one goes on.
func TestARotationIsKilledAnywhere(t *testing.T) {
	t.Parallel()
	env := onDatabase(t)
	serving(t, env)
	database := strings.TrimPrefix(env[0], "STACKHOOK_DATABASE=")
	secrets := sealMany(t, database, 300)
	began := time.Now()
	succeed(t, env, "key", "rotate")
	took := time.Since(began)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.Float64()*float64(took)))
		program(ctx, env, "key", "rotate").Run() // it is killed, most of the time
		cancel()
		openAll(t, database, secrets)
	}
	succeed(t, env, "key", "rotate")
	openAll(t, database, secrets)
	listed := succeed(t, env, "key", "list")
	if strings.Count(listed, " seals ") != 1 || strings.Contains(listed, " opens ") || !strings.Contains(listed, " 300 ") || !strings.Contains(listed, "1 of 1") {
		t.Error(listed)
	}
	if files, err := filepath.Glob(filepath.Join(filepath.Dir(database), ".*")); err != nil || len(files) > 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// sealMany adds webhooks with secrets, and returns those by webhook.
func sealMany(t *testing.T, database string, n int) map[string]string {
	t.Helper()
	s := openDatabase(t, database)
	defer s.Close()
	stack, err := s.CreateStack(t.Context(), shellActor(), models.Stack{ID: "many", Name: "Many", Labels: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{}
	for i := range n {
		secret := models.GenerateSecret()
		w, err := s.CreateWebhook(t.Context(), shellActor(), stack, models.WebhookForm{Endpoint: fmt.Sprintf("https://example.com/%d", i), Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		secrets[w.ID] = secret
	}
	return secrets
}

func openDatabase(t *testing.T, database string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openAll opens all secrets as a server that starts now does.
func openAll(t *testing.T, database string, secrets map[string]string) {
	t.Helper()
	s := openDatabase(t, database)
	defer s.Close()
	stack, err := s.Stack(t.Context(), everything, "many")
	if err != nil {
		t.Fatal(err)
	}
	webhooks, err := s.Webhooks(t.Context(), stack)
	if err != nil || len(webhooks) != len(secrets) {
		t.Fatal(len(webhooks), err)
	}
	for _, w := range webhooks {
		if secret, err := s.Secret(w); err != nil || secret != secrets[w.ID] {
			t.Fatalf("%s: %q, %v", w.ID, secret, err)
		}
	}
	info, err := os.Stat(filepath.Join(filepath.Dir(database), "stackhook.key"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
