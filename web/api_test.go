package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// program calls the API with a token.
type program struct {
	t     testing.TB
	site  *webtest.Site
	token string
}

// answered is what the API answered.
type answered struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

// call sends a request; change may alter it.
func (p program) call(method, path, body string, change ...func(*http.Request)) answered {
	p.t.Helper()
	r := httptest.NewRequestWithContext(p.t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	p.site.Echo.ServeHTTP(w, r)
	a := answered{status: w.Code, header: w.Header(), text: w.Body.String()}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			p.t.Fatalf("%s %s: %v\n%s", method, path, err, a.text)
		}
	}
	return a
}

// token makes a token of the scope for the stack, or for all stacks.
func token(t testing.TB, s *webtest.Site, scope models.Scope, stack int64) string {
	t.Helper()
	text, _, err := s.Store.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "test", Scope: scope, StackKey: stack})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// reporting is a site with the stack "a" and a program that reports its runs.
func reporting(t testing.TB) (*webtest.Site, models.Stack, program) {
	t.Helper()
	site := webtest.Offline(t)
	stack := storetest.Stack(t, site.Store, "a")
	return site, stack, program{t, site, token(t, site, models.ScopeReport, stack.Key)}
}

// A tracked run without changes, reported as a pipeline does, makes the reference payload byte for byte.
func TestTheReportedRunMakesTheReferencePayload(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	stack, err := site.Store.CreateStack(t.Context(), storetest.Shell, models.Stack{ID: "spacelift-demo", Name: "Spacelift demo", Labels: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Webhook(t, site.Store, stack, "https://example.com/", "secret")
	p := program{t, site, token(t, site, models.ScopeReport, stack.Key)}
	a := p.call("POST", "/api/v1/stacks/spacelift-demo/runs", `{
		"id":"01EF9PFPNFFM2MQXTJKHK1B869","type":"TRACKED","branch":"master","triggeredBy":"marcinw@spacelift.io",
		"createdAt":1596979665,"timestamp":1596979665,"commit":{"authorLogin":"marcinwyszynski","authorName":"Marcin Wyszynski",
		"hash":"0ee3a3b7266daf5a1d44a193a0f48ce995fa75eb","message":"Update demo.tf","timestamp":1596705932,
		"url":"https://github.com/spacelift-io/demo/commit/0ee3a3b7266daf5a1d44a193a0f48ce995fa75eb"}}`)
	if a.status != http.StatusCreated || a.body["state"] != "QUEUED" || a.body["stateVersion"] != 0.0 || len(a.body["deliveries"].([]any)) != 1 {
		t.Fatalf("%d %s", a.status, a.text)
	}
	for _, state := range []string{
		`{"state":"PREPARING","timestamp":1596979670}`, `{"state":"INITIALIZING","stateVersion":2}`, `{"state":"PLANNING"}`,
		`{"state":"FINISHED","stateVersion":4,"timestamp":1596979684,"delta":{"added":0,"changed":0,"deleted":0,"resources":1}}`,
	} {
		if a = p.call("POST", "/api/v1/stacks/spacelift-demo/runs/01EF9PFPNFFM2MQXTJKHK1B869/states", state); a.status != http.StatusCreated {
			t.Fatalf("%s: %d %s", state, a.status, a.text)
		}
	}
	d, err := site.Store.Delivery(t.Context(), stack, a.body["deliveries"].([]any)[0].(string))
	if err != nil {
		t.Fatal(err)
	}
	event, err := site.Store.Event(t.Context(), d.EventID)
	if err != nil {
		t.Fatal(err)
	}
	if want := referencePayload(t); !bytes.Equal(event.Payload, want) {
		t.Errorf("\n got %s\nwant %s", event.Payload, want)
	}
}

func referencePayload(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../models/testdata/payload_finished.json")
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes()
}

// The checks come in this order: token, stack, run, what the token may do, JSON, fields, repeat, end of run, version.
func TestTheOrderOfChecks(t *testing.T) {
	t.Parallel()
	site, stack, p := reporting(t)
	other := storetest.Stack(t, site.Store, "b")
	run := storetest.Run(t, site.Store, stack).Run
	ended := storetest.Run(t, site.Store, stack).Run
	storetest.State(t, site.Store, stack, ended.ID, models.Finished)
	states := "/api/v1/stacks/a/runs/" + run.ID + "/states"
	after := "/api/v1/stacks/a/runs/" + ended.ID + "/states"
	const broken = `{"state":`
	for name, c := range map[string]struct {
		token, path, body string
		status            int
	}{
		"no token":              {"", states, broken, 401},
		"a wrong token":         {"shk_wrong", states, broken, 401},
		"a wrong token, a lot":  {"shk_wrong", states, strings.Repeat(" ", 2<<20), 401},
		"no such stack":         {p.token, "/api/v1/stacks/x/runs", broken, 404},
		"another stack":         {p.token, "/api/v1/stacks/b/runs", broken, 404},
		"another stack's token": {token(t, site, models.ScopeReport, other.Key), states, broken, 404},
		"no such run":           {p.token, "/api/v1/stacks/a/runs/01EF9PFPNFFM2MQXTJKHK1B869/states", broken, 404},
		"a token that reads":    {token(t, site, models.ScopeRead, stack.Key), states, broken, 403},
		"broken JSON":           {p.token, states, broken, 400},
		"a wrong field":         {p.token, after, `{"state":"NONE","stateVersion":0}`, 422},
		"a repeat after an end": {p.token, after, `{"state":"QUEUED","stateVersion":0}`, 200},
		"after the end":         {p.token, after, `{"state":"QUEUED","stateVersion":9}`, 409},
		"not the next version":  {p.token, states, `{"state":"PLANNING","stateVersion":9}`, 409},
		"the next version":      {p.token, states, `{"state":"PLANNING","stateVersion":1}`, 201},
		"an admin's token":      {token(t, site, models.ScopeAdmin, 0), "/api/v1/stacks/a/runs", `{}`, 201},
	} {
		a := program{t, site, c.token}.call("POST", c.path, c.body)
		if a.status != c.status {
			t.Errorf("%s: %d, want %d\n%s", name, a.status, c.status, a.text)
		}
		if a.status >= 400 {
			expectProblem(t, name, a)
		}
		if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
}

func expectProblem(t *testing.T, name string, a answered) {
	t.Helper()
	if a.header.Get("Content-Type") != "application/problem+json" || a.body["status"] != float64(a.status) ||
		a.body["title"] != http.StatusText(a.status) || a.body["detail"] == nil || a.body["detail"] == "" {
		t.Errorf("%s: no problem as RFC 9457 has it: %v\n%s", name, a.header, a.text)
	}
}
