package web

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"stackhook/handlers"
)

// use is the way of every request, outermost first.
func (e *edge) use() {
	e.echo.Use(
		requestID,
		e.accessLog, // turns errors into answers too, so that it logs the status
		recoverPanics(),
		e.headers,
		onPages(e.sameOrigin()),
		onPages(e.session),
		limitBody,
	)
}

// onPages leaves the middleware out for what has no session: programs that use the API, files, checks of health, reports of
// browsers.
func onPages(m echo.MiddlewareFunc) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		with := m(next)
		return func(c echo.Context) error {
			path := c.Request().URL.Path
			if isAPI(path) || isQuiet(path) || path == violationsPath { // a report must not keep a session alive
				return next(c)
			}
			return with(c)
		}
	}
}

func isAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

// isQuiet reports what comes all the time and tells nothing about anybody.
func isQuiet(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/metrics" || strings.HasPrefix(path, "/static/")
}

// requestID names the request in the log and on error pages. What the other side sends as an id is not believed.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderXRequestID, rand.Text())
		return next(c)
	}
}

// accessLog writes one line for each request. It leaves out the query, which may hold a one-time link's token. An answer
// that broke off in the middle is cut off here, as the last thing that is done about it.
func (e *edge) accessLog(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		broke := false
		if err := next(c); err != nil {
			broke = c.Response().Committed
			c.Error(err)
		}
		r, level := c.Request(), slog.LevelInfo
		if isQuiet(r.URL.Path) {
			level = slog.LevelDebug
		}
		e.log.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path,
			"status", c.Response().Status, "took", time.Since(start), "bytes", c.Response().Size,
			"address", c.RealIP(), "requestID", c.Response().Header().Get(echo.HeaderXRequestID))
		if broke {
			panic(http.ErrAbortHandler) // cuts the connection: what came so far must not look like all
		}
		return nil
	}
}

// panicked is a panic as an error.
type panicked struct {
	cause error
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.cause, p.stack) }

func recoverPanics() echo.MiddlewareFunc {
	return middleware.RecoverWithConfig(middleware.RecoverConfig{
		StackSize:           8 << 10, // the top of the stack, where the fault is
		DisableStackAll:     true,
		DisableErrorHandler: true,
		LogErrorFunc: func(_ echo.Context, err error, stack []byte) error {
			return &panicked{cause: err, stack: stack}
		},
	})
}

const (
	// Violations are reported by report-uri alone: where report-to stands beside it Chromium does not heed it, and heeds
	// report-to over https only, and a minute later.
	contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri " + violationsPath
	noContentPolicy = "default-src 'none'; frame-ancestors 'none'" // of what is no page
)

// headers tells browsers to be strict. Nothing is kept in caches but files, whose handler says so. Programs that use the API
// get what matters where somebody opens an answer of it in a browser, and no more: headers cost both sides time.
func (e *edge) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		if e.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if isAPI(c.Request().URL.Path) {
			h.Set("Content-Security-Policy", noContentPolicy)
			return next(c)
		}
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Frame-Options", "DENY")        // for browsers without frame-ancestors
		h.Set("Referrer-Policy", "same-origin") // ids of stacks stay here
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
		return next(c)
	}
}

// The most that is read of a body. A form's longest fields are an endpoint and a secret, a few KiB; a report's payload
// is the caller's to fill up to what the contract allows.
const (
	maxForm   = 64 << 10
	maxReport = 1 << 20
	// maxDrain is how much more is read and thrown away before the answer: browsers show it only once they have sent
	// their body, and take a connection that is closed meanwhile for a broken one.
	maxDrain = 4 << 20
)

func limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		limit := int64(maxForm)
		if isAPI(r.URL.Path) {
			limit = maxReport
		}
		body := r.Body
		if r.ContentLength > limit && !isAPI(r.URL.Path) { // the API first says whether the token is right
			io.CopyN(io.Discard, body, maxDrain)
			return handlers.TooLarge(limit)
		}
		r.Body = http.MaxBytesReader(c.Response(), body, limit)
		err := next(c)
		if err != nil && handlers.Status(err) == http.StatusRequestEntityTooLarge || c.Response().Status == http.StatusRequestEntityTooLarge {
			io.CopyN(io.Discard, body, maxDrain)
		}
		return err
	}
}

// sameOrigin refuses forms that another site sent. Browsers say where a form comes from (Sec-Fetch-Site, Origin), so
// forms need no tokens; the base URL is named for proxies that change the Host header.
func (e *edge) sameOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	base := e.handlers.BaseURL
	if err := protection.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		panic("web: the base URL is no origin: " + err.Error()) // the command checks it at start
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return &handlers.Problem{
					Status: http.StatusForbidden, Title: "This was refused", Cause: err,
					Detail: "This form was sent from another site, so nothing was done. Open the page here and send it again.",
				}
			}
			return next(c)
		}
	}
}

// session finds out who is asking.
func (e *edge) session(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		v, err := e.sessions.viewer(c.Request())
		if err != nil && v.User == nil {
			return err
		}
		if err != nil { // pages can be read while nothing can be written
			e.log.Warn("it was not noted that somebody was seen", "error", err)
		}
		v.Address = c.RealIP()
		handlers.SetViewer(c, v)
		return next(c)
	}
}

// clientAddress finds the address that a request comes from: that of the connection, or the one that a trusted proxy
// names. Without this setting echo would believe the header of anybody.
func clientAddress(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		p = p.Masked()
		trust = append(trust, echo.TrustIPRange(&net.IPNet{
			IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
