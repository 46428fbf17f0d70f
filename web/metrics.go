package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"stackhook/models"
)

// measures answers /metrics for whoever sends the token. Without a token in the settings there is no such page.
func measures(token string, metrics http.Handler) echo.HandlerFunc {
	wanted := sha256.Sum256([]byte(token))
	return func(c echo.Context) error {
		if token == "" || metrics == nil {
			return models.ErrNotFound
		}
		scheme, sent, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(sent)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], wanted[:]) != 1 {
			c.Response().Header().Set("WWW-Authenticate", `Bearer realm="stackhook metrics"`)
			return c.String(http.StatusUnauthorized, "send STACKHOOK_METRICS_TOKEN: Authorization: Bearer …\n")
		}
		metrics.ServeHTTP(c.Response(), c.Request())
		return nil
	}
}
