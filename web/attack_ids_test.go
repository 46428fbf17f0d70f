package web_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// estate is a stack with one of everything, by the names of the parameters.
type estate struct {
	stack models.Stack
	ids   map[string]string
}

// estates furnishes two stacks. The reader is granted the first.
func estates(t *testing.T, site *webtest.Site) (own, other estate) {
	t.Helper()
	made := make([]estate, 0, 2)
	for _, id := range []string{"own", "other"} {
		stack := storetest.Stack(t, site.Store, id)
		w := storetest.Webhook(t, site.Store, stack, "https://receiver.example/"+id, "s3cret of "+id)
		run := storetest.Run(t, site.Store, stack)
		again, _, err := site.Store.StartRedelivery(t.Context(), storetest.Shell, store.RedeliveryOrder{Filter: store.DeliveryFilter{Stack: &stack}, ID: models.NewID(time.Now()), PerSecond: 1})
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, estate{stack, map[string]string{":stack": id, ":webhook": w.ID, ":run": run.Run.ID, ":delivery": run.Deliveries[0], ":redelivery": again.ID}})
	}
	site.Grant(t, made[0].stack)
	deliver(t, site, accepted)
	return made[0], made[1]
}

// ofNoStack are the parameters that name what belongs to no stack.
var ofNoStack = []string{":user", ":token", ":session"}

// Nothing of another stack is found through one's own, by any route and any parameter, by a reader, an administrator or a token,
// and nothing changes.
func TestNoIDOfAnotherStackIsFound(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	own, other := estates(t, site)
	before := everything(t, site)
	browsers := map[string]*webtest.Browser{"admin": site.As(t, "admin"), "reader": site.As(t, "reader")}
	api := program{t, site, token(t, site, models.ScopeAdmin, own.stack.Key)}
	tried := map[string]bool{}
	for _, r := range site.Echo.Routes() {
		if r.Method == http.MethodHead {
			continue
		}
		for part := range strings.SplitSeq(r.Path, "/") {
			if strings.HasPrefix(part, ":") && own.ids[part] == "" && !slices.Contains(ofNoStack, part) {
				t.Errorf("%s names something of a stack that this test has not", r.Path)
			}
		}
		for param := range own.ids {
			path, is := withOther(r.Path, param, own, other)
			if !is {
				continue
			}
			tried[param] = true
			if strings.HasPrefix(r.Path, "/api/") {
				body := map[bool]string{true: `{"state":"PLANNING"}`}[strings.HasSuffix(path, "/states")]
				if a := api.call(r.Method, path, body); a.status != 404 || strings.Contains(a.text, "other") {
					t.Errorf("%s %s of another stack: %d %s", r.Method, path, a.status, a.text)
				}
				continue
			}
			for who, b := range browsers {
				page := b.Do(b.Request(r.Method, path, nil))
				mayNot := who == "reader" && page.Status == 403 // the role, before what the path names
				if page.Status != 404 && !mayNot || strings.Contains(page.Body, "receiver.example/other") || strings.Contains(page.Body, "s3cret") {
					t.Errorf("%s at %s %s: %d\n%s", who, r.Method, path, page.Status, page.Text("main"))
				}
			}
		}
	}
	if len(tried) != len(own.ids)-1 {
		t.Errorf("tried only %v", tried)
	}
	for _, query := range []string{"webhook=" + other.ids[":webhook"], "run=" + other.ids[":run"], "id=" + other.ids[":delivery"], "stack=other"} {
		for _, path := range []string{"/stacks/own/deliveries", "/stacks/own/deliveries.csv", "/stacks/own/deliveries.ndjson", "/stacks/own/failures", "/deliveries", "/deliveries.ndjson", "/failures"} {
			if page := browsers["reader"].GET(path + "?" + query); page.Status >= 500 || strings.Contains(page.Body, "receiver.example/other") {
				t.Errorf("%s?%s: %d\n%s", path, query, page.Status, page.Body)
			}
		}
	}
	if after := everything(t, site); before != after {
		t.Errorf("something changed:\n%s\nwas\n%s", after, before)
	}
}

// withOther is the path of a route in which one id is another stack's, if it has one beside the stack.
func withOther(route, param string, own, other estate) (string, bool) {
	if !slices.Contains(strings.Split(route, "/"), param) || param == ":stack" || !strings.Contains(route, ":stack") {
		return "", false
	}
	for name, id := range own.ids {
		if name == param {
			id = other.ids[param]
		}
		route = strings.ReplaceAll(route+"/", name+"/", id+"/")
		route = strings.TrimSuffix(route, "/")
	}
	return route, true
}

// everything is all that is stored of webhooks, stacks, people and deliveries, as text. It has no notes of who was seen.
func everything(t *testing.T, site *webtest.Site) string {
	t.Helper()
	var b strings.Builder
	for _, query := range []string{
		`SELECT * FROM stacks ORDER BY key`, `SELECT * FROM webhooks ORDER BY id`, `SELECT user_id, stack_key FROM grants ORDER BY 1, 2`,
		`SELECT id, status, attempt, tries, silent, test FROM deliveries ORDER BY id`, `SELECT key, id, state, state_version FROM runs ORDER BY key`,
		`SELECT id, email, name, role, all_stacks, password_hash, active FROM users ORDER BY id`, `SELECT id, name, scope, stack_key, revoked_at FROM tokens WHERE name <> 'test' ORDER BY id`,
		`SELECT id, user_id FROM links ORDER BY id`, `SELECT action, subject, detail FROM audit_records WHERE action NOT LIKE 'session.%' AND action NOT LIKE 'token.%' ORDER BY id`,
	} {
		for _, line := range rowsOf(t, site, query) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// A session, a person or a token of somebody else is not found by whoever may not end or change it.
func TestNobodyElsesSessionIsFound(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	mine, theirs := site.As(t, "reader"), site.As(t, "admin")
	for _, id := range rowsOf(t, site, `SELECT id FROM sessions WHERE user_id = `+strconv.FormatInt(site.Admin.ID, 10)) {
		for _, id := range []string{id, url.PathEscape(theirs.Cookies()[0].Value), "' OR 1=1 --", "%25", "1"} {
			if page := mine.POST("/profile/sessions/"+id+"/end", nil); page.Status != 404 && page.Status != 400 {
				t.Errorf("%.40q: %d", id, page.Status)
			}
		}
	}
	mine.POST("/profile/sessions", nil)
	if !signedIn(theirs) || !signedIn(mine) {
		t.Error("somebody's session was ended")
	}
}

// Fields that a form does not have change nothing: neither what else is stored of the thing, nor whose it is.
func TestFormsTakeTheirFieldsAlone(t *testing.T) {
	t.Parallel()
	site := webtest.Offline(t)
	own, other := estates(t, site)
	more := url.Values{}
	for _, name := range []string{
		"key", "id", "stack", "stack_id", "stack_key", "StackKey", "user", "user_id", "UserID", "email", "role", "all_stacks", "active", "password_hash", "PasswordHash",
		"created_at", "CreatedAt", "deleted_at", "DeletedAt", "secret_sealed", "SecretSealed", "secret_fingerprint", "SecretFingerprint", "failures", "Failures",
		"endpoint_key", "EndpointKey", "disabled_why", "hash", "Hash", "prefix", "created_by", "CreatedBy", "revoked_at", "last_used_at", "address", "device", "ID", "Key", "Role", "admin",
	} {
		more.Set(name, "7")
	}
	with := func(fields url.Values) url.Values {
		all := url.Values{}
		for name, values := range more {
			all[name] = values
		}
		for name, values := range fields {
			all[name] = values
		}
		return all
	}
	admin, reader := site.As(t, "admin"), site.As(t, "reader")
	reader.POST("/profile/password", with(url.Values{"current": {webtest.Password}, "password": {webtest.Password + " 2"}, "role": {"admin"}}))
	w := "/stacks/own/settings/integrations/webhooks/" + own.ids[":webhook"]
	admin.POST(w, with(url.Values{"endpoint": {"https://receiver.example/own"}, "enabled": {"on"}}))
	admin.POST("/stacks/own", with(url.Values{"id": {"own"}, "name": {"own"}}))
	admin.POST("/tokens", with(url.Values{"name": {"assigned"}, "scope": {"read"}, "stack": {"own"}}))

	people := rowsOf(t, site, `SELECT email, name, role, all_stacks, active FROM users ORDER BY id`)
	if len(people) != 2 || people[1] != "grace@example.com|Grace Hopper|reader|0|1" {
		t.Errorf("the reader is %q", people)
	}
	webhook, err := site.Store.Webhook(t.Context(), own.stack, own.ids[":webhook"])
	secret, secretErr := site.Store.Secret(webhook)
	if err != nil || secretErr != nil || secret != "s3cret of own" || webhook.StackKey != own.stack.Key || webhook.Failures != 0 || !webhook.DeletedAt.IsZero() || webhook.EndpointHost != "receiver.example" {
		t.Errorf("%+v %q, %v %v", webhook, secret, err, secretErr)
	}
	if stacks := rowsOf(t, site, `SELECT key, id, name, deleted_at FROM stacks ORDER BY key`); len(stacks) != 2 || stacks[0] != "1|own|own|" {
		t.Errorf("%q", stacks)
	}
	if tokens := rowsOf(t, site, `SELECT scope, stack_key, created_by, length(hash), revoked_at FROM tokens WHERE name = 'assigned'`); len(tokens) != 1 || tokens[0] != "read|1|Ada Lovelace|64|" {
		t.Errorf("%q", tokens)
	}
	api := program{t, site, token(t, site, models.ScopeReport, own.stack.Key)}
	for _, field := range []string{"stack", "stackKey", "key", "stateVersion", "receivedAt", "deliveries", "silent", "test", "webhook"} {
		if a := api.call("POST", "/api/v1/stacks/own/runs", `{"`+field+`":1}`); a.status != 422 {
			t.Errorf("the API takes %s: %d %s", field, a.status, a.text)
		}
	}
	if log, err := site.Store.Deliveries(t.Context(), models.Viewer{User: &site.Admin}, store.DeliveryFilter{Stack: &other.stack}, store.Page{}); err != nil || len(log.Rows) != 1 {
		t.Errorf("%v, %v", log, err)
	}
}

// rowsOf returns the rows of a query as text, their columns separated by |.
func rowsOf(t *testing.T, site *webtest.Site, query string) (lines []string) {
	t.Helper()
	db, err := sql.Open("sqlite3", site.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(columns))
		for i, v := range values {
			texts[i] = v.String
		}
		lines = append(lines, strings.Join(texts, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}
