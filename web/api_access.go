package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"stackhook/handlers"
	"stackhook/models"
)

// permission says what a token must be allowed, in the stack that the path names, for an operation.
type permission func(v models.Viewer, stack int64) bool

// The permissions of the operations.
var (
	reports     permission = models.Viewer.Reports
	reads       permission = models.Viewer.Reads
	administers permission = models.Viewer.Administers
	readsRuns   permission = models.Viewer.Sees // a token that reports may read what it reported
)

// requestIDKey finds the id of the request, for the log, where there is no echo context.
type requestIDKey struct{}

func requestIDOf(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

// access checks, before the body is looked at and in this order: the token, the stack, the run that the path names, what
// the token may do. Whoever may not know of a stack does not learn of it.
func (e *edge) access(may permission) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		caller, err := e.caller(ctx)
		if err == nil && !may(caller.Viewer, caller.Stack.Key) {
			err = models.ErrForbidden
		}
		if err == nil {
			next(huma.WithContext(ctx, handlers.WithCaller(context.WithValue(ctx.Context(), requestIDKey{}, requestIDOf(humaecho.Unwrap(ctx))), caller)))
			return
		}
		if errors.Is(err, models.ErrUnauthorized) {
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="stackhook"`)
		}
		e.answerError(err, humaecho.Unwrap(ctx))
	}
}

func (e *edge) caller(ctx huma.Context) (caller handlers.Caller, err error) {
	if ctx.Query("token") != "" || ctx.Query("access_token") != "" {
		return caller, &handlers.Problem{
			Status: http.StatusUnauthorized,
			Detail: "A token in a URL ends up in logs, so it is not accepted there. Send it in the Authorization header, and revoke this one.",
		}
	}
	scheme, text, _ := strings.Cut(ctx.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller, models.ErrUnauthorized
	}
	caller.Viewer, err = e.handlers.Store.TokenViewer(ctx.Context(), strings.TrimSpace(text))
	if err != nil && caller.Viewer.Token == nil {
		return caller, err
	}
	if err != nil { // what is stored can be read while nothing can be written
		e.log.Warn("it was not noted that a token was used", "error", err)
	}
	caller.Viewer.Address = humaecho.Unwrap(ctx).RealIP()
	if caller.Stack, err = e.handlers.Store.RecentStack(ctx.Context(), caller.Viewer, ctx.Param("stack")); err != nil {
		return caller, err
	}
	if run := ctx.Param("run"); run != "" {
		caller.Run, err = e.handlers.Store.Run(ctx.Context(), caller.Stack, run)
	}
	return caller, err
}

// refusal says what a program may know of an error, and what to do.
func refusal(err error) string {
	status := handlers.Status(err)
	switch detail := handlers.Detail(err); {
	case errors.Is(err, models.ErrTokenExpired):
		return "This token has expired. Create a new one, and put it in the place of this."
	case detail != "":
		return detail
	case status == http.StatusUnauthorized:
		return "Send a valid token: Authorization: Bearer shk_…"
	case status == http.StatusForbidden:
		return "The scope of this token does not allow that."
	case status == http.StatusNotFound:
		return "There is nothing here that this token may see. /api/v1/openapi.json lists what there is."
	case status == http.StatusMethodNotAllowed:
		return "This address does not take that method. The Allow header names those that it takes."
	case status == http.StatusServiceUnavailable:
		return "The database does not answer. Try again."
	}
	return ""
}
