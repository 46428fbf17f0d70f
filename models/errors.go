package models

import (
	"errors"
	"fmt"
	"strings"
)

// The closed set of errors that cross package borders. One map in handlers turns them into HTTP statuses.
var (
	// ErrNotFound: there is no such thing, or the viewer must not know that there is.
	ErrNotFound = errors.New("not found")
	// ErrForbidden: the viewer may see it, but not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthorized: nobody known is asking.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrTokenExpired: a token is, and may no more.
	ErrTokenExpired = fmt.Errorf("%w: the token has expired", ErrUnauthorized)
	// ErrUnavailable: the database did not commit in time. Whether it will is unknown; repeating is safe.
	ErrUnavailable = errors.New("the database cannot commit at the moment")
)

// FieldError says what is wrong with one field of a form or of a JSON body, and what to do about it. The message never
// contains the value: it is logged and answered in places where the value must not appear.
type FieldError struct {
	Field   string // the form field's name, or the JSON path such as "commit.hash"
	Message string
}

// Invalid is the list of everything that is wrong with an input. It answers 422.
type Invalid []FieldError

func (e Invalid) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + ": " + f.Message
	}
	return strings.Join(parts, "; ")
}

// Message returns the first message for a field, "" if there is none.
func (e Invalid) Message(field string) string {
	for _, f := range e {
		if f.Field == field {
			return f.Message
		}
	}
	return ""
}

// Add appends a message for a field.
func (e *Invalid) Add(field, format string, args ...any) {
	*e = append(*e, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// Err returns e as an error, or nil when nothing is wrong.
func (e Invalid) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Conflict says that the request is well formed but does not fit what is stored. It answers 409 in the API; a
// form shows it at Field.
type Conflict struct {
	Field  string
	Detail string
}

func (e *Conflict) Error() string { return e.Detail }

// Refused says that the thing exists and the viewer may act on it, but not now. Reason says why, in words for a page.
type Refused struct{ Reason string }

func (e *Refused) Error() string { return e.Reason }
