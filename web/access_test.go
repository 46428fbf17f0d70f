package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
	"stackhook/web/webtest"
)

// access is what each kind of visitor is answered: nobody, a reader who was not granted the stack, one who was, and an
// administrator. Forms are posted empty. 303 for nobody is the way to the sign-in form.
var access = map[string][4]int{
	"GET /":        {303, 303, 303, 303},
	"GET /healthz": {200, 200, 200, 200},
	"GET /readyz":  {200, 200, 200, 200},
	"GET /metrics": {404, 404, 404, 404}, // without a token in the settings
	"GET /login":   {200, 303, 303, 303},
	"POST /login":  {422, 422, 422, 422},
	// Without an identity provider in the settings.
	"POST /login/oidc":         {404, 404, 404, 404},
	"GET /login/oidc/callback": {404, 404, 404, 404},
	"POST /logout":             {303, 303, 303, 303},
	"GET /setup":               {404, 404, 404, 404},
	"POST /setup":              {404, 404, 404, 404},
	"POST /theme":              {303, 303, 303, 303},

	"POST /csp-reports": {204, 204, 204, 204},

	"GET /help/webhooks":      {200, 200, 200, 200},
	"GET /help/pipelines":     {200, 200, 200, 200},
	"GET /help/hcp-terraform": {200, 200, 200, 200},

	"GET /static/*": {404, 404, 404, 404},

	"GET /profile":                        {303, 200, 200, 200},
	"POST /profile/password":              {401, 422, 422, 422},
	"POST /profile/sessions":              {401, 303, 303, 303},
	"POST /profile/sessions/:session/end": {401, 404, 404, 404},

	"GET /users":                 {303, 403, 403, 200},
	"POST /users":                {401, 403, 403, 422},
	"GET /users/:user":           {303, 403, 403, 200},
	"POST /users/:user":          {401, 403, 403, 422},
	"POST /users/:user/link":     {401, 403, 403, 200},
	"GET /tokens":                {303, 403, 403, 200},
	"POST /tokens":               {401, 403, 403, 422},
	"POST /tokens/:token/revoke": {401, 403, 403, 303},
	"GET /audit":                 {303, 403, 403, 200},
	"GET /audit.csv":             {303, 403, 403, 200},
	"GET /audit.ndjson":          {303, 403, 403, 200},

	"GET /stacks":                {303, 200, 200, 200},
	"GET /stacks/new":            {303, 403, 403, 200},
	"POST /stacks":               {401, 403, 403, 422},
	"POST /stacks/:stack":        {401, 404, 403, 422},
	"POST /stacks/:stack/delete": {401, 404, 403, 303},

	"GET /stacks/:stack/settings/general":              {303, 404, 200, 200},
	"GET /stacks/:stack/settings/access":               {303, 404, 200, 200},
	"POST /stacks/:stack/settings/access":              {401, 404, 403, 422},
	"POST /stacks/:stack/settings/access/:user/revoke": {401, 404, 403, 303},

	"GET /stacks/:stack/settings/inlets":                      {303, 404, 200, 200},
	"POST /stacks/:stack/settings/inlets/hcp-terraform":       {401, 404, 403, 200},
	"POST /stacks/:stack/settings/inlets/hcp-terraform/token": {401, 404, 403, 404}, // without an inlet
	"POST /stacks/:stack/settings/inlets/hcp-terraform/off":   {401, 404, 403, 404},

	"GET /stacks/:stack/settings/integrations":                           {303, 404, 200, 200},
	"GET /stacks/:stack/settings/integrations/webhooks/new":              {303, 404, 403, 200},
	"POST /stacks/:stack/settings/integrations/webhooks":                 {401, 404, 403, 422},
	"GET /stacks/:stack/settings/integrations/webhooks/:webhook":         {303, 404, 200, 200},
	"GET /stacks/:stack/settings/integrations/webhooks/:webhook/edit":    {303, 404, 403, 200},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook":        {401, 404, 403, 422},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/delete": {401, 404, 403, 303},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/secret": {401, 404, 200, 200},

	"GET /stacks/:stack/settings/integrations/webhooks/:webhook/replace":            {303, 404, 200, 200},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/replace/prepare":   {401, 404, 403, 409},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/replace/test":      {401, 404, 403, 409},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/replace/promote":   {401, 404, 403, 409},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/replace/discard":   {401, 404, 403, 409},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/replace/retire":    {401, 404, 403, 409},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/replace/now":       {401, 404, 403, 409},
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/replace/foul-play": {401, 404, 403, 409},

	"GET /stacks/:stack":           {303, 404, 200, 200},
	"POST /stacks/:stack/tokens":   {401, 404, 403, 200},
	"GET /stacks/:stack/runs/:run": {303, 404, 200, 200},
	"GET /deliveries":              {303, 200, 200, 200},

	"GET /live":                                          {401, 400, 400, 400}, // without a page to follow
	"GET /deliveries.csv":                                {303, 200, 200, 200},
	"GET /deliveries.ndjson":                             {303, 200, 200, 200},
	"GET /stacks/:stack/deliveries.csv":                  {303, 404, 200, 200},
	"GET /stacks/:stack/deliveries.ndjson":               {303, 404, 200, 200},
	"GET /failures":                                      {303, 200, 200, 200},
	"GET /stacks/:stack/failures":                        {303, 404, 200, 200},
	"GET /stacks/:stack/deliveries":                      {303, 404, 200, 200},
	"GET /stacks/:stack/deliveries/:delivery":            {303, 404, 200, 200},
	"GET /stacks/:stack/deliveries/:delivery/download":   {303, 404, 200, 200},
	"POST /stacks/:stack/deliveries/:delivery/redeliver": {401, 404, 403, 303},

	"GET /redeliveries":                     {303, 403, 403, 200},
	"GET /redeliveries/preview":             {303, 403, 403, 303},
	"POST /redeliveries/preview":            {401, 403, 403, 422}, // nothing is selected
	"POST /redeliveries":                    {401, 403, 403, 422},
	"GET /redeliveries/:redelivery":         {303, 403, 403, 200},
	"POST /redeliveries/:redelivery/cancel": {401, 403, 403, 303},

	// A test waits for its answer, which nobody gives here: the administrator's is in the tests of webhooks.
	"POST /stacks/:stack/settings/integrations/webhooks/:webhook/test": {401, 404, 403, 0},
}

func TestWhoMayHaveWhichRoute(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, r := range webtest.Offline(t).Echo.Routes() {
		if r.Method == http.MethodHead || strings.HasPrefix(r.Path, "/api/") {
			continue // HEAD is its GET; the API has a table of its own
		}
		name := r.Method + " " + r.Path
		rows[name] = true
		want, known := access[name]
		if !known {
			t.Errorf("%s has no row: say who may have it", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			visit(t, r.Method, r.Path, want)
		})
	}
	for name := range access {
		if !rows[name] {
			t.Errorf("%s has a row and is no route", name)
		}
	}
}

// visit asks for a route as each visitor; the administrator comes last, whose request may change what is there.
func visit(t *testing.T, method, path string, want [4]int) {
	site := webtest.Offline(t)
	stack, params := furnish(t, site)
	path = strings.NewReplacer(params...).Replace(path)
	for i, visitor := range []string{"nobody", "reader", "granted", "admin"} {
		if want[i] == 0 {
			continue
		}
		if visitor == "granted" {
			site.Grant(t, stack)
		}
		b := site.As(t, map[string]string{"reader": "reader", "granted": "reader", "admin": "admin"}[visitor])
		page := b.Do(b.Request(method, path, nil))
		if page.Status != want[i] {
			t.Errorf("%s: %d, want %d\n%s", visitor, page.Status, want[i], page.Text("main"))
		}
	}
}

// furnish puts one of everything into the site and returns its stack, and the parameters of
// paths with their values.
func furnish(t *testing.T, site *webtest.Site) (models.Stack, []string) {
	t.Helper()
	stack := storetest.Stack(t, site.Store, "net")
	w := storetest.Webhook(t, site.Store, stack, "https://receiver.example/hook", "s3cret")
	run := storetest.Run(t, site.Store, stack)
	log, err := site.Store.Deliveries(t.Context(), models.Viewer{User: &site.Admin}, store.DeliveryFilter{}, store.Page{})
	if err != nil || len(log.Rows) != 1 {
		t.Fatal(log, err)
	}
	_, token, err := site.Store.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := site.Store.StartRedelivery(t.Context(), storetest.Shell, store.RedeliveryOrder{Filter: store.DeliveryFilter{Stack: &stack}, ID: models.NewID(time.Now()), PerSecond: 1})
	if err != nil {
		t.Fatal(err)
	}
	return stack, []string{
		":redelivery", r.ID,
		":stack", stack.ID, ":webhook", w.ID, ":run", run.Run.ID, ":delivery", log.Rows[0].Delivery.ID, ":token", token.ID,
		":user", strconv.FormatInt(site.Reader.ID, 10),
	}
}
