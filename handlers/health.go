package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Healthy answers while the process lives.
func (h *Handlers) Healthy(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// Ready answers 200 when the database answers and the engine runs, else 503. The causes are in the log: whoever may ask
// this need not know them.
func (h *Handlers) Ready(c echo.Context) error {
	if err := h.Store.Ready(c.Request().Context()); err != nil {
		h.Log.Warn("not ready: the database does not answer", "error", err)
		return c.String(http.StatusServiceUnavailable, "the database does not answer\n")
	}
	if err := h.EngineHealth(); err != nil {
		h.Log.Warn("not ready: the engine does not run", "error", err)
		return c.String(http.StatusServiceUnavailable, "the engine does not run\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
