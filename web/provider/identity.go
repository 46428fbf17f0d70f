package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"stackhook/models"
)

// Identity exchanges the code for what the provider vouches for, and checks that it was vouched for here, for us and for
// this sign-in.
func (p *Provider) Identity(ctx context.Context, code string, try models.SignOn) (models.Identity, error) {
	known, err := p.discover(ctx)
	if err != nil {
		return models.Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := known.oauth.Exchange(ctx, code, oauth2.VerifierOption(try.Verifier))
	if err != nil {
		return models.Identity{}, exchangeError(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := known.provider.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return models.Identity{}, fmt.Errorf("verify the identity token: %w", err)
	}
	if id.Nonce != try.Nonce || try.Nonce == "" {
		return models.Identity{}, errors.New("verify the identity token: it is of another sign-in")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return models.Identity{}, fmt.Errorf("verify the access token: %w", err)
		}
	}
	claims := map[string]json.RawMessage{}
	if err := id.Claims(&claims); err != nil {
		return models.Identity{}, fmt.Errorf("read the identity token: %w", err)
	}
	if azp := text(claims["azp"]); azp != "" && azp != p.config.ClientID {
		return models.Identity{}, errors.New("verify the identity token: it is meant for another program")
	}
	if err := p.complete(ctx, known, token, id.Subject, claims); err != nil {
		return models.Identity{}, err
	}
	return models.Identity{
		Issuer: id.Issuer, Subject: id.Subject, Email: text(claims["email"]), EmailVerified: yes(claims["email_verified"]),
		Name: text(claims["name"]), Groups: texts(claims[p.config.GroupsClaim]),
	}, nil
}

// complete adds what the provider tells only when it is asked for it: some keep the identity token short.
func (p *Provider) complete(ctx context.Context, known *discovered, token *oauth2.Token, subject string, claims map[string]json.RawMessage) error {
	has := func(name string) bool { return name == "" || claims[name] != nil }
	if known.provider.UserInfoEndpoint() == "" || has("email") && has("email_verified") && has("name") && has(p.config.GroupsClaim) {
		return nil
	}
	info, err := known.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("ask the identity provider about somebody: %w", err)
	}
	if info.Subject != subject {
		return errors.New("ask the identity provider about somebody: it answered about somebody else")
	}
	more := map[string]json.RawMessage{}
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("read what the identity provider tells about somebody: %w", err)
	}
	if claims["email"] == nil { // the address and whether it is verified are of one source
		claims["email"], claims["email_verified"] = more["email"], more["email_verified"]
	}
	for _, name := range []string{"name", p.config.GroupsClaim} {
		if claims[name] == nil {
			claims[name] = more[name]
		}
	}
	return nil
}

// exchangeError says what came of the code. The provider's own words are for the log.
func exchangeError(err error) error {
	refused, is := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case is && refused.ErrorCode == "invalid_grant":
		return fmt.Errorf("%w: %w", ErrCode, err)
	case is && refused.Response != nil && refused.Response.StatusCode < http.StatusInternalServerError:
		return fmt.Errorf("exchange the code: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// yes reads true, and "true" as some providers write it.
func yes(raw json.RawMessage) bool { return slices.Contains([]string{`true`, `"true"`}, string(raw)) }

// texts reads a list, or a single text. What is neither is nothing.
func texts(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	if one := text(raw); one != "" {
		return []string{one}
	}
	return nil
}
