package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"stackhook/models"
	"stackhook/models/store"
)

type serveCommand struct{ settingFlags }

// Run runs the server until a signal ends it.
func (c serveCommand) Run(ctx context.Context, t *terminal) error {
	s, err := c.settings()
	if err != nil {
		return err
	}
	lessGarbageCollection()
	registry := newRegistry()
	st, err := store.Open(ctx, store.Options{
		Database: s.Database, KeyFile: s.KeyFile, Account: s.Account, Create: true, Serve: true, Metrics: registry,
	})
	if err != nil {
		return unlessEnded(ctx, err)
	}
	return errors.Join(unlessEnded(ctx, serve(ctx, t, s, st, registry)), st.Close())
}

// unlessEnded drops the error of what a signal cut off, as it may while the server is still starting: that is an end in
// good order.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// lessGarbageCollection lets the heap, of a few megabytes, grow fivefold instead of twofold before it is swept: under load
// collecting takes a fifth of the time otherwise. Whoever sets GOGC decides.
func lessGarbageCollection() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// serve listens, says so and runs all parts on the open database.
func serve(ctx context.Context, t *terminal, s settings, st *store.Store, registry *prometheus.Registry) error {
	log := newLogger(t.Err, s)
	listener, err := listen(ctx, s.Addr)
	if err != nil {
		return err
	}
	defer listener.Close() // the server closes it too; this is for the errors before
	base := s.BaseURL
	if base == nil {
		var guessed bool
		if base, guessed = publicURL(s.Addr, portOf(listener)); guessed {
			log.Warn("the listen address names no host, so links say localhost; set STACKHOOK_BASE_URL", "baseURL", base.String())
		}
	}
	parts, err := newParts(s, st, registry, base, log)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.Out, "Stackhook listens on %s (%s).\n", base, listener.Addr()); err != nil {
		return err
	}
	if err := firstAdministrator(ctx, t, s, st, base); err != nil {
		return err
	}
	return parts.run(ctx, listener)
}

func newLogger(out io.Writer, s settings) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogJSON {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: end that one, or choose another address with --addr or STACKHOOK_ADDR (%w)", addr, err)
	case err != nil:
		return nil, fmt.Errorf("open the listen address: %w", err)
	}
	return listener, nil
}

// portOf returns the port that the listener got.
func portOf(l net.Listener) string { return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) }

// firstAdministrator makes the administrator that the settings name, or prints the one-time link with which somebody
// becomes it. Once there is a user it does nothing.
func firstAdministrator(ctx context.Context, t *terminal, s settings, st *store.Store, base *url.URL) error {
	has, err := st.HasUsers(ctx)
	if err != nil || has {
		return err
	}
	if s.AdminPassword != "" {
		by := models.Actor{Kind: models.ActorSystem, Name: "STACKHOOK_ADMIN_EMAIL"}
		if _, err := st.CreateUser(ctx, by, s.Admin, s.AdminPassword); err != nil {
			return fmt.Errorf("add the first administrator: %w", err)
		}
		_, err = fmt.Fprintf(t.Out, "Added the first administrator, %s.\n", s.Admin.Email)
		return err
	}
	byGroup := s.SignOn != nil && len(s.SignOn.Rules.AdminGroups) > 0
	if byGroup {
		if _, err := fmt.Fprintf(t.Out, "There is no user yet. Whoever signs in first with single sign-on, from a group of administrators, becomes the administrator: %s\n", base); err != nil || s.NoPasswords {
			return err
		}
	}
	if s.NoPasswords {
		return errors.New("there is no user yet, and nobody could become the administrator: name their groups in STACKHOOK_OIDC_ADMIN_GROUPS, or add one with “stackhook user add --role admin”, who then signs in with single sign-on")
	}
	token, err := st.CreateSetupLink(ctx)
	if err != nil {
		return fmt.Errorf("make the setup link: %w", err)
	}
	_, err = fmt.Fprintf(t.Out, "There is no user yet. Whoever opens this link first, within a day, becomes the administrator:\n%s\n", setupLink(base, token))
	return err
}
