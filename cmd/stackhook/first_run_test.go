package main

import (
	"net/http"
	"strings"
	"testing"
)

// The page of a stack without runs leads to the first one: the line, the token for it, and then the run itself.
func TestThePageBeforeTheFirstRun(t *testing.T) {
	t.Parallel()
	env := append(onDatabase(t), "STACKHOOK_ADMIN_EMAIL="+adminEmail, "STACKHOOK_ADMIN_PASSWORD="+password)
	_, base := serving(t, env)
	for _, name := range []string{"site", "second", "third"} {
		succeed(t, env, "stack", "add", "--name", name)
	}
	token := succeed(t, env, "token", "create", "--name", "ci", "--scope", "report", "--stack", "site")

	p := openBrowser(t, base, true)
	p.signIn(adminEmail)
	p.open("/stacks/site")
	p.sees("No runs reported yet", "STACKHOOK_URL='"+base+"' stackhook exec --stack site -- terraform")
	firstRun(t, base, "site", token)
	p.sees("The first of site") // comes by itself
	p.lacks("No runs reported yet")

	p.open("/stacks/second")
	p.press("Create the token")
	p.sees("Copy the token second now")
	token = value[string](p, `document.querySelector(".secret-value").textContent`)
	firstRun(t, base, "second", token)
	p.sees("The first run is here.", token) // which stays until somebody goes on
	p.press("Show it as it is now")
	p.sees("The first of second")
	p.lacks(token)

	p = openBrowser(t, base, false)
	p.signIn(adminEmail)
	p.open("/stacks/third")
	p.press("Create the token")
	p.sees("Copy the token third now")
	firstRun(t, base, "third", value[string](p, `document.querySelector(".secret-value").textContent`))
	p.open("/stacks/third")
	p.sees("The first of third")
}

// firstRun reports a run with a token.
func firstRun(t *testing.T, base, stack, token string) {
	t.Helper()
	body := strings.NewReader(`{"commit":{"message":"The first of ` + stack + `"}}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v1/stacks/"+stack+"/runs", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status)
	}
}
