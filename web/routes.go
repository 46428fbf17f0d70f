package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"stackhook/handlers"
	"stackhook/models"
	"stackhook/static"
)

// visitor says who may have a route.
type visitor int

// The kinds of visitors. A route with :stack is not found for whoever may not read that stack, whatever else it asks.
const (
	public visitor = iota
	reader         // whoever is signed in
	admin          // administrators
)

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// route is one line of the table.
type route struct {
	who    visitor
	method string
	path   string
	answer echo.HandlerFunc
	form   form // shows the form that is posted here; nil where nothing is typed
}

// form shows a form with what was typed and what is wrong with it.
type form func(c echo.Context, typed url.Values, bad models.Invalid, status int) error

// pages is the table of all pages and of the forms on them.
func pages(h *handlers.Handlers, c Config) []route {
	tries, signOns := newTries(triesPerMinute), newTries(signOnsPerMinute)
	return append(slices.Concat(logs(h), replacements(h), inlets(h)), []route{
		{public, get, "/healthz", h.Healthy, nil},
		{public, get, "/readyz", h.Ready, nil},
		{public, get, "/metrics", measures(c.MetricsToken, c.Metrics), nil},

		{public, get, "/login", h.ShowSignIn, nil},
		{public, post, "/login", tries.limit(h.SubmitSignIn), nil},
		{public, post, "/login/oidc", signOns.limit(h.StartSignOn), nil},
		{public, get, "/login/oidc/callback", signOns.limit(h.FinishSignOn), nil},
		{public, post, "/logout", h.Leave, nil},
		{public, get, "/setup", h.ShowSetup, nil},
		{public, post, "/setup", h.Setup, nil},
		{public, post, "/theme", h.SetTheme, nil},
		{public, post, violationsPath, violations(h.Log), nil},

		{public, get, "/", h.Home, nil},
		{public, get, "/help/webhooks", h.HelpWebhooks, nil},
		{public, get, "/help/pipelines", h.HelpPipelines, nil},
		{public, get, "/help/hcp-terraform", h.HelpHCP, nil},

		{reader, get, "/profile", h.Profile, nil},
		{reader, post, "/profile/password", tries.limit(h.ChangePassword), nil},
		{reader, post, "/profile/sessions", h.EndOtherSessions, nil},
		{reader, post, "/profile/sessions/:session/end", h.EndSession, nil},

		{admin, get, "/users", h.Users, nil},
		{admin, post, "/users", h.CreateUser, h.UserForm},
		{admin, get, "/users/:user", h.EditUser, nil},
		{admin, post, "/users/:user", h.UpdateUser, h.EditUserForm},
		{admin, post, "/users/:user/link", h.CreateUserLink, nil},
		{admin, get, "/tokens", h.Tokens, nil},
		{admin, post, "/tokens", h.CreateToken, h.TokenForm},
		{admin, post, "/tokens/:token/revoke", h.RevokeToken, nil},
		{admin, get, "/audit", h.Audit, nil},
		{admin, get, "/audit.csv", h.AuditCSV, nil},
		{admin, get, "/audit.ndjson", h.AuditNDJSON, nil},

		{reader, get, "/stacks", h.Stacks, nil},
		{admin, get, "/stacks/new", h.NewStack, nil},
		{admin, post, "/stacks", h.CreateStack, h.NewStackForm},
		{admin, post, "/stacks/:stack", h.UpdateStack, h.GeneralForm},
		{admin, post, "/stacks/:stack/delete", h.DeleteStack, nil},
		{reader, get, "/stacks/:stack/settings/general", h.ShowGeneral, nil},
		{reader, get, "/stacks/:stack/settings/access", h.ShowAccess, nil},
		{admin, post, "/stacks/:stack/settings/access", h.GrantAccess, h.AccessForm},
		{admin, post, "/stacks/:stack/settings/access/:user/revoke", h.RevokeAccess, nil},
		{reader, get, "/stacks/:stack/settings/integrations", h.Integrations, nil},
		{admin, get, "/stacks/:stack/settings/integrations/webhooks/new", h.NewWebhook, nil},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks", h.CreateWebhook, h.WebhookForm},
		{reader, get, "/stacks/:stack/settings/integrations/webhooks/:webhook", h.ShowWebhook, nil},
		{admin, get, "/stacks/:stack/settings/integrations/webhooks/:webhook/edit", h.EditWebhook, nil},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook", h.UpdateWebhook, h.WebhookForm},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/delete", h.DeleteWebhook, nil},
		{reader, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/secret", h.RevealSecret, nil},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/test", h.SendTest, nil},
	}...)
}

// replacements is the table's part of replacing a webhook's secret.
func replacements(h *handlers.Handlers) []route {
	return []route{
		{reader, get, "/stacks/:stack/settings/integrations/webhooks/:webhook/replace", h.ShowReplace, nil},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/replace/prepare", h.PrepareSecret, h.ReplaceForm},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/replace/test", h.SendNextTest, nil},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/replace/promote", h.PromoteSecret, nil},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/replace/discard", h.DiscardSecret, nil},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/replace/retire", h.RetireSecret, nil},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/replace/now", h.ReplaceSecretNow, h.ReplaceForm},
		{admin, post, "/stacks/:stack/settings/integrations/webhooks/:webhook/replace/foul-play", h.FoulPlay, nil},
	}
}

// inlets is the table's part of other systems that report runs.
func inlets(h *handlers.Handlers) []route {
	return []route{
		{reader, get, "/stacks/:stack/settings/inlets", h.Inlets, nil},
		{admin, post, "/stacks/:stack/settings/inlets/hcp-terraform", h.CreateInlet, h.InletForm},
		{admin, post, "/stacks/:stack/settings/inlets/hcp-terraform/token", h.ReplaceInletToken, h.InletForm},
		{admin, post, "/stacks/:stack/settings/inlets/hcp-terraform/off", h.RemoveInlet, nil},
	}
}

// logs is the table's part of runs and of what became of them.
func logs(h *handlers.Handlers) []route {
	return []route{
		{reader, get, "/stacks/:stack", h.Runs, nil},
		{admin, post, "/stacks/:stack/tokens", h.CreateStackToken, nil},
		{reader, get, "/stacks/:stack/runs/:run", h.ShowRun, nil},
		{reader, get, "/deliveries", h.AllDeliveries, nil},
		{reader, get, "/deliveries.csv", h.DeliveriesCSV, nil},
		{reader, get, "/deliveries.ndjson", h.DeliveriesNDJSON, nil},
		{public, get, "/live", h.Live, nil}, // which has no way to the sign-in form
		{reader, get, "/failures", h.AllFailures, nil},
		{reader, get, "/stacks/:stack/failures", h.Failures, nil},
		{reader, get, "/stacks/:stack/deliveries", h.Deliveries, nil},
		{reader, get, "/stacks/:stack/deliveries.csv", h.DeliveriesCSV, nil},
		{reader, get, "/stacks/:stack/deliveries.ndjson", h.DeliveriesNDJSON, nil},
		{reader, get, "/stacks/:stack/deliveries/:delivery", h.ShowDelivery, nil},
		{reader, get, "/stacks/:stack/deliveries/:delivery/download", h.DownloadDelivery, nil},
		{admin, post, "/stacks/:stack/deliveries/:delivery/redeliver", h.Redeliver, nil},
		{admin, get, "/redeliveries", h.Redeliveries, nil},
		{admin, get, "/redeliveries/preview", h.NoPreview, nil},
		{admin, post, "/redeliveries/preview", h.PreviewRedelivery, h.RedeliveryForm},
		{admin, post, "/redeliveries", h.StartRedelivery, h.RedeliveryForm},
		{admin, get, "/redeliveries/:redelivery", h.ShowRedelivery, nil},
		{admin, post, "/redeliveries/:redelivery/cancel", h.CancelRedelivery, nil},
	}
}

// mount hangs the table, the files and the API into the router.
func (e *edge) mount(c Config) {
	for _, r := range pages(e.handlers, c) {
		answer := e.guard(r)
		e.echo.Add(r.method, r.path, answer)
		if r.method == get {
			e.echo.HEAD(r.path, answer) // the server leaves the body out
			e.pages[r.path] = true
		}
		if r.form != nil {
			e.routes[r.path] = r
		}
	}
	e.mountAPI()
	files := echo.WrapHandler(static.Handler())
	e.echo.GET("/static/*", files)
	e.echo.HEAD("/static/*", files)
}

// guard lets only those through who may have the route.
func (e *edge) guard(r route) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r.who != public && handlers.Viewer(c).User == nil {
			return e.signInFirst(c, r)
		}
		if err := e.allow(c, r.who); err != nil {
			return err
		}
		err := r.answer(c)
		if r.form != nil && errors.Is(err, models.ErrUnavailable) {
			return e.keepTyped(c, r, err)
		}
		return err
	}
}

// allow checks the stack before the role: whoever may not know of a stack does not learn of it by being refused.
func (e *edge) allow(c echo.Context, who visitor) error {
	if who == public {
		return nil
	}
	if err := e.handlers.CheckStack(c); err != nil {
		return err
	}
	if who == admin && !handlers.Viewer(c).Administrator() {
		return models.ErrForbidden
	}
	return nil
}

// isPage reports whether a path can be opened, and does not only take forms.
func (e *edge) isPage(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	c := e.echo.NewContext(nil, nil)
	e.echo.Router().Find(get, path, c)
	return e.pages[c.Path()]
}
