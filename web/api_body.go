package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"stackhook/handlers"
)

const jsonType = "application/json"

// body checks a body before the library decodes it. It comes after access: whoever may not report learns nothing about
// bodies.
func (e *edge) body(ctx huma.Context, next func(huma.Context)) {
	s, takes := e.bodies[ctx.Operation().OperationID]
	if !takes {
		next(ctx)
		return
	}
	c := humaecho.Unwrap(ctx)
	text, err := readBody(c.Request())
	if err == nil {
		err = checkJSON(text, s)
	}
	if err != nil {
		e.answerError(err, c)
		return
	}
	c.Request().Body = io.NopCloser(bytes.NewReader(text))
	next(ctx)
}

// readBody returns the whole body of a request, which must say that it is JSON. How long it may be is limitBody's.
func readBody(r *http.Request) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if (err != nil || media != jsonType) && r.ContentLength != 0 { // nothing at all is of no type
		return nil, &handlers.Problem{Status: http.StatusUnsupportedMediaType, Detail: "Send the body as " + jsonType + ", and say so in the header Content-Type."}
	}
	r.Header.Set("Content-Type", jsonType) // the library knows this spelling alone
	return readAll(r)
}

// readAll returns the whole body of a request, of whatever type.
func readAll(r *http.Request) ([]byte, error) {
	text, err := io.ReadAll(r.Body)
	if long, is := errors.AsType[*http.MaxBytesError](err); is {
		return nil, &handlers.Problem{
			Status: http.StatusRequestEntityTooLarge,
			Detail: fmt.Sprintf("The body has more than %d KiB, which is the most that is read.", long.Limit>>10),
		}
	}
	if err != nil {
		return nil, &handlers.Problem{Status: http.StatusBadRequest, Detail: "The body broke off before its end.", Cause: err}
	}
	return text, nil
}
