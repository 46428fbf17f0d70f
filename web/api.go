package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// The library keeps these for the whole process. Its errors echo what was sent; ours do not.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return newProblem(status, detail, errs)
	}
	huma.NewErrorWithContext = func(_ huma.Context, status int, detail string, errs ...error) huma.StatusError {
		return newProblem(status, detail, errs)
	}
}

// newAPI returns the JSON API without operations.
func (e *edge) newAPI() huma.API {
	c := huma.DefaultConfig("Stackhook", e.handlers.Version)
	c.Info.Description = "Report the state changes of infrastructure runs, read what was delivered, and deliver it again."
	c.Servers = []*huma.Server{{URL: strings.TrimSuffix(e.handlers.BaseURL.String(), "/")}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of one stack or of all, with the scope report, read or admin."},
	}
	c.Security = []map[string][]string{{"token": {}}}
	c.OpenAPIPath = ""                       // see describe
	c.DocsPath, c.SchemasPath = "", ""       // its pages load scripts from elsewhere
	c.CreateHooks, c.Transformers = nil, nil // they add $schema to every answer
	format := huma.Format{Marshal: writeJSON, Unmarshal: json.Unmarshal}
	c.Formats = map[string]huma.Format{jsonType: format, "json": format} // "json" is what ends with +json: problems do
	c.DefaultFormat = jsonType
	c.RejectUnknownQueryParameters = true // a filter that is misspelt must not look like one that everything passes
	return humaecho.New(e.echo, c)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// describe serves the description of the API in OpenAPI 3.1. It needs no token: it says what the help pages say.
func (e *edge) describe(api huma.API) {
	text, err := json.Marshal(api.OpenAPI())
	if err != nil {
		panic("web: the API cannot be described: " + err.Error()) // it is the same at every start
	}
	e.echo.GET("/api/v1/openapi.json", func(c echo.Context) error { return c.Blob(http.StatusOK, jsonType, text) })
}

// Error, GetStatus and ContentType make a problem what the library answers errors with.
func (p *problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *problem) GetStatus() int { return p.Status }

// ContentType returns the media type of RFC 9457.
func (p *problem) ContentType(string) string { return problemType }

// newProblem turns what the library found wrong into a problem, without the values that were sent.
func newProblem(status int, detail string, errs []error) *problem {
	p := &problem{Status: status, Title: http.StatusText(status), Detail: detail}
	for _, err := range errs {
		var found huma.ErrorDetailer
		if errors.As(err, &found) {
			d := found.ErrorDetail()
			p.Errors = append(p.Errors, problemField{Location: location(d.Location), Message: d.Message})
		}
	}
	if status == http.StatusUnprocessableEntity {
		p.Detail = someFields
	}
	return p
}

// location names a field as the contract does: "limit", not "query.limit".
func location(path string) string {
	for _, part := range []string{"query.", "path."} {
		if rest, is := strings.CutPrefix(path, part); is {
			path = rest
			break
		}
	}
	return fmt.Sprintf("%.*s", maxLocation, path)
}

// maxLocation is how much of a field's name is told. Ours are far shorter; an unknown one may be anything.
const maxLocation = 100

// answered turns an error of an operation into what the library answers. One of ours is logged here, once.
func (e *edge) answered(ctx context.Context, method string, err error) error {
	id, _ := ctx.Value(requestIDKey{}).(string)
	p := problemOf(err, id)
	switch p.Status {
	case http.StatusInternalServerError:
		e.log.ErrorContext(ctx, "API request failed", "error", err, "requestID", id)
	case http.StatusServiceUnavailable:
		if method == http.MethodPost {
			p.Detail = "Whether this was stored is not known. Repeat it; a report with id and stateVersion counts once."
		}
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {retryAfter}})
	}
	return p
}
