package web_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

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
		"/deliveries?webhook=" + w.ID: 3, "/deliveries?webhook=" + rec.Run.ID: 0, "/deliveries?id=" + rec.Deliveries[0]: 1, "/deliveries?code=204": 0,
		"/deliveries?from=2020-01-01T00:00:00Z": 3, "/deliveries?to=1577836800": 0, "/deliveries?reason=timeout": 0, "/deliveries?limit=2": 2,
	} {
		if a := reader.call("GET", base+path, ""); a.status != 200 || len(a.body["deliveries"].([]any)) != want {
			t.Errorf("%s: %d, want %d deliveries\n%s", path, a.status, want, a.text)
		}
	}
	for _, path := range []string{"?status=none", "?state=none", "?reason=none", "?code=1", "?from=yesterday", "?limit=0", "?cursor=next", "?cursor=~", "?statuss=failed", "?time=1h", "?stack=a"} {
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
		if r.Path != "/api/v1/openapi.json" && strings.HasPrefix(r.Path, "/api/v1/") && !described[r.Method+" "+r.Path] {
			t.Errorf("%s %s is not described", r.Method, r.Path)
		}
	}
	if len(described) != 16 {
		t.Errorf("%d operations: %v", len(described), described)
	}
}

// That a token was used is not worth an answer.
func TestTheAPIIsReadWhileNothingIsWritten(t *testing.T) {
	t.Parallel()
	site, stack, p := reporting(t)
	run := storetest.Run(t, site.Store, stack).Run
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range []string{"tokens", "runs"} {
		if _, err := db.Exec(`CREATE TRIGGER full_` + table + ` BEFORE UPDATE ON ` + table + ` BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`); err != nil {
			t.Fatal(err)
		}
	}
	if a := p.call("GET", "/api/v1/stacks/a/runs/"+run.ID, ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a := p.call("POST", "/api/v1/stacks/a/runs/"+run.ID+"/states", `{"state":"PLANNING"}`); a.status < 500 {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// Attempts are listed with what was measured, page by page.
func TestTheAttemptsOfADeliveryThroughTheAPI(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	stack, w, id := oneDelivery(t, site)
	for range 3 {
		deliver(t, site, func(job store.Job) (models.Attempt, store.Outcome) {
			_, o := busy(job)
			return exchanged(w), o
		})
	}
	reader := program{t, site, token(t, site, models.ScopeRead, stack.Key)}
	path := "/api/v1/stacks/net/deliveries/" + id + "/attempts"
	first := reader.call("GET", path+"?limit=2", "")
	second := reader.call("GET", path+"?limit=2&cursor="+fmt.Sprint(first.body["next"]), "")
	var numbers []any
	for _, a := range append(first.body["attempts"].([]any), second.body["attempts"].([]any)...) {
		attempt := a.(map[string]any)
		numbers = append(numbers, attempt["number"])
		if attempt["responseText"] != "no healthy server" || attempt["phases"].(map[string]any)["firstByte"] != 2135.0 || attempt["tlsVersion"] != "TLS 1.3" || attempt["certificateExpiresAt"] != 1803859200.0 {
			t.Errorf("%v", attempt)
		}
	}
	if fmt.Sprint(numbers) != "[3 2 1]" || second.body["next"] != nil {
		t.Errorf("attempts %v\n%s", numbers, second.text)
	}
	for _, cursor := range []string{"x", "%00", "99999999999999999999"} {
		if a := reader.call("GET", path+"?cursor="+cursor, ""); a.status != 422 {
			t.Errorf("%s: %d %s", cursor, a.status, a.text)
		}
	}
}
