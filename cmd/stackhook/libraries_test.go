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
			input, err := json.Marshal(map[string]any{"body": body, "headers": headers, "secret": secret, "standardSecret": standardSecret(t, secret)})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), node, "--input-type=module", "--eval", libraries)
			cmd.Dir, cmd.Stdin = filepath.Dir(modules), bytes.NewReader(input)
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
				t.Errorf("secret %q, body %q: %v, %s", secret, body, err, out)
			}
		}
	}
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
