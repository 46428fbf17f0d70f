package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// apiAccess is what a token of each scope is answered in a stack that it is for: report, read, admin. In another stack all are
// answered 404, and without a token that is valid 401, whatever they ask for.
var apiAccess = map[string][3]int{
	"POST /api/v1/stacks/:stack/runs":                            {201, 403, 201},
	"GET /api/v1/stacks/:stack/runs":                             {200, 200, 200},
	"GET /api/v1/stacks/:stack/runs/:run":                        {200, 200, 200},
	"POST /api/v1/stacks/:stack/runs/:run/states":                {201, 403, 201},
	"GET /api/v1/stacks/:stack/deliveries":                       {403, 200, 200},
	"GET /api/v1/stacks/:stack/deliveries/:delivery":             {403, 200, 200},
	"GET /api/v1/stacks/:stack/deliveries/:delivery/attempts":    {403, 200, 200},
	"POST /api/v1/stacks/:stack/deliveries/:delivery/redeliver":  {403, 403, 200},
	"POST /api/v1/stacks/:stack/redeliveries":                    {403, 403, 201},
	"GET /api/v1/stacks/:stack/redeliveries/:redelivery":         {403, 403, 200},
	"POST /api/v1/stacks/:stack/redeliveries/:redelivery/cancel": {403, 403, 200},
	"GET /api/v1/stacks/:stack/tallies":                          {403, 200, 200},
	"GET /api/v1/stacks/:stack/webhooks":                         {403, 200, 200},
	"GET /api/v1/stacks/:stack/webhooks/:webhook":                {403, 200, 200},
	"POST /api/v1/stacks/:stack/webhooks/:webhook/secret":        {403, 200, 200},
}

// publicAPI needs no token, and takes any.
var publicAPI = map[string]bool{"GET /api/v1/openapi.json": true}

// signedAPI asks for a signature, see inlets_test.go: a token is worth nothing there, whatever it may.
var signedAPI = map[string]bool{"POST /api/v1/inlets/hcp-terraform/:stack": true}

// apiBodies are what is sent where a body is needed.
var apiBodies = map[string]string{
	"POST /api/v1/stacks/:stack/runs":             `{}`,
	"POST /api/v1/stacks/:stack/runs/:run/states": `{"state":"PLANNING"}`,
	"POST /api/v1/stacks/:stack/redeliveries":     `{"id":"01EF9PFPNFFM2MQXTJKHK1B869","filter":{}}`,
}

func TestWhichTokenMayDoWhat(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, r := range webtest.Offline(t).Echo.Routes() {
		name := r.Method + " " + r.Path
		if r.Method == http.MethodHead || !strings.HasPrefix(r.Path, "/api/") {
			continue
		}
		rows[name] = true
		want, known := apiAccess[name]
		if !known && !publicAPI[name] && !signedAPI[name] {
			t.Errorf("%s has no row: say which token may do it", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range callers(want, publicAPI[name], signedAPI[name]) {
				c.ask(t, r.Method, r.Path)
			}
		})
	}
	for name := range apiAccess {
		if !rows[name] {
			t.Errorf("%s has a row and is no operation", name)
		}
	}
}

// apiCaller is one kind of caller, and what it is answered.
type apiCaller struct {
	name  string
	token func(t *testing.T, site *webtest.Site, stack, other models.Stack) string
	want  int
}

func callers(want [3]int, public, signed bool) []apiCaller {
	of := func(token models.Token) func(t *testing.T, site *webtest.Site, stack, other models.Stack) string {
		return func(t *testing.T, site *webtest.Site, stack, other models.Stack) string {
			token.Name = "test"
			token.StackKey = map[int64]int64{1: stack.Key, 2: other.Key}[token.StackKey]
			text, _, err := site.Store.CreateToken(t.Context(), storetest.Shell, token)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
	text := func(text string) func(*testing.T, *webtest.Site, models.Stack, models.Stack) string {
		return func(*testing.T, *webtest.Site, models.Stack, models.Stack) string { return text }
	}
	const right, other = 1, 2
	all := []apiCaller{{"nobody", text(""), 401}, {"a token that never was", text("shk_" + strings.Repeat("A", 43)), 401}}
	for i, scope := range []models.Scope{models.ScopeReport, models.ScopeRead, models.ScopeAdmin} {
		valid := of(models.Token{Scope: scope})
		all = append(all,
			apiCaller{string(scope) + " of the stack", of(models.Token{Scope: scope, StackKey: right}), want[i]},
			apiCaller{string(scope) + " of all stacks", valid, want[i]},
			apiCaller{string(scope) + " of another stack", of(models.Token{Scope: scope, StackKey: other}), 404},
			apiCaller{string(scope) + ", expired", of(models.Token{Scope: scope, ExpiresAt: time.Now().Add(-time.Second)}), 401},
			apiCaller{string(scope) + ", revoked", func(t *testing.T, site *webtest.Site, stack, other models.Stack) string {
				secret := valid(t, site, stack, other)
				revokeAll(t, site)
				return secret
			}, 401},
		)
	}
	for i := range all {
		if public {
			all[i].want = 200
		}
		if signed {
			all[i].want = 401
		}
	}
	return all
}

func revokeAll(t *testing.T, site *webtest.Site) {
	t.Helper()
	tokens, err := site.Store.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		if err := site.Store.RevokeToken(t.Context(), storetest.Shell, token.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// ask asks on a site of its own. It sends the cookie of an administrator along, which is worth nothing here.
func (c apiCaller) ask(t *testing.T, method, path string) {
	t.Helper()
	site := webtest.Offline(t)
	stack, params := furnish(t, site)
	other := storetest.Stack(t, site.Store, "other")
	p := program{t, site, c.token(t, site, stack, other)}
	cookie := site.As(t, "admin").Cookies()[0]
	deliver(t, site, accepted)
	a := p.call(method, strings.NewReplacer(params...).Replace(path), apiBodies[method+" "+path], func(r *http.Request) { r.AddCookie(cookie) })
	if a.status != c.want {
		t.Errorf("%s: %d, want %d\n%s", c.name, a.status, c.want, a.text)
	}
	if a.status >= 400 {
		expectProblem(t, c.name, a)
	}
	if (a.status == 401) != (a.header.Get("WWW-Authenticate") != "") {
		t.Errorf("%s: %d with the challenge %q", c.name, a.status, a.header.Get("WWW-Authenticate"))
	}
}
