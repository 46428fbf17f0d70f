package web_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

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
		"a repeated key":             {runs, `{"branch":"marked","branch":"b"}`, 422, "branch"},
		"a key repeated in capitals": {runs, `{"branch":"marked","Branch":"b"}`, 422, "Branch"},
		"a repeated key within":      {runs, `{"commit":{"hash":"","hash":"marked"}}`, 422, "commit.hash"},
		"null":                       {runs, `{"branch":null}`, 422, "branch"},
		"null within":                {states, `{"state":"PLANNING","delta":{"added":null}}`, 422, "delta.added"},
		"half a surrogate pair":      {runs, `{"branch":"marked\ud83d"}`, 422, "branch"},
		"not UTF-8":                  {runs, "{\"branch\":\"marked\xff\"}", 400, ""},
		"deep":                       {runs, `{"commit":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}`, 422, "commit"},
		"too deep":                   {runs, `{"commit":` + strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000) + `}`, 400, ""},
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
		"an integer in other words":  {runs, `{"createdAt":4711.0}`, 422, "createdAt"},
		"an exponent":                {states, `{"state":"PLANNING","stateVersion":4711e0}`, 422, "stateVersion"},
		"more than 64 bits":          {runs, `{"createdAt":47114711471147114711}`, 422, "createdAt"},
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
		"something like it":  {`{}`, typed("application/report+json"), 415},
		"nothing said":       {`{}`, func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
		"JSON in capitals":   {`{}`, typed("Application/JSON"), 201},
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
