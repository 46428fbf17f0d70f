package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/handlers"
)

// Limits of one connection. A form or a report is small and is answered at once: whoever takes longer is broken or
// holds connections on purpose.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second  // 1 MiB at 35 kB/s
	writeTimeout      = 60 * time.Second  // from the end of the header; more than reading and a slow answer together
	idleTimeout       = 120 * time.Second // longer than proxies keep theirs, so that they close first
	maxHeaderBytes    = 32 << 10
	// shutdownTimeout is how long requests under way may take once the server is told to stop.
	shutdownTimeout = 10 * time.Second
)

// Config is what the edge is made of.
type Config struct {
	Handlers *handlers.Handlers
	// TrustedProxies are the networks whose X-Forwarded-For is believed; none by default.
	TrustedProxies []netip.Prefix
	// Metrics answers /metrics for whoever sends MetricsToken; without a token there is no such page.
	Metrics      http.Handler
	MetricsToken string
}

// edge is what the middleware and the routes share.
type edge struct {
	echo     *echo.Echo
	handlers *handlers.Handlers
	log      *slog.Logger
	secure   bool // browsers come by https
	sessions *sessionStore
	cookies  *browserCookies
	accounts *accounts
	forms    *formSealer
	routes   map[string]route  // those that take a form, by path
	pages    map[string]bool   // the paths that can be opened
	bodies   map[string]schema // of the API's operations, by id
}

// New returns what answers every request. It sets the handlers' Edge.
func New(c Config) *echo.Echo {
	h := c.Handlers
	e := &edge{
		echo: echo.New(), handlers: h, log: h.Log, secure: h.BaseURL.Scheme == "https", routes: map[string]route{}, pages: map[string]bool{}, bodies: map[string]schema{},
	}
	hash, block := h.Store.CookieKeys()
	e.sessions = newSessionStore(h.Store, e.secure, hash, block)
	e.forms = newFormSealer(hash, block)
	e.cookies, e.accounts = newBrowserCookies(e.secure, hash, block), newAccounts()
	h.Edge = handlers.Edge{
		Flash: e.flash, Tell: e.tell, TakeFlash: e.takeFlash, SignIn: e.signIn, SignOut: e.signOut, Resume: e.resume,
		Holder: e.sessions.holder, IsPage: e.isPage, Browser: e.browser, Sealed: e.forms.ours, TryPassword: e.tryPassword, PasswordWasRight: e.passwordWasRight,
	}
	e.echo.HideBanner, e.echo.HidePort = true, true
	e.echo.HTTPErrorHandler = e.answerError
	e.echo.IPExtractor = clientAddress(c.TrustedProxies)
	e.use()
	e.mount(c)
	return e.echo
}

// Serve answers on the listener until the context ends, then finishes the requests under way. It returns nil after an
// orderly end.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return handlers.WithEnding(context.Background(), ctx.Done()) },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		shutdown(ctx, server, log)
	})
	err := server.Serve(listener)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("answer on %s: %w", listener.Addr(), err)
	}
	<-stopped
	return nil
}

// shutdown waits for the requests under way, and cuts off those that take too long.
func shutdown(ctx context.Context, server *http.Server, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		log.Warn("requests were cut off at shutdown", "after", shutdownTimeout, "error", err)
		server.Close() // its error is that of connections that are gone
	}
}
