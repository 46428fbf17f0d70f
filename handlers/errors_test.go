package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"stackhook/models"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		detail string
	}{
		{models.ErrNotFound, http.StatusNotFound, ""},
		{models.ErrForbidden, http.StatusForbidden, ""},
		{models.ErrUnauthorized, http.StatusUnauthorized, ""},
		{models.ErrUnavailable, http.StatusServiceUnavailable, ""},
		{models.Invalid{{Field: "name", Message: "Enter a name."}}, http.StatusUnprocessableEntity, "name: Enter a name."},
		{&models.Conflict{Field: "id", Detail: "It is taken."}, http.StatusConflict, "It is taken."},
		{&models.Refused{Reason: "It is deleted."}, http.StatusConflict, "It is deleted."},
		{&Problem{Status: http.StatusTeapot, Detail: "Short and stout.", Cause: models.ErrNotFound}, http.StatusTeapot, "Short and stout."},
		{&http.MaxBytesError{Limit: 64 << 10}, http.StatusInternalServerError, ""}, // only form knows that it is the sender's doing
		{TooLarge(64 << 10), http.StatusRequestEntityTooLarge, "What was sent has more than 64 KiB, which is the most that is read. Go back and shorten it."},
		{echo.ErrNotFound, http.StatusNotFound, ""},
		{echo.ErrMethodNotAllowed, http.StatusMethodNotAllowed, ""},
		{context.Canceled, statusClientGone, ""},
		{errors.New("the disk is on fire"), http.StatusInternalServerError, ""},
		{nil, http.StatusInternalServerError, ""},
	} {
		wrapped := c.err
		if c.err != nil {
			wrapped = fmt.Errorf("what was done: %w", c.err)
		}
		if got := Status(wrapped); got != c.status {
			t.Errorf("%v: %d, want %d", c.err, got, c.status)
		}
		if got := Detail(wrapped); got != c.detail {
			t.Errorf("%v: %q, want %q", c.err, got, c.detail)
		}
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	invalid := models.Invalid{{Field: "name", Message: "Enter a name."}}
	if bad, err := Fields(fmt.Errorf("save: %w", invalid)); err != nil || bad.Message("name") != "Enter a name." {
		t.Error(bad, err)
	}
	if bad, err := Fields(fmt.Errorf("save: %w", &models.Conflict{Field: "id", Detail: "It is taken."})); err != nil || bad.Message("id") != "It is taken." {
		t.Error(bad, err)
	}
	if bad, err := Fields(models.ErrUnavailable); !errors.Is(err, models.ErrUnavailable) || bad != nil {
		t.Error(bad, err)
	}
	if bad, err := Fields(nil); err != nil || bad != nil {
		t.Error(bad, err)
	}
}

func TestEveryStatusHasItsWords(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		models.ErrNotFound, models.ErrForbidden, models.ErrUnauthorized, models.ErrUnavailable,
		models.Invalid{{}},
		&models.Conflict{}, &models.Refused{}, echo.ErrMethodNotAllowed, TooLarge(1), unreadable(errors.New("no form")),
		&Problem{Status: http.StatusTooManyRequests},
	} {
		if w := errorWords[Status(err)]; w.title == "" || w.text == "" {
			t.Errorf("%d (%v) has no words", Status(err), err)
		}
	}
}
