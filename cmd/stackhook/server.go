package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"stackhook/delivery"
	"stackhook/handlers"
	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
	"stackhook/web"
	"stackhook/web/provider"
)

// parts are what runs on an open database: the engine that sends, the HTTP edge, the housekeeping and what sends many
// deliveries again. Engine and edge
// do not know each other: the store nudges the engine after commits, and the pages get two plain functions of it.
type parts struct {
	engine *delivery.Engine
	edge   http.Handler
	house  housekeeper
	again  redeliverer
	log    *slog.Logger
}

// newParts joins the parts. base is the public URL.
func newParts(s settings, st *store.Store, registry *prometheus.Registry, base *url.URL, log *slog.Logger) (*parts, error) {
	s.Engine.Logger = log
	engine, err := delivery.New(st, s.Engine)
	if err != nil {
		return nil, err
	}
	pages := &handlers.Handlers{
		Store: st, Account: s.Account, Version: s.Engine.Version, BaseURL: base, Log: log,
		Delays: s.Engine.RetryDelays, Timeout: s.Engine.Timeout, Expire: s.Engine.Expire, DisableAfter: s.Engine.DisableAfter,
		AuditRetention: cmp.Or(s.AuditRetention, defaultAuditRetention),
		Hint: func(ctx context.Context, e models.Endpoint) string {
			return delivery.AddressHint(ctx, s.Engine.AllowNetworks, e)
		},
		EngineHealth: engine.Healthy,
		SignOn:       singleSignOn(s.SignOn, base), NoPasswords: s.NoPasswords,
	}
	edge := web.New(web.Config{
		TrustedProxies: s.TrustedProxies, Handlers: pages,
		Metrics: metricsHandler(registry, st, engine, pages.LiveStreams), MetricsToken: s.MetricsToken,
	})
	return &parts{engine: engine, edge: edge, house: newHousekeeper(s, st, log), again: redeliverer{st, log}, log: log}, nil
}

// singleSignOn joins the rules with the identity provider, which is not asked anything yet.
func singleSignOn(on *signOn, base *url.URL) *handlers.SignOn {
	if on == nil {
		return nil
	}
	on.Provider.Redirect = base.JoinPath(views.SignOnPath, "callback").String()
	return web.SingleSignOn(provider.New(on.Provider), on.Rules)
}

// run runs all parts until ctx ends, or one of them fails. Then it stops listening, and the engine lets what is in
// flight finish; what was accepted last waits in the database for the next start.
func (p *parts) run(ctx context.Context, listener net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.engine.Run(ctx) })
	group.Go(func() error { return web.Serve(ctx, listener, p.edge, p.log) })
	group.Go(func() error {
		p.house.keep(ctx)
		return nil
	})
	group.Go(func() error {
		p.again.keep(ctx)
		return nil
	})
	return group.Wait()
}
