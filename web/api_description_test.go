package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"stackhook/handlers"
	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// description is what /api/v1/openapi.json says.
type description struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]*huma.Schema }
}

type operation struct {
	OperationID string
	Parameters  []struct {
		Name, In, Description string
		Schema                *huma.Schema
	}
	RequestBody *struct{ Content map[string]media }
	Responses   map[string]struct{ Content map[string]media }
}

type media struct{ Schema *huma.Schema }

func described(t *testing.T, p program) (description, huma.Registry) {
	t.Helper()
	a := p.call("GET", "/api/v1/openapi.json", "")
	var d description
	text := strings.ReplaceAll(a.text, `"$ref"`, `"ref"`) // the library writes schemas in its own way, and reads them by name
	if err := json.Unmarshal([]byte(text), &d); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d, %v", a.status, err)
	}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for name, schema := range d.Components.Schemas {
		registry.Map()[name] = schema
	}
	for _, schema := range registry.Map() {
		schema.PrecomputeMessages()
	}
	return d, registry
}

// The lists of words in the description are those of the domain.
func TestTheDescriptionKnowsTheWords(t *testing.T) {
	t.Parallel()
	_, _, p := reporting(t)
	d, registry := described(t, p)
	body := func(path string) *huma.Schema {
		schema := d.Paths[path]["post"].RequestBody.Content["application/json"].Schema
		if schema.Ref != "" {
			schema = registry.SchemaFromRef(schema.Ref)
		}
		return schema
	}
	run, state := body("/api/v1/stacks/{stack}/runs"), body("/api/v1/stacks/{stack}/runs/{run}/states")
	again := body("/api/v1/stacks/{stack}/redeliveries").Properties["filter"]
	if again.Ref != "" {
		again = registry.SchemaFromRef(again.Ref)
	}
	for _, c := range []struct {
		name      string
		got, want []string
	}{
		{"types", words(run.Properties["type"]), spelt(models.RunTypes())},
		{"first states", words(run.Properties["state"]), spelt(models.States())},
		{"states", words(state.Properties["state"]), spelt(models.States())},
		{"states to list", filterWords(d, "state"), spelt(models.States())},
		{"states to redeliver", words(again.Properties["state"]), spelt(models.States())},
		{"reasons to redeliver", words(again.Properties["reason"]), spelt(models.Reasons())},
		{"statuses to redeliver", words(again.Properties["status"]), spelt(models.Statuses())},
		{"reasons to list", filterWords(d, "reason"), spelt(models.Reasons())},
	} {
		if slices.Sort(c.got); !slices.Equal(c.got, slices.Sorted(slices.Values(c.want))) {
			t.Errorf("the %s are %v, want %v", c.name, c.got, c.want)
		}
	}
}

// filterWords are those that a filter of the log takes.
func filterWords(d description, name string) []string {
	for _, p := range d.Paths["/api/v1/stacks/{stack}/deliveries"]["get"].Parameters {
		if p.Name == name {
			return words(p.Schema)
		}
	}
	return nil
}

// Every filter of the log is described.
func TestTheDescriptionKnowsTheFilters(t *testing.T) {
	t.Parallel()
	_, _, p := reporting(t)
	d, _ := described(t, p)
	undescribed := map[string]bool{}
	for _, name := range []string{"status", "state", "reason", "code", "run", "webhook", "id", "from", "to", "cursor", "limit"} {
		undescribed[name] = true
	}
	for _, p := range d.Paths["/api/v1/stacks/{stack}/deliveries"]["get"].Parameters {
		if p.Description != "" {
			delete(undescribed, p.Name)
		}
	}
	if len(undescribed) > 0 {
		t.Errorf("not described: %v", undescribed)
	}
}

func words(s *huma.Schema) []string {
	var list []string
	for _, word := range s.Enum {
		list = append(list, word.(string))
	}
	return list
}

func spelt[T ~string](list []T) []string {
	var out []string
	for _, word := range list {
		out = append(out, string(word))
	}
	return out
}

// Every answer, good or bad, has a status and a body that the description has.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	site, stack, p := reporting(t)
	d, registry := described(t, p)
	w := storetest.Webhook(t, site.Store, stack, "https://example.com/hook", "the secret")
	run := storetest.Run(t, site.Store, stack)
	tried(t, site.Store)
	inlet(t, site, stack)
	admin, reader := program{t, site, token(t, site, models.ScopeAdmin, stack.Key)}, program{t, site, token(t, site, models.ScopeRead, stack.Key)}
	const known = "01EF9PFPNFFM2MQXTJKHK1B869"
	answered := map[string]bool{}
	for _, c := range []struct {
		by                         program
		method, path, params, body string
		status                     int
	}{
		{p, "POST", "/runs", "", `{"id":"` + known + `","branch":"main","commit":{"hash":""}}`, 201},
		{p, "POST", "/runs", "", `{"id":"` + known + `","branch":"main"}`, 200},
		{p, "POST", "/runs", "", `{"id":"` + known + `","branch":"other"}`, 409},
		{p, "POST", "/runs", "", `{`, 400},
		{p, "POST", "/runs", "", `{"type":1,"brunch":2,"commit":{"hash":"x"}}`, 422},
		{p, "POST", "/runs/{run}/states", known, `{"state":"PLANNING","stateVersion":1,"delta":{"added":1}}`, 201},
		{p, "POST", "/runs/{run}/states", known, `{"state":"PLANNING","stateVersion":1}`, 200},
		{p, "POST", "/runs/{run}/states", known, `{"state":"PLANNING","stateVersion":9}`, 409},
		{p, "POST", "/runs/{run}/states", "none", `{}`, 404},
		{p, "GET", "/runs", "?limit=1", "", 200},
		{p, "GET", "/runs", "?limit=x", "", 422},
		{p, "GET", "/runs/{run}", known, "", 200},
		{reader, "GET", "/deliveries", "?limit=1", "", 200},
		{reader, "GET", "/deliveries", "?reason=none", "", 422},
		{p, "GET", "/deliveries", "", "", 403},
		{reader, "GET", "/deliveries/{delivery}", run.Deliveries[0], "", 200},
		{reader, "GET", "/deliveries/{delivery}/attempts", run.Deliveries[0], "", 200},
		{reader, "GET", "/deliveries/{delivery}/attempts", "none", "", 404},
		{reader, "GET", "/tallies", "?span=1h&webhook=" + w.ID, "", 200},
		{reader, "GET", "/tallies", "?span=2h", "", 422},
		{p, "GET", "/tallies", "", "", 403},
		{reader, "GET", "/webhooks", "", "", 200},
		{reader, "GET", "/webhooks/{webhook}", w.ID, "", 200},
		{program{t, site, ""}, "GET", "/webhooks/{webhook}", w.ID, "", 401},
		{reader, "POST", "/webhooks/{webhook}/secret", w.ID, "", 200},
		{admin, "POST", "/deliveries/{delivery}/redeliver", run.Deliveries[0], "", 200},
		{admin, "POST", "/deliveries/{delivery}/redeliver", "none", "", 404},
		{admin, "POST", "/redeliveries", "", `{"id":"` + known + `","filter":{}}`, 201},
		{admin, "POST", "/redeliveries", "", `{"id":"` + known + `","filter":{}}`, 200},
		{admin, "POST", "/redeliveries", "", `{"id":"` + known + `","filter":{"status":"failed"}}`, 409},
		{admin, "POST", "/redeliveries", "", `{}`, 422},
		{admin, "GET", "/redeliveries/{redelivery}", known, "", 200},
		{admin, "POST", "/redeliveries/{redelivery}/cancel", known, "", 200},
		{program{t, site, ""}, "POST", "/api/v1/inlets/hcp-terraform/{stack}", "", hcpBody("run-1", "run:planning", "planning"), 200},
		{program{t, site, ""}, "POST", "/api/v1/inlets/hcp-terraform/{stack}", "", "{", 400},
		{program{t, site, ""}, "POST", "/api/v1/inlets/hcp-terraform/{stack}", "", "{}", 422},
		{program{t, site, ""}, "POST", "/api/v1/inlets/hcp-terraform/{stack}", "", strings.Repeat(" ", 257<<10), 413},
	} {
		template := "/api/v1/stacks/{stack}" + c.path
		if strings.HasPrefix(c.path, "/api/") {
			template = c.path
		}
		path := fill(template, c.params)
		a := c.by.call(c.method, path, c.body, func(r *http.Request) { r.Header.Set(handlers.HCPSignature, signature(inletToken, c.body)) })
		if a.status != c.status {
			t.Errorf("%s %s: %d, want %d\n%s", c.method, path, a.status, c.status, a.text)
			continue
		}
		op := d.Paths[template][strings.ToLower(c.method)]
		answered[op.OperationID] = answered[op.OperationID] || a.status < 300
		content, known := op.Responses[strconv.Itoa(a.status)].Content[a.header.Get("Content-Type")]
		if !known {
			t.Errorf("%s: %d as %s is not described", op.OperationID, a.status, a.header.Get("Content-Type"))
			continue
		}
		for _, err := range faults(registry, content.Schema, a.body) {
			t.Errorf("%s: %d is not as described: %v\n%s", op.OperationID, a.status, err, a.text)
		}
		if len(faults(registry, content.Schema, map[string]any{"surprise": true})) == 0 {
			t.Errorf("%s: the description of %d lets anything pass", op.OperationID, a.status)
		}
	}
	for path, item := range d.Paths {
		for _, op := range item {
			if !answered[op.OperationID] {
				t.Errorf("%s %s was never answered here", path, op.OperationID)
			}
		}
	}
}

// fill puts the stack and one more parameter, or a query, into a path.
func fill(template, params string) string {
	path := strings.Replace(template, "{stack}", "a", 1)
	before, after, is := strings.Cut(path, "{")
	if !is {
		return path + params
	}
	_, after, _ = strings.Cut(after, "}")
	return before + params + after
}

func faults(registry huma.Registry, schema *huma.Schema, body map[string]any) []error {
	schema.PrecomputeMessages()
	result := &huma.ValidateResult{}
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, body, result)
	return result.Errors
}

// tried gives every delivery that is due a failed attempt.
func tried(t *testing.T, s *store.Store) {
	t.Helper()
	for _, job := range storetest.Claim(t, s, "test") {
		d := job.Delivery
		attempt := models.Attempt{
			DeliveryID: d.ID, Number: d.Attempt, StartedAt: time.Now(), Reason: models.Reason5xx, Code: 503, URL: "https://example.com/hook",
			Exchange: models.Exchange{RequestHeaders: []models.Header{{Name: "webhook-id", Value: d.ID}}, ResponseBody: []byte("not UTF-8: \xff")},
		}
		if _, err := s.RecordAttempt(t.Context(), "test", attempt, store.Outcome{Status: models.Failed, Reason: models.Reason5xx}); err != nil {
			t.Fatal(err)
		}
	}
}
