package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// noText are parts of an address that no text in a database can be: PostgreSQL refuses them, SQLite has no row with them.
var noText = []string{"%00", "a%00b", "%ff"}

func TestNothingIsFoundByWhatIsNoText(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		site := webtest.Over(t, s)
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "secret")
		run := storetest.Run(t, s, stack)
		there := map[string]string{"stack": stack.ID, "webhook": w.ID, "run": run.Run.ID, "delivery": run.Deliveries[0], "user": "1", "token": "t"}
		admin := site.As(t, "admin")
		p := program{t, site, token(t, site, models.ScopeAdmin, stack.Key)}
		reported := program{t, site, token(t, site, models.ScopeReport, stack.Key)}
		tried := 0
		for _, bad := range noText {
			for _, r := range site.Echo.Routes() {
				for _, path := range spoilt(r.Path, there, bad) {
					tried++
					status := 0
					switch api := strings.HasPrefix(r.Path, "/api/"); {
					case api && strings.HasSuffix(r.Path, "/states"):
						status = reported.call(r.Method, path, `{"state":"PLANNING"}`).status
					case api:
						status = p.call(r.Method, path, "").status
					case r.Method == http.MethodPost:
						status = admin.POST(path, url.Values{}).Status
					default:
						status = admin.Do(admin.Request(r.Method, path, nil)).Status
					}
					if want := unfound(r.Method + " " + r.Path); status != want {
						t.Errorf("%s %s: %d, want %d", r.Method, path, status, want)
					}
				}
			}
			for _, path := range []string{
				"/deliveries?run=", "/deliveries?id=", "/deliveries?webhook=", "/deliveries?q=", "/deliveries?older=", "/deliveries?from=", "/deliveries?time=", "/stacks/a/settings/integrations/webhooks/" + w.ID + "?status=", "/deliveries?newer=",
				"/deliveries.csv?run=", "/deliveries.csv?id=", "/deliveries.ndjson?webhook=", "/failures?within=",
				"/stacks/a?older=", "/stacks/a/deliveries?run=", "/stacks/a/deliveries?newer=", "/stacks?q=", "/setup?token=", "/tokens?revoke=", "/stacks/a/settings/inlets?older=", "/stacks/a/settings/inlets?body=", "/stacks/a/settings/inlets?off=",
			} {
				if page := admin.GET(path + bad); page.Status >= 500 {
					t.Errorf("%s%s: %d", path, bad, page.Status)
				}
			}
			for _, filter := range []string{"id=", "run=", "webhook=", "cursor=", "cursor=~", "code=", "from=", "to=", "state="} {
				if a := p.call("GET", "/api/v1/stacks/a/deliveries?"+filter+bad, ""); a.status != http.StatusUnprocessableEntity || strings.Contains(a.text, "�") {
					t.Errorf("%s%s: %d %s", filter, bad, a.status, a.text)
				}
			}
			text, err := url.QueryUnescape(bad)
			if err != nil {
				t.Fatal(err)
			}
			if page := site.As(t, "").POST("/login", url.Values{"email": {text + "@example.com"}, "password": {"x"}}); page.Status != http.StatusUnprocessableEntity {
				t.Errorf("sign in as %q: %d", text, page.Status)
			}
		}
		if tried == 0 {
			t.Error("no route has a parameter")
		}
		if a := (program{t, site, "shk_\xff"}).call("GET", "/api/v1/stacks/a/runs", ""); a.status != http.StatusUnauthorized {
			t.Errorf("with a token that is no text: %d", a.status)
		}
	})
}

// unfound is what is answered where nothing is found.
func unfound(route string) int {
	if signedAPI[route] {
		return http.StatusUnauthorized // as whatever is not signed
	}
	return http.StatusNotFound
}

// spoilt returns a route's path with one of its parameters spoilt, in each way, and all others of something that is there.
func spoilt(route string, there map[string]string, bad string) []string {
	var paths []string
	parts := strings.Split(route, "/")
	for at, part := range parts {
		if !strings.HasPrefix(part, ":") {
			continue
		}
		filled := make([]string, len(parts))
		for i, p := range parts {
			filled[i] = p
			if name, is := strings.CutPrefix(p, ":"); is {
				filled[i] = there[name]
			}
		}
		filled[at] = bad
		paths = append(paths, strings.Join(filled, "/"))
	}
	return paths
}
