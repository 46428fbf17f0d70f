package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/models"
)

// Problem is an error of HTTP itself, which has its status and words for whoever asked.
type Problem struct {
	Status int
	Title  string // of the page; "" for the one that goes with the status
	Detail string
	Cause  error // nil if there is nothing more to know
	Logged bool  // the cause is logged, and the page shows the number that finds it
}

func (p *Problem) Error() string {
	if p.Cause != nil {
		return fmt.Sprintf("%s: %v", p.Detail, p.Cause)
	}
	return p.Detail
}

func (p *Problem) Unwrap() error { return p.Cause }

// statusClientGone is what the access log says of a request whose sender did not wait. It reaches nobody.
const statusClientGone = 499

// Status is the one map from errors to HTTP statuses. An error that it does not know is ours: 500.
func Status(err error) int {
	if problem, is := errors.AsType[*Problem](err); is {
		return problem.Status
	}
	if routing, is := errors.AsType[*echo.HTTPError](err); is { // echo's router: 404 and 405
		return routing.Code
	}
	_, invalid := errors.AsType[models.Invalid](err)
	_, conflict := errors.AsType[*models.Conflict](err)
	_, refused := errors.AsType[*models.Refused](err)
	switch {
	case invalid:
		return http.StatusUnprocessableEntity
	case conflict, refused:
		return http.StatusConflict
	case errors.Is(err, models.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, models.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, models.ErrUnauthorized):
		return http.StatusUnauthorized
	case errors.Is(err, models.ErrUnavailable):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		return statusClientGone
	}
	return http.StatusInternalServerError
}

// Detail returns what whoever asked may know of the error: words for what is their doing, "" for the rest.
func Detail(err error) string {
	if problem, is := errors.AsType[*Problem](err); is {
		return problem.Detail
	}
	if invalid, is := errors.AsType[models.Invalid](err); is {
		return invalid.Error()
	}
	if conflict, is := errors.AsType[*models.Conflict](err); is {
		return conflict.Detail
	}
	if refused, is := errors.AsType[*models.Refused](err); is {
		return refused.Reason
	}
	return ""
}

// Fields returns what is wrong with the fields of a form: the messages of a models.Invalid, and that of a
// *models.Conflict at its field. Any other error comes back as it is, for the error page.
func Fields(err error) (models.Invalid, error) {
	if invalid, is := errors.AsType[models.Invalid](err); is {
		return invalid, nil
	}
	if conflict, is := errors.AsType[*models.Conflict](err); is {
		return models.Invalid{{Field: conflict.Field, Message: conflict.Detail}}, nil
	}
	return nil, err
}

// unreadable is a body that is too long or is no form.
func unreadable(err error) error {
	if long, is := errors.AsType[*http.MaxBytesError](err); is {
		return TooLarge(long.Limit)
	}
	return &Problem{Status: http.StatusBadRequest, Detail: "What was sent is not a form.", Cause: err}
}

// TooLarge is a body of more than limit bytes.
func TooLarge(limit int64) error {
	return &Problem{
		Status: http.StatusRequestEntityTooLarge,
		Detail: fmt.Sprintf("What was sent has more than %d KiB, which is the most that is read. Go back and shorten it.", limit>>10),
	}
}
