package web

import (
	"stackhook/handlers"
	"stackhook/models"
	"stackhook/web/provider"
)

// SingleSignOn joins the identity provider with the rules for who may come in. The provider is not asked anything yet.
func SingleSignOn(p *provider.Provider, rules models.SignOnRules) *handlers.SignOn {
	return &handlers.SignOn{
		Rules: rules, Address: p.Address, SameIssuer: p.SameIssuer, Identity: p.Identity,
		BadCode: provider.IsBadCode, Away: provider.IsAway,
	}
}
