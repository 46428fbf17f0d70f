package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// Tokens lists the tokens that work; with ?revoke= it asks whether to revoke one of them.
func (h *Handlers) Tokens(c echo.Context) error {
	page, err := h.tokensPage(c)
	if err != nil {
		return err
	}
	for _, line := range page.Tokens {
		if line.Token.ID == c.QueryParam("revoke") {
			page.Revoking = &line
		}
	}
	return h.render(c, http.StatusOK, views.Tokens(page))
}

// TokenForm shows the list with what was typed in the form that makes a token, and what is wrong with it.
func (h *Handlers) TokenForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	page, err := h.tokensPage(c)
	if err != nil {
		return err
	}
	page.Form = views.TokenForm{Name: typed(values, "name"), Scope: typed(values, "scope"), Stack: typed(values, "stack"), Expires: typed(values, "expires"), Bad: bad}
	return h.render(c, status, views.Tokens(page))
}

// CreateToken makes a token and answers with the list, which shows its text.
func (h *Handlers) CreateToken(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	token, err := h.typedToken(c, values)
	if err != nil {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		return h.TokenForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	text, token, err := h.Store.CreateToken(c.Request().Context(), actor(c), token)
	if err != nil {
		return err
	}
	page, err := h.tokensPage(c)
	if err != nil {
		return err
	}
	page.New = &views.NewToken{Name: token.Name, Text: text, RunsURL: h.runsURL(page.Stacks, token)}
	return h.render(c, http.StatusOK, views.Tokens(page))
}

// typedToken is the token that the form describes, or everything that is wrong with it.
func (h *Handlers) typedToken(c echo.Context, values url.Values) (models.Token, error) {
	token := models.Token{Name: strings.TrimSpace(values.Get("name")), Scope: models.Scope(values.Get("scope"))}
	var bad models.Invalid
	if err := token.Check(); err != nil && !errors.As(err, &bad) {
		return token, err
	}
	var known bool
	if token.ExpiresAt, known = models.TokenExpiry(cmp.Or(values.Get("expires"), "never"), time.Now()); !known {
		bad.Add("expires", "Choose a time from the list.")
	}
	if id := values.Get("stack"); id != views.AllStacksChoice {
		stack, err := h.Store.Stack(c.Request().Context(), Viewer(c), id)
		if err != nil && !errors.Is(err, models.ErrNotFound) {
			return token, err
		}
		if err != nil {
			bad.Add("stack", "Choose the stack that it is for, or all stacks.")
		}
		token.StackKey = stack.Key
	}
	return token, bad.Err()
}

// runsURL is the API's address of runs that the token may read, "" if there is no stack.
func (h *Handlers) runsURL(stacks []models.Stack, token models.Token) string {
	for _, s := range stacks {
		if token.StackKey == 0 || token.StackKey == s.Key {
			return h.BaseURL.JoinPath(views.APIRunsPath(s.ID)).String()
		}
	}
	return ""
}

// RevokeToken ends a token at once.
func (h *Handlers) RevokeToken(c echo.Context) error {
	if err := h.Store.RevokeToken(c.Request().Context(), actor(c), c.Param("token")); err != nil {
		return err
	}
	h.Flash(c, "Revoked. Programs that use the token are refused from now on.")
	return seeOther(c, views.TokensPath)
}

func (h *Handlers) tokensPage(c echo.Context) (views.TokensPage, error) {
	ctx := c.Request().Context()
	tokens, err := h.Store.Tokens(ctx)
	if err != nil {
		return views.TokensPage{}, err
	}
	stacks, err := h.Store.Stacks(ctx, Viewer(c))
	if err != nil {
		return views.TokensPage{}, err
	}
	page := views.TokensPage{Frame: h.frame(c, "Tokens", "tokens"), Stacks: stacks}
	byKey := map[int64]*models.Stack{}
	for i, s := range stacks {
		byKey[s.Key] = &stacks[i]
	}
	for _, t := range tokens {
		if stack := byKey[t.StackKey]; stack != nil || t.StackKey == 0 { // not a stack that was deleted meanwhile
			page.Tokens = append(page.Tokens, views.TokenLine{Token: t, Stack: stack})
		}
	}
	return page, nil
}
