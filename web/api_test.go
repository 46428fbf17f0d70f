package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
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

// What is wrong with a body is said by field, and never repeated.
func TestBadReports(t *testing.T) {
	t.Parallel()
	_, stack, p := reporting(t)
	run := storetest.Run(t, p.site.Store, stack).Run
	const runs = "/api/v1/stacks/a/runs"
	states := runs + "/" + run.ID + "/states"
	for name, c := range map[string]struct {
		path, body string
		status     int
		location   string
	}{
		"empty":                      {runs, ``, 400, ""},
		"broken":                     {runs, `{"branch":"marked"`, 400, ""},
		"two values":                 {runs, `{} {"branch":"marked"}`, 400, ""},
		"a repeated key":             {runs, `{"branch":"marked","branch":"b"}`, 400, ""},
		"a key repeated in capitals": {runs, `{"branch":"marked","Branch":"b"}`, 400, ""},
		"not UTF-8":                  {runs, "{\"branch\":\"marked\xff\"}", 400, ""},
		"deep":                       {runs, `{"commit":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}`, 400, ""},
		"a list":                     {runs, `["marked"]`, 422, ""},
		"a wrong type":               {runs, `{"branch":4711}`, 422, "branch"},
		"an unknown field":           {runs, `{"brunch":"marked"}`, 422, "brunch"},
		"a key in capitals":          {runs, `{"Branch":"marked"}`, 422, "Branch"},
		"an unknown field within":    {runs, `{"commit":{"sha":"marked"}}`, 422, "commit.sha"},
		"an unknown type":            {runs, `{"type":"marked"}`, 422, "type"},
		"an unknown state":           {runs, `{"state":"marked"}`, 422, "state"},
		"a bad id":                   {runs, `{"id":"marked"}`, 422, "id"},
		"a bad hash":                 {runs, `{"commit":{"hash":"marked"}}`, 422, "commit.hash"},
		"before 1970":                {runs, `{"createdAt":-4711}`, 422, "createdAt"},
		"no integer":                 {runs, `{"createdAt":47.11}`, 422, "createdAt"},
		"a script as URL":            {runs, `{"commit":{"url":"javascript:marked"}}`, 422, "commit.url"},
		"no state":                   {states, `{"timestamp":4711}`, 422, "state"},
		"a state in small letters":   {states, `{"state":"planning"}`, 422, "state"},
		"a negative delta":           {states, `{"state":"PLANNING","delta":{"added":-4711}}`, 422, "delta.added"},
		"a negative version":         {states, `{"state":"PLANNING","stateVersion":-4711}`, 422, "stateVersion"},
	} {
		a := p.call("POST", c.path, c.body)
		if a.status != c.status || strings.Contains(a.text, "marked") || strings.Contains(a.text, "4711") {
			t.Errorf("%s: %d, want %d without what was sent\n%s", name, a.status, c.status, a.text)
			continue
		}
		expectProblem(t, name, a)
		if c.location == "" {
			continue
		}
		found := false
		errs, _ := a.body["errors"].([]any)
		for _, e := range errs {
			field := e.(map[string]any)
			found = found || field["location"] == c.location && field["message"] != ""
		}
		if !found {
			t.Errorf("%s: no error at %s\n%s", name, c.location, a.text)
		}
	}
	if page, err := p.site.Store.Runs(t.Context(), stack, store.Page{}); err != nil || len(page.Rows) != 1 {
		t.Errorf("%d runs, %v", len(page.Rows), err)
	}
}

func TestBodiesThatAreNoReports(t *testing.T) {
	t.Parallel()
	_, _, p := reporting(t)
	const runs = "/api/v1/stacks/a/runs"
	typed := func(contentType string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", contentType) }
	}
	huge := `{"branch":"` + strings.Repeat("x", 1<<20) + `"}`
	unsized := func(r *http.Request) { r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader(huge)) }
	for name, c := range map[string]struct {
		body   string
		change func(*http.Request)
		status int
	}{
		"a form":             {`{}`, typed("application/x-www-form-urlencoded"), 415},
		"text":               {`{}`, typed("text/plain"), 415},
		"JSON with charset":  {`{}`, typed("application/json; charset=utf-8"), 201},
		"more than 1 MiB":    {huge, typed("application/json"), 413},
		"the same, unsized":  {`{}`, unsized, 413},
		"just below":         {`{"branch":"b"` + strings.Repeat(" ", 1<<20-20) + `}`, typed("application/json"), 201},
		"a token in the URL": {`{}`, func(r *http.Request) { r.URL.RawQuery = "token=" + p.token }, 401},
	} {
		a := p.call("POST", runs, c.body, c.change)
		if a.status != c.status {
			t.Errorf("%s: %d, want %d\n%.300s", name, a.status, c.status, a.text)
		}
		if a.status >= 400 {
			expectProblem(t, name, a)
		}
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", "/api/v1/nothing", 404}, {"GET", "/api", 404}, {"DELETE", runs, 405}, {"PUT", runs, 405}} {
		a := p.call(c.method, c.path, "")
		if a.status != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, a.status, c.status)
		}
		expectProblem(t, c.path, a)
	}
}

func TestARepeatIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	_, stack, p := reporting(t)
	storetest.Webhook(t, p.site.Store, stack, "https://example.com/", "")
	const runs, id = "/api/v1/stacks/a/runs", "01EF9PFPNFFM2MQXTJKHK1B869"
	const start, planning = `{"id":"` + id + `","branch":"main"}`, `{"state":"PLANNING","stateVersion":1,"delta":{"added":1}}`
	started := p.call("POST", runs, start)
	planned := p.call("POST", runs+"/"+id+"/states", planning)
	if started.status != 201 || planned.status != 201 {
		t.Fatalf("%d %s\n%d %s", started.status, started.text, planned.status, planned.text)
	}
	for range 3 {
		if a := p.call("POST", runs, start); a.status != 200 || a.text != started.text {
			t.Errorf("%d %s, first was %s", a.status, a.text, started.text)
		}
		if a := p.call("POST", runs+"/"+id+"/states", planning); a.status != 200 || a.text != planned.text {
			t.Errorf("%d %s, first was %s", a.status, a.text, planned.text)
		}
	}
	for body, says := range map[string]string{
		`{"state":"APPLYING","stateVersion":1}`: "The next version is 2",
		`{"state":"APPLYING","stateVersion":5}`: "expected is stateVersion 2",
	} {
		if a := p.call("POST", runs+"/"+id+"/states", body); a.status != 409 || !strings.Contains(a.body["detail"].(string), says) {
			t.Errorf("%s: %d %s", body, a.status, a.text)
		}
	}
	if a := p.call("POST", runs, `{"id":"`+id+`","branch":"other"}`); a.status != 409 || !strings.Contains(a.text, `"location":"branch"`) {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestFiftyAtOnceAreOneEvent(t *testing.T) {
	t.Parallel()
	_, stack, p := reporting(t)
	storetest.Webhook(t, p.site.Store, stack, "https://example.com/", "")
	var stored, repeats atomic.Int32
	texts := sync.Map{}
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			a := p.call("POST", "/api/v1/stacks/a/runs", `{"id":"01EF9PFPNFFM2MQXTJKHK1B869"}`)
			texts.Store(a.text, true)
			switch a.status {
			case 201:
				stored.Add(1)
			case 200:
				repeats.Add(1)
			default:
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
	wait.Wait()
	different := 0
	texts.Range(func(any, any) bool { different++; return true })
	if stored.Load() != 1 || repeats.Load() != 49 || different != 1 {
		t.Errorf("%d stored, %d repeats, %d different answers", stored.Load(), repeats.Load(), different)
	}
}

func TestReadingThroughTheAPI(t *testing.T) {
	t.Parallel()
	site, stack, p := reporting(t)
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/", "the secret")
	rec := storetest.Run(t, site.Store, stack)
	storetest.State(t, site.Store, stack, rec.Run.ID, models.Planning)
	reader := program{t, site, token(t, site, models.ScopeRead, stack.Key)}
	admin := program{t, site, token(t, site, models.ScopeAdmin, stack.Key)}
	const base = "/api/v1/stacks/a"
	delivery := base + "/deliveries/" + rec.Deliveries[0]

	if a := p.call("GET", base+"/runs/"+rec.Run.ID, ""); a.status != 200 || len(a.body["states"].([]any)) != 2 || a.body["state"] != "PLANNING" {
		t.Errorf("%d %s", a.status, a.text)
	}
	storetest.Run(t, site.Store, stack)
	first := p.call("GET", base+"/runs?limit=1", "")
	second := p.call("GET", base+"/runs?limit=1&cursor="+first.body["next"].(string), "")
	if first.status != 200 || second.status != 200 || second.body["runs"].([]any)[0].(map[string]any)["id"] != rec.Run.ID || second.body["next"] != nil {
		t.Errorf("%s\n%s", first.text, second.text)
	}
	for path, want := range map[string]int{
		"/deliveries": 3, "/deliveries?status=pending": 3, "/deliveries?status=failed": 0, "/deliveries?state=PLANNING": 1, "/deliveries?run=" + rec.Run.ID: 2,
		"/deliveries?webhook=" + w.ID: 3, "/deliveries?webhook=other": 0, "/deliveries?id=" + rec.Deliveries[0]: 1, "/deliveries?code=204": 0,
		"/deliveries?from=2020-01-01T00:00:00Z": 3, "/deliveries?to=1577836800": 0, "/deliveries?reason=timeout": 0, "/deliveries?limit=2": 2,
	} {
		if a := reader.call("GET", base+path, ""); a.status != 200 || len(a.body["deliveries"].([]any)) != want {
			t.Errorf("%s: %d, want %d deliveries\n%s", path, a.status, want, a.text)
		}
	}
	for _, path := range []string{"?status=none", "?state=none", "?reason=none", "?code=1", "?from=yesterday", "?limit=0"} {
		if a := reader.call("GET", base+"/deliveries"+path, ""); a.status != 422 {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	if a := reader.call("GET", delivery, ""); a.status != 200 || !strings.Contains(a.body["payload"].(string), `"state":"QUEUED"`) || len(a.body["attempts"].([]any)) != 0 {
		t.Errorf("%d %s", a.status, a.text)
	}
	for _, path := range []string{"/webhooks", "/webhooks/" + w.ID} {
		if a := reader.call("GET", base+path, ""); a.status != 200 || strings.Contains(a.text, "the secret") || !strings.Contains(a.text, `"hasSecret":true`) {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	if a := reader.call("POST", base+"/webhooks/"+w.ID+"/secret", ""); a.status != 200 || a.body["secret"] != "the secret" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", a.status, a.text, a.header)
	}
	if views, err := site.Store.Reveals(t.Context(), w); err != nil || len(views) != 1 || views[0].Actor.Kind != models.ActorToken {
		t.Errorf("%+v, %v", views, err)
	}
	for name, c := range map[string]struct {
		program program
		method  string
		path    string
		status  int
	}{
		"a reporter reads deliveries": {p, "GET", "/deliveries", 403}, "a reporter reveals": {p, "POST", "/webhooks/" + w.ID + "/secret", 403},
		"a reader redelivers": {reader, "POST", "/deliveries/" + rec.Deliveries[0] + "/redeliver", 403},
		"an admin redelivers": {admin, "POST", "/deliveries/" + rec.Deliveries[0] + "/redeliver", 200},
		"no such delivery":    {reader, "GET", "/deliveries/none", 404}, "no such webhook": {reader, "GET", "/webhooks/none", 404},
	} {
		if a := c.program.call(c.method, base+c.path, ""); a.status != c.status {
			t.Errorf("%s: %d, want %d\n%s", name, a.status, c.status, a.text)
		}
	}
}

// The description names every operation of the table, and needs no token.
func TestTheDescriptionOfTheAPI(t *testing.T) {
	t.Parallel()
	_, _, p := reporting(t)
	p.token = ""
	a := p.call("GET", "/api/v1/openapi.json", "")
	if a.status != 200 || !strings.HasPrefix(a.body["openapi"].(string), "3.1") {
		t.Fatalf("%d %.300s", a.status, a.text)
	}
	described := map[string]bool{}
	for path, item := range a.body["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			described[strings.ToUpper(method)+" "+strings.NewReplacer("{", ":", "}", "").Replace(path)] = true
		}
	}
	for _, r := range p.site.Echo.Routes() {
		if strings.HasPrefix(r.Path, "/api/v1/stacks") && !described[r.Method+" "+r.Path] {
			t.Errorf("%s %s is not described", r.Method, r.Path)
		}
	}
	if len(described) != 10 {
		t.Errorf("%d operations: %v", len(described), described)
	}
}

func FuzzReports(f *testing.F) {
	site, _, p := reporting(f)
	for _, seed := range []string{`{}`, `{"branch":"b","commit":{"hash":""}}`, `{"id":null}`, `[1,{"a":`, "\x00", `{"a":1,"A":2}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		a := program{t, site, p.token}.call("POST", "/api/v1/stacks/a/runs", body, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		if a.status != 201 && a.status != 200 && a.status != 400 && a.status != 409 && a.status != 422 {
			t.Errorf("%q: %d %s", body, a.status, a.text)
		}
	})
}
