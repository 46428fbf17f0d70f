package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stackhook/delivery"
	"stackhook/models"
	"stackhook/models/needs"
)

// The libraries that the page about webhooks names verify a request with the secret as the page says.
const libraries = `
import { readFileSync } from "node:fs";
import { verify } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";

const { body, headers, secret, standardSecret } = JSON.parse(readFileSync(0, "utf8"));
const octokit = await verify(secret, body, headers["x-signature-256"]);
let standard = true;
try {
  new Webhook(standardSecret).verify(body, headers);
} catch {
  standard = false;
}
console.log(octokit, standard);
`

func TestLibrariesOnTheHelpPage(t *testing.T) {
	t.Parallel()
	node := needs.Program(t, "node", "receivers in Node", "nodejs npm")
	modules := needs.Modules(t, "receivers in Node")
	for _, secret := range secrets {
		for body, want := range map[string]string{payload: "true true\n", payload + " ": "false false\n"} {
			headers := map[string]string{}
			for _, h := range delivery.Sign([]byte(payload), secret, deliveryID, time.Now()) {
				headers[strings.ToLower(h.Name)] = h.Value
			}
			if got := askLibraries(t, node, modules, body, secret, standardSecret(t, secret), headers); got != want {
				t.Errorf("secret %q, body %q: %s", secret, body, got)
			}
		}
	}
}

// While a secret is replaced, the libraries accept what both sign: standardwebhooks whichever of the two it has.
func TestLibrariesWhileASecretIsReplaced(t *testing.T) {
	t.Parallel()
	node := needs.Program(t, "node", "receivers in Node", "nodejs npm")
	modules := needs.Modules(t, "receivers in Node")
	current, previous := models.GenerateSecret(), models.GenerateSecret()
	headers := map[string]string{}
	for _, h := range delivery.Sign([]byte(payload), current, deliveryID, time.Now(), previous) {
		headers[strings.ToLower(h.Name)] = h.Value
	}
	for secret, want := range map[string]string{current: "true true\n", previous: "false true\n", models.GenerateSecret(): "false false\n"} {
		if got := askLibraries(t, node, modules, payload, secret, secret, headers); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// askLibraries returns whether Octokit's library and the one for Standard Webhooks accept a request.
func askLibraries(t *testing.T, node, modules, body, secret, standardSecret string, headers map[string]string) string {
	t.Helper()
	input, err := json.Marshal(map[string]any{"body": body, "headers": headers, "secret": secret, "standardSecret": standardSecret})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--input-type=module", "--eval", libraries)
	cmd.Dir, cmd.Stdin = filepath.Dir(modules), bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v, %s", err, out)
	}
	return string(out)
}

// standardSecret returns a secret as libraries for Standard Webhooks take it, by the command on the page.
func standardSecret(t *testing.T, secret string) string {
	t.Helper()
	if strings.HasPrefix(secret, models.SecretPrefix) {
		return secret
	}
	needs.Program(t, "openssl", "receivers in shell", "openssl")
	cmd := exec.CommandContext(t.Context(), "sh", snippet(t, "standard-secret.sh"))
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
