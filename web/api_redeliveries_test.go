package web_test

import (
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestRedeliveringManyThroughTheAPI(t *testing.T) {
	t.Parallel()
	site, stack, reporter := reporting(t)
	other := storetest.Stack(t, site.Store, "b")
	storetest.Webhook(t, site.Store, stack, "https://example.com/", "")
	storetest.Webhook(t, site.Store, other, "https://example.com/", "")
	var failed []string
	for range 3 {
		failed = append(failed, storetest.Run(t, site.Store, stack).Deliveries...)
	}
	foreign := storetest.Run(t, site.Store, other).Deliveries[0]
	tried(t, site.Store)
	storetest.Run(t, site.Store, stack)
	admin := program{t, site, token(t, site, models.ScopeAdmin, stack.Key)}
	reader := program{t, site, token(t, site, models.ScopeRead, stack.Key)}
	elsewhere := program{t, site, token(t, site, models.ScopeAdmin, other.Key)}
	const base = "/api/v1/stacks/a/redeliveries"

	byFilter := admin.call("POST", base, `{"filter":{"status":"failed","code":"5xx"},"perSecond":200}`)
	if byFilter.status != 201 || byFilter.body["expected"] != 3.0 || byFilter.body["perSecond"] != 200.0 || byFilter.body["state"] != "running" || byFilter.body["startedBy"] != "test" {
		t.Fatalf("%d %s", byFilter.status, byFilter.text)
	}
	workOff(t, site)
	path := base + "/" + byFilter.body["id"].(string)
	done := admin.call("GET", path, "")
	if counts := done.body["counts"].(map[string]any); done.status != 200 || done.body["state"] != "done" || counts["sent"] != 3.0 || done.body["met"] != 3.0 || done.body["endedAt"] == nil {
		t.Errorf("%s", done.text)
	}
	if late := admin.call("POST", path+"/cancel", ""); late.status != 200 || late.body["state"] != "done" {
		t.Errorf("canceled too late: %s", late.text)
	}

	id := models.NewID(time.Now())
	chosen := `{"id":"` + id + `","ids":["` + failed[0] + `","` + strings.ToLower(failed[1]) + `","` + foreign + `"],"overtaken":true}`
	first, again := admin.call("POST", base, chosen), admin.call("POST", base, chosen)
	if first.status != 201 || again.status != 200 || first.text != again.text || first.body["id"] != id || first.body["perSecond"] != 10.0 || first.body["overtaken"] != true {
		t.Errorf("%d %s\n%d %s", first.status, first.text, again.status, again.text)
	}
	if canceled := admin.call("POST", base+"/"+id+"/cancel", ""); canceled.status != 200 || canceled.body["state"] != "canceled" || canceled.body["canceledBy"] != "test" {
		t.Errorf("%s", canceled.text)
	}
	workOff(t, site)
	if shown := admin.call("GET", base+"/"+id, ""); shown.body["met"] != 0.0 {
		t.Errorf("%s", shown.text)
	}
	admin.call("POST", base, strings.Replace(chosen, id, models.NewID(time.Now()), 1))
	workOff(t, site)
	list, err := site.Store.Redeliveries(t.Context(), &stack, store.Page{})
	if err != nil || list.Rows[0].Sent != 2 || list.Rows[0].Gone != 1 {
		t.Errorf("another stack's delivery: %+v, %v", list.Rows, err)
	}

	for what, c := range map[string]struct {
		by                 program
		method, path, body string
		status             int
		says               string
	}{
		"a reporter":                {reporter, "POST", base, `{"filter":{}}`, 403, ""},
		"a reader":                  {reader, "POST", base, `{"filter":{}}`, 403, ""},
		"a reader looks":            {reader, "GET", path, "", 403, ""},
		"a reader cancels":          {reader, "POST", path + "/cancel", "", 403, ""},
		"another stack's":           {elsewhere, "POST", base, `{"filter":{}}`, 404, ""},
		"in another stack":          {elsewhere, "GET", strings.Replace(path, "/a/", "/b/", 1), "", 404, ""},
		"canceled in another stack": {elsewhere, "POST", strings.Replace(path, "/a/", "/b/", 1) + "/cancel", "", 404, ""},
		"an id of another stack":    {elsewhere, "POST", "/api/v1/stacks/b/redeliveries", `{"id":"` + id + `","filter":{}}`, 409, ""},
		"neither":                   {admin, "POST", base, `{}`, 422, "either a filter"},
		"both":                      {admin, "POST", base, `{"filter":{},"ids":["` + failed[0] + `"]}`, 422, "either a filter"},
		"no ids":                    {admin, "POST", base, `{"ids":[]}`, 422, "ids"},
		"too fast":                  {admin, "POST", base, `{"filter":{},"perSecond":201}`, 422, "perSecond"},
		"too slow":                  {admin, "POST", base, `{"filter":{},"perSecond":-1}`, 422, "perSecond"},
		"no ULID":                   {admin, "POST", base, `{"id":"mine","filter":{}}`, 422, "ULID"},
		"no id of a delivery":       {admin, "POST", base, `{"ids":["mine"]}`, 422, "26 letters"},
		"a wrong code":              {admin, "POST", base, `{"filter":{"code":"5"}}`, 422, "filter.code"},
		"a wrong status":            {admin, "POST", base, `{"filter":{"status":"lost"}}`, 422, "filter.status"},
		"a misspelt filter":         {admin, "POST", base, `{"filter":{"statuss":"failed"}}`, 422, "statuss"},
		"none such":                 {admin, "GET", base + "/none", "", 404, ""},
	} {
		if a := c.by.call(c.method, c.path, c.body); a.status != c.status || !strings.Contains(a.text, c.says) {
			t.Errorf("%s: %d %s", what, a.status, a.text)
		}
	}
}
