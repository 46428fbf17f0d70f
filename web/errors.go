package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/handlers"
	"stackhook/models"
)

// retryAfter is how many seconds to wait when the database cannot commit: more than a passing lock, less than patience.
const retryAfter = "5"

// answerError is the one place where an error becomes an answer: a page for people, application/problem+json for
// programs. An error of ours is logged here, once, with the id that the answer shows.
func (e *edge) answerError(err error, c echo.Context) {
	status := handlers.Status(err)
	if status == http.StatusInternalServerError {
		e.log.Error("request failed", "method", c.Request().Method, "route", c.Path(), "error", err,
			"requestID", c.Response().Header().Get(echo.HeaderXRequestID))
	}
	if problem, is := errors.AsType[*handlers.Problem](err); is && problem.Logged {
		e.log.Warn("request refused", "method", c.Request().Method, "route", c.Path(), "status", status, "error", problem.Cause,
			"requestID", c.Response().Header().Get(echo.HeaderXRequestID))
	}
	if c.Response().Committed { // it began well, and is cut off by accessLog
		if status == http.StatusServiceUnavailable {
			e.log.Warn("an answer broke off", "route", c.Path(), "error", err, "requestID", c.Response().Header().Get(echo.HeaderXRequestID))
		}
		return
	}
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
	}
	answer := e.handlers.ErrorPage
	if isAPI(c.Request().URL.Path) {
		answer = answerProblem
	}
	if err := answer(c, status, err); err != nil {
		e.log.Error("an error could not be answered", "route", c.Path(), "error", err,
			"requestID", c.Response().Header().Get(echo.HeaderXRequestID))
	}
}

const (
	problemType = "application/problem+json"
	someFields  = "Some fields need a change."
)

// problem is an error as RFC 9457 has it.
type problem struct {
	Status int            `json:"status"`
	Title  string         `json:"title"`
	Detail string         `json:"detail,omitempty"`
	Errors []problemField `json:"errors,omitempty"`
}

// problemField is what is wrong with one field. It never holds the value.
type problemField struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// problemOf is the one place where an error of ours becomes a problem. What the library itself finds wrong is newProblem's.
func problemOf(err error, requestID string) *problem {
	status := handlers.Status(err)
	p := &problem{Status: status, Title: http.StatusText(status), Detail: refusal(err)}
	invalid, conflict := models.Invalid(nil), (*models.Conflict)(nil)
	switch {
	case errors.As(err, &invalid):
		p.Detail = someFields
		for _, f := range invalid {
			p.Errors = append(p.Errors, problemField{Location: f.Field, Message: f.Message})
		}
	case errors.As(err, &conflict) && conflict.Field != "":
		p.Errors = []problemField{{Location: conflict.Field, Message: conflict.Detail}}
	case status == http.StatusInternalServerError:
		p.Detail = failedWords(requestID)
	}
	return p
}

func answerProblem(c echo.Context, status int, err error) error {
	text, err := json.Marshal(problemOf(err, c.Response().Header().Get(echo.HeaderXRequestID)))
	if err != nil {
		return fmt.Errorf("write a problem: %w", err)
	}
	return c.Blob(status, problemType, text)
}

// failedWords say what happened when it is nobody's doing but ours, and where to look.
func failedWords(requestID string) string {
	return "Stackhook failed. Its log has more under the request id " + requestID + "."
}
