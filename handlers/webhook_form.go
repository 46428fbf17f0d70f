package handlers

import (
	"context"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// NewWebhook shows the form that adds a webhook.
func (h *Handlers) NewWebhook(c echo.Context) error {
	return h.WebhookForm(c, url.Values{"enabled": {"on"}}, nil, http.StatusOK)
}

// EditWebhook shows the form that edits a webhook. The stored secret is not in it.
func (h *Handlers) EditWebhook(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	w, err := h.webhook(c, stack)
	if err != nil {
		return err
	}
	values := url.Values{"endpoint": {w.Endpoint}}
	if w.Enabled {
		values.Set("enabled", "on")
	}
	return h.WebhookForm(c, values, nil, http.StatusOK)
}

// WebhookForm shows either form with what was typed and what is wrong with it. The button Generate fills in a secret, for
// browsers without the script that does so at once.
func (h *Handlers) WebhookForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	page := views.WebhookFormPage{
		Stack: stack.ID, Endpoint: typed(values, "endpoint"), Secret: typed(values, "secret"),
		RemoveSecret: values.Has("remove_secret"), Enabled: values.Has("enabled"), Bad: bad,
	}
	title := "Add webhook"
	if c.Param("webhook") != "" {
		w, err := h.webhook(c, stack)
		if err != nil {
			return err
		}
		page.Webhook, title = &w, "Edit webhook"
	}
	if values.Has("generate") {
		page.Secret, page.RemoveSecret = models.GenerateSecret(), false
		page.Notice = "A secret was generated. Save the form to store it."
	}
	if bad.Message("endpoint") != "" {
		if page.Clash, err = h.clash(c, stack, values.Get("endpoint")); err != nil {
			return err
		}
	}
	page.Frame = h.stackFrame(c, stack, title, "settings", "integrations")
	return h.render(c, status, views.WebhookForm(page))
}

// clash returns the other webhook of the stack that has this endpoint, nil if there is none.
func (h *Handlers) clash(c echo.Context, stack models.Stack, typed string) (*views.WebhookRef, error) {
	endpoint, err := models.ParseEndpoint(typed)
	if err != nil {
		return nil, nil // what is wrong with it is said at the field
	}
	webhooks, err := h.Store.Webhooks(c.Request().Context(), stack)
	for _, w := range webhooks {
		if w.EndpointKey == endpoint.Key() && w.ID != c.Param("webhook") {
			return &views.WebhookRef{ID: w.ID, Endpoint: w.Endpoint}, err
		}
	}
	return nil, err
}

// CreateWebhook adds a webhook.
func (h *Handlers) CreateWebhook(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	if values.Has("generate") {
		return h.WebhookForm(c, values, nil, http.StatusOK)
	}
	w, err := h.Store.CreateWebhook(c.Request().Context(), actor(c), stack, models.WebhookForm{
		Endpoint: values.Get("endpoint"), Secret: values.Get("secret"), Enabled: values.Has("enabled"),
	})
	return h.savedWebhook(c, stack, w, values, err)
}

// UpdateWebhook changes a webhook. An empty secret keeps the stored one.
func (h *Handlers) UpdateWebhook(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	if values.Has("generate") {
		return h.WebhookForm(c, values, nil, http.StatusOK)
	}
	change, err := secretChange(values)
	var w models.Webhook
	if err == nil {
		w, err = h.Store.UpdateWebhook(c.Request().Context(), actor(c), stack, c.Param("webhook"), models.WebhookForm{
			Endpoint: values.Get("endpoint"), Secret: values.Get("secret"), Change: change, Enabled: values.Has("enabled"),
		})
	}
	return h.savedWebhook(c, stack, w, values, err)
}

// secretChange is what the edit form says about the secret.
func secretChange(values url.Values) (models.SecretChange, error) {
	replace, remove := values.Get("secret") != "", values.Has("remove_secret")
	switch {
	case replace && remove:
		return 0, models.Invalid{{Field: "secret", Message: "Either type a new secret, or remove the stored one."}}
	case replace:
		return models.ReplaceSecret, nil
	case remove:
		return models.RemoveSecret, nil
	}
	return models.KeepSecret, nil
}

// savedWebhook answers a form: with the list when it was stored, with the form and its messages when not.
func (h *Handlers) savedWebhook(c echo.Context, stack models.Stack, w models.Webhook, values url.Values, err error) error {
	if err != nil {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		return h.WebhookForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	h.Flash(c, savedWords(w))
	if hint := h.addressHint(c.Request().Context(), w); hint != "" {
		h.Tell(c, hint)
	}
	return seeOther(c, views.IntegrationsPath(stack.ID)+"#webhook-"+w.ID)
}

func savedWords(w models.Webhook) string {
	if !w.Enabled {
		return "Saved. Nothing is sent to " + w.EndpointHost + " until its webhook is enabled."
	}
	return "Saved. Each run state change is sent to " + w.EndpointHost + "."
}

// addressHint says why requests to a webhook that was saved would not arrive as things are, "" if
// they would.
func (h *Handlers) addressHint(ctx context.Context, w models.Webhook) string {
	endpoint, err := models.ParseEndpoint(w.Endpoint)
	if err != nil || h.Hint == nil {
		return ""
	}
	return h.Hint(ctx, endpoint)
}
