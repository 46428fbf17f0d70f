package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// ShowReplace shows where the replacement of a webhook's secret is. With ?old= it tells administrators who viewed the secrets
// with these fingerprints.
func (h *Handlers) ShowReplace(c echo.Context) error {
	return h.ReplaceForm(c, nil, nil, http.StatusOK)
}

// ReplaceForm shows that page with what was typed as the new secret and what is wrong with it.
func (h *Handlers) ReplaceForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	return h.replacePage(c, status, func(p *views.ReplacePage) {
		p.Secret, p.Bad = typed(values, "secret"), bad
		if !values.Has("generate") {
			return
		}
		if refused, is := errors.AsType[*models.Refused](p.Webhook.MayPrepare(values.Get("fingerprint"))); is {
			p.Refused = refused.Reason
			return
		}
		p.Secret, p.Notice = models.GenerateSecret(), "A secret was generated. Prepare it to store it."
	})
}

// replacePage renders the page of the webhook that the path names, as it is now; fill adds what is particular.
func (h *Handlers) replacePage(c echo.Context, status int, fill func(*views.ReplacePage)) error {
	ctx := c.Request().Context()
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	w, err := h.webhook(c, stack)
	if err != nil {
		return err
	}
	page := views.ReplacePage{Stack: stack.ID, Webhook: w, Administers: Viewer(c).Administers(stack.Key)}
	if page.Signed, err = h.Store.LastSigned(ctx, w); err != nil {
		return err
	}
	if page.Replaced = replacedPrints(c); page.Administers && len(page.Replaced) > 0 {
		viewers, err := h.Store.SecretViewers(ctx, w, page.Replaced)
		if err != nil {
			return err
		}
		for _, v := range viewers {
			page.Viewers = append(page.Viewers, views.SecretViewer{Who: v.Actor, Fingerprint: v.Fingerprint, Views: v.Views, At: v.At})
		}
	} else {
		page.Replaced = nil
	}
	fill(&page)
	page.Frame = h.stackFrame(c, stack, "Replace the secret", "settings", "integrations")
	return h.render(c, status, views.Replace(page))
}

var aFingerprint = regexp.MustCompile(`^[0-9a-f]{8}$`)

// replacedPrints are the fingerprints in the address: of the secrets that one replacement ended, which are two at most.
func replacedPrints(c echo.Context) (prints []string) {
	for _, print := range c.QueryParams()["old"] {
		if aFingerprint.MatchString(print) && len(prints) < 2 {
			prints = append(prints, print)
		}
	}
	return prints
}

// step is what a form on that page asks for, about the secret with the fingerprint that it names.
type step func(ctx context.Context, by models.Actor, stack models.Stack, webhook, print string) error

// take takes a step and says so, or shows the page with the reason for which it was not taken.
func (h *Handlers) take(c echo.Context, done string, do step) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	if err := do(c.Request().Context(), actor(c), stack, c.Param("webhook"), values.Get("fingerprint")); err != nil {
		return h.notTaken(c, values, err)
	}
	h.Flash(c, done)
	return seeOther(c, views.ReplacePath(stack.ID, c.Param("webhook")))
}

// notTaken shows why a step was not taken: because things are otherwise by now, or because of what was typed.
func (h *Handlers) notTaken(c echo.Context, values url.Values, err error) error {
	if refused, is := errors.AsType[*models.Refused](err); is {
		return h.replacePage(c, http.StatusConflict, func(p *views.ReplacePage) { p.Refused = refused.Reason })
	}
	bad, err := Fields(err)
	if err != nil {
		return err
	}
	return h.ReplaceForm(c, values, bad, http.StatusUnprocessableEntity)
}

// PrepareSecret stores a new secret beside the current one. The button Generate fills one in.
func (h *Handlers) PrepareSecret(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	if values.Has("generate") {
		return h.ReplaceForm(c, values, nil, http.StatusOK)
	}
	return h.take(c, "Prepared. It signs nothing until you promote it.", func(ctx context.Context, by models.Actor, stack models.Stack, webhook, print string) error {
		return h.Store.PrepareSecret(ctx, by, stack, webhook, print, values.Get("secret"))
	})
}

// PromoteSecret makes the prepared secret the current one.
func (h *Handlers) PromoteSecret(c echo.Context) error {
	return h.take(c, "Promoted. The previous secret signs too until you retire it.", h.Store.PromoteSecret)
}

// DiscardSecret wipes the prepared secret.
func (h *Handlers) DiscardSecret(c echo.Context) error {
	return h.take(c, "Discarded. The current secret signs as before.", h.Store.DiscardSecret)
}

// RetireSecret wipes the previous secret.
func (h *Handlers) RetireSecret(c echo.Context) error {
	return h.take(c, "Retired. The current secret signs alone.", h.Store.RetireSecret)
}

// ReplaceSecretNow makes a new secret the only one.
func (h *Handlers) ReplaceSecretNow(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	return h.take(c, "Replaced. The receiver needs the new secret now.", func(ctx context.Context, by models.Actor, stack models.Stack, webhook, print string) error {
		return h.Store.ReplaceSecret(ctx, by, stack, webhook, print, values.Get("secret"), "")
	})
}

// FoulPlay makes a generated secret the only one, and tells who viewed those that it replaces.
func (h *Handlers) FoulPlay(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	w, err := h.webhook(c, stack)
	if err != nil {
		return err
	}
	err = h.Store.ReplaceSecret(c.Request().Context(), actor(c), stack, w.ID, values.Get("fingerprint"), models.GenerateSecret(), "foul play")
	if err != nil {
		return h.notTaken(c, nil, err)
	}
	old := url.Values{"old": {w.SecretFingerprint}}
	if w.PreviousSecret.Known() { // receivers accept that one too
		old.Add("old", w.PreviousSecret.Fingerprint)
	}
	h.Flash(c, "Replaced by a generated secret. Reveal it to set up the receiver.")
	return seeOther(c, views.WithQuery(views.ReplacePath(stack.ID, w.ID), old))
}

// SendNextTest sends a test that is signed with the prepared secret alone, and shows the delivery once it has ended.
func (h *Handlers) SendNextTest(c echo.Context) error {
	stack, err := h.stack(c)
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	d, err := h.Store.SendNextTest(c.Request().Context(), actor(c), stack, c.Param("webhook"), values.Get("fingerprint"))
	if err != nil {
		return h.notTaken(c, nil, err)
	}
	return h.awaitTest(c, stack, d)
}

// revealNext shows the prepared secret. The view is recorded first.
func (h *Handlers) revealNext(c echo.Context, stack models.Stack, webhook, print string) error {
	by := actor(c)
	secret, err := h.Store.RevealNextSecret(c.Request().Context(), by, stack, webhook, print)
	if err != nil {
		return h.notTaken(c, nil, err)
	}
	return h.replacePage(c, http.StatusOK, func(p *views.ReplacePage) {
		p.Revealed = &views.Revealed{Secret: secret, Reveal: views.Reveal{Who: by.Name, You: true, From: by.Address, At: time.Now()}}
	})
}
