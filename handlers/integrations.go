package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// Integrations lists a stack's webhooks; with ?delete= it asks administrators whether to delete one of them.
func (h *Handlers) Integrations(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	return h.integrations(c, stack, "", nil)
}

// RevealSecret answers with the same list, in which one webhook's secret is shown, or with the page of its replacement, which shows
// the prepared one. The view is recorded first.
func (h *Handlers) RevealSecret(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	w, err := h.webhook(c, stack)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	if values.Get("which") == "next" {
		return h.revealNext(c, stack, w.ID, values.Get("fingerprint"))
	}
	if !w.HasSecret() {
		h.Tell(c, "The webhook to "+w.EndpointHost+" has no secret.")
		return seeOther(c, views.IntegrationsPath(stack.ID))
	}
	secret, err := h.Store.RevealSecret(c.Request().Context(), actor(c), stack, w.ID)
	if err != nil {
		return err
	}
	return h.integrations(c, stack, w.ID, &secret)
}

// integrations renders the list; secret is that of the webhook with the id revealed, nil to show none.
func (h *Handlers) integrations(c echo.Context, stack models.Stack, revealed string, secret *string) error {
	ctx := c.Request().Context()
	healths, err := h.Store.WebhookHealths(ctx, stack)
	if err != nil {
		return err
	}
	page := views.IntegrationsPage{
		Frame: h.stackFrame(c, stack, "Integrations", "settings", "integrations"),
		Stack: stack.ID, Administers: Viewer(c).Administers(stack.Key),
	}
	could, err := h.couldView(ctx, stack)
	if err != nil {
		return err
	}
	for _, health := range healths {
		card, err := h.webhookCard(c, stack, health)
		if err != nil {
			return err
		}
		card.Could = could
		card.Near, card.Disables = nearMisses(health.Webhook, healths), page.Frame.Failing.Disables(health.Webhook.ID)
		card.Deleting = page.Administers && c.QueryParam("delete") == card.Webhook.ID
		if secret != nil && card.Webhook.ID == revealed {
			card.Revealed = &views.Revealed{Secret: *secret, Reveal: ownReveal(card.Reveals)}
		}
		page.Webhooks = append(page.Webhooks, card)
	}
	return h.render(c, http.StatusOK, views.Integrations(page))
}

// webhookCard fills the card of a webhook.
func (h *Handlers) webhookCard(c echo.Context, stack models.Stack, health store.WebhookHealth) (views.WebhookCard, error) {
	ctx, w := c.Request().Context(), health.Webhook
	card := views.WebhookCard{
		Stack: stack.ID, Webhook: w, Administers: Viewer(c).Administers(stack.Key),
		Health: views.WebhookHealth{
			Last: health.Last, Failure: health.LastFailure, Waiting: health.Waiting, Skipped: health.Skipped, Day: views.DayTally(health.Day),
		},
	}
	if endpoint, err := models.ParseEndpoint(w.Endpoint); err == nil {
		card.UnicodeHost = endpoint.UnicodeHost
	}
	var err error
	if card.DisabledBy, err = h.disabledBy(ctx, w); err != nil || w.Deleted() {
		return card, err
	}
	records, err := h.Store.Reveals(ctx, w)
	for _, r := range records {
		card.Reveals = append(card.Reveals, views.Reveal{
			Who: r.Actor.Name, From: r.Actor.Address, At: r.At,
			You: r.Actor.Kind == models.ActorUser && r.Actor.ID == actor(c).ID,
		})
	}
	return card, err
}

// couldView names who may view the secrets of a stack's webhooks: people, then tokens.
func (h *Handlers) couldView(ctx context.Context, stack models.Stack) (names []string, err error) {
	people, err := h.Store.StackAccess(ctx, stack)
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		names = append(names, p.User.Label())
	}
	tokens, err := h.Store.ReadingTokens(ctx, stack)
	for _, t := range tokens {
		names = append(names, "the token "+t.Name)
	}
	return names, err
}

// disabledBy names who disabled the webhook, "" if that was not a person.
func (h *Handlers) disabledBy(ctx context.Context, w models.Webhook) (string, error) {
	if w.DisabledWhy != models.DisabledByPerson {
		return "", nil
	}
	by, err := h.Store.DisabledBy(ctx, w)
	return by.Name, err
}

// ownReveal is the newest view by whoever is looking.
func ownReveal(reveals []views.Reveal) views.Reveal {
	for _, r := range reveals {
		if r.You {
			return r
		}
	}
	return views.Reveal{}
}

// nearMisses returns the other webhooks whose endpoints differ from this one's in letter case, a trailing slash or the
// query alone.
func nearMisses(w models.Webhook, healths []store.WebhookHealth) []views.WebhookRef {
	var near []views.WebhookRef
	for _, other := range healths {
		o := other.Webhook
		if (models.Endpoint{URL: w.EndpointURL}).NearMiss(models.Endpoint{URL: o.EndpointURL}) {
			near = append(near, views.WebhookRef{ID: o.ID, Endpoint: o.Endpoint})
		}
	}
	return near
}
