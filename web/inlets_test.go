package web_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"stackhook/handlers"
	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// inletToken is the token of an inlet.
const inletToken = "the token of this inlet"

// hcpAddress is where notifications for the stack a come in.
const hcpAddress = "/api/v1/inlets/hcp-terraform/a"

// inlet sets up an inlet for HCP Terraform.
func inlet(t testing.TB, site *webtest.Site, stack models.Stack) models.Inlet {
	t.Helper()
	i, err := site.Store.CreateInlet(t.Context(), storetest.Shell, stack, models.InletHCP, inletToken)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// signature is what HCP Terraform sends with a body.
func signature(token, body string) string {
	mac := hmac.New(sha512.New, []byte(token))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// hcpBody is a notification as the documentation has it.
func hcpBody(run, trigger, status string) string {
	return fmt.Sprintf(`{"payload_version":1,"notification_configuration_id":"nc-AeUQ2zfKZzW9TiGZ",
		"run_url":"https://app.terraform.io/app/acme-org/my-workspace/runs/%[1]s","run_id":%[1]q,"run_message":"Add five new queue workers",
		"run_created_at":"2019-01-25T18:34:00.000Z","run_created_by":"sample-user","workspace_id":"ws-XdeUVMWShTesDMME","workspace_name":"my-workspace",
		"organization_name":"acme-org","notifications":[{"message":"Run Canceled","trigger":%[2]q,"run_status":%[3]q,
		"run_updated_at":"2019-01-25T18:37:04.000Z","run_updated_by":"sample-user"}]}`, run, trigger, status)
}

// notify sends a notification that is signed with the token.
func notify(t testing.TB, site *webtest.Site, path, token, body string) answered {
	t.Helper()
	return program{t, site, ""}.call("POST", path, body, func(r *http.Request) { r.Header.Set(handlers.HCPSignature, signature(token, body)) })
}

func runsOf(t testing.TB, site *webtest.Site, stack models.Stack) []models.Run {
	t.Helper()
	page, err := site.Store.Runs(t.Context(), stack, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	return page.Rows
}

// Without a right signature everything is answered the same, whatever there is, and nothing of it is kept.
func TestOnlyTheRightSignatureIsLetIn(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	a, b := storetest.Stack(t, site.Store, "a"), storetest.Stack(t, site.Store, "b")
	storetest.Stack(t, site.Store, "without")
	inlet(t, site, a)
	if _, err := site.Store.CreateInlet(t.Context(), storetest.Shell, b, models.InletHCP, "the token of another one"); err != nil {
		t.Fatal(err)
	}
	body := hcpBody("run-1", "run:planning", "planning")
	right := signature(inletToken, body)
	admin := token(t, site, models.ScopeAdmin, 0)
	var first string
	for name, c := range map[string]struct{ path, signature, body string }{
		"missing":            {hcpAddress, "", body},
		"wrong":              {hcpAddress, strings.Repeat("0", 128), body},
		"no hex":             {hcpAddress, "sha512=" + right, body},
		"cut":                {hcpAddress, right[:64], body},
		"of another body":    {hcpAddress, right, body + " "},
		"of an empty token":  {hcpAddress, signature("", body), body},
		"another stack's":    {hcpAddress, signature("the token of another one", body), body},
		"for another stack":  {"/api/v1/inlets/hcp-terraform/b", right, body},
		"without an inlet":   {"/api/v1/inlets/hcp-terraform/without", right, body},
		"empty, no inlet":    {"/api/v1/inlets/hcp-terraform/without", signature("", body), body},
		"no such stack":      {"/api/v1/inlets/hcp-terraform/none", right, body},
		"a long id":          {"/api/v1/inlets/hcp-terraform/" + strings.Repeat("a", 100), right, body},
		"no stack's id":      {"/api/v1/inlets/hcp-terraform/%00%ff", right, body},
		"no JSON":            {hcpAddress, "", "{"},
		"nothing":            {hcpAddress, "", ""},
		"no JSON, no stack":  {"/api/v1/inlets/hcp-terraform/none", "", "{"},
		"an old SHA-256 one": {hcpAddress, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", body},
	} {
		got := program{t, site, admin}.call("POST", c.path, c.body, func(r *http.Request) {
			if c.signature != "" {
				r.Header.Set(handlers.HCPSignature, c.signature)
			}
		})
		if first == "" {
			first = got.text
		}
		if got.status != http.StatusUnauthorized || got.text != first || !strings.Contains(got.header.Get("WWW-Authenticate"), handlers.HCPSignature) {
			t.Errorf("%s: %d %v\n%s", name, got.status, got.header, got.text)
		}
		expectProblem(t, name, got)
	}
	for _, stack := range []models.Stack{a, b} {
		kept, err := site.Store.Notifications(t.Context(), stack, models.InletHCP, store.Page{})
		if err != nil || len(kept.Rows) != 0 || len(runsOf(t, site, stack)) != 0 {
			t.Errorf("%s: %d notifications, %v, runs %v", stack.ID, len(kept.Rows), err, runsOf(t, site, stack))
		}
	}
	for name, signature := range map[string]string{"right": right, "upper case": strings.ToUpper(right)} {
		got := program{t, site, ""}.call("POST", hcpAddress, body, func(r *http.Request) {
			r.Header.Set(handlers.HCPSignature, signature)
			r.Header.Set("Content-Type", "text/plain") // what it says it is does not matter
		})
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
}

// What an administrator does to the inlet counts at once.
func TestAnInletThatIsTurnedOffLetsNothingIn(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "a")
	i := inlet(t, site, stack)
	body := hcpBody("run-1", "run:planning", "planning")
	expect := func(when, token string, want int) {
		t.Helper()
		if got := notify(t, site, hcpAddress, token, body); got.status != want {
			t.Errorf("%s: %d, want %d\n%s", when, got.status, want, got.text)
		}
	}
	expect("set up", inletToken, 200)
	if _, err := site.Store.ReplaceInletToken(t.Context(), storetest.Shell, stack, models.InletHCP, i.TokenFingerprint, "its second token"); err != nil {
		t.Fatal(err)
	}
	expect("the first token, replaced", inletToken, 401)
	expect("the second token", "its second token", 200)
	if err := site.Store.RemoveInlet(t.Context(), storetest.Shell, stack, models.InletHCP); err != nil {
		t.Fatal(err)
	}
	expect("turned off", "its second token", 401)
	expect("turned off, no token", "", 401)
	inlet(t, site, stack)
	expect("set up again", inletToken, 200)
	if err := site.Store.DeleteStack(t.Context(), storetest.Shell, stack); err != nil {
		t.Fatal(err)
	}
	expect("the stack is deleted", inletToken, 401)
}

func TestNotificationsAreAnswered(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "a")
	inlet(t, site, stack)
	many := `{"notifications":[` + strings.Repeat(`{"trigger":"run:created"},`, 60) + `{}]}`
	for _, c := range []struct {
		name, body string
		status     int
		says       string // part of the answer
	}{
		{"verification", `{"payload_version":1,"run_id":null,"run_url":null,"notifications":[{"message":"Verification of test","trigger":"verification","run_status":null}]}`, 200, `"outcome":"verified"`},
		{"the first of a run", hcpBody("run-1", "run:created", "pending"), 200, `"outcome":"started","state":"QUEUED"`},
		{"the next", hcpBody("run-1", "run:planning", "planning"), 200, `"outcome":"recorded","state":"PLANNING"`},
		{"the first again", hcpBody("run-1", "run:created", "pending"), 200, `"outcome":"late","state":"QUEUED"`},
		{"the next again", hcpBody("run-1", "run:planning", "planning"), 200, `"outcome":"repeated","state":"PLANNING"`},
		{"the end", hcpBody("run-1", "run:errored", "canceled"), 200, `"outcome":"recorded","state":"STOPPED"`},
		{"after it", hcpBody("run-1", "run:applying", "applying"), 200, `"outcome":"ended","state":"APPLYING"`},
		{"unknown", hcpBody("run-1", "run:dreaming", "planned"), 200, `"trigger":"run:dreaming","outcome":"kept"}`},
		{"an assessment", `{"payload_version":"2","trigger_scope":"assessment","trigger":"assessment:drifted","message":"Drift Detected","details":{"workspace_name":"w"}}`, 200, `"outcome":"kept"`},
		{"two at once", strings.Replace(hcpBody("run-2", "run:created", "pending"), `"notifications":[`, `"notifications":[{"trigger":"run:planning","run_status":"planning","run_updated_at":"2019-01-25T18:38:04Z"},`, 1), 200, `"state":"QUEUED"`},
		{"half a value", `{"notifications":[`, 400, "not one JSON value"},
		{"two values", `{} {}`, 400, "not one JSON value"},
		{"not UTF-8", "\xff\xfe", 400, "not one JSON value"},
		{"no notification", `{"a":1}`, 422, `"location":"notifications"`},
		{"a list", `[]`, 422, `"location":"body"`},
		{"a number for a text", `{"notifications":[{"trigger":1}]}`, 422, `"location":"notifications.trigger"`},
		{"too many", many, 422, `"location":"notifications"`},
		{"too long", strings.Repeat(" ", 256<<10) + "{}", 413, "256 KiB"},
	} {
		got := notify(t, site, hcpAddress, inletToken, c.body)
		if got.status != c.status || !strings.Contains(got.text, c.says) {
			t.Errorf("%s: %d, want %d with %s\n%s", c.name, got.status, c.status, c.says, got.text)
		}
		if got.status >= 400 {
			expectProblem(t, c.name, got)
		}
	}
	if runs := runsOf(t, site, stack); len(runs) != 2 || runs[0].State != models.Planning || runs[1].State != models.Stopped {
		t.Errorf("%+v", runs)
	}
	// Who is too long is not told whether there is an inlet either.
	if got := notify(t, site, "/api/v1/inlets/hcp-terraform/none", "", strings.Repeat(" ", 257<<10)); got.status != 413 {
		t.Errorf("too long for no stack: %d", got.status)
	}
}
