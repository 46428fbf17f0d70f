package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/danielgtaylor/huma/v2/validation"

	"stackhook/handlers"
	"stackhook/models"
)

// The library keeps these for the whole process. Its errors echo what was sent and its keys fit in any letter case; ours
// do neither.
func init() {
	huma.ValidateStrictCasing, huma.DefaultArrayNullable = true, false
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return newProblem(status, detail, errs)
	}
	huma.NewErrorWithContext = func(_ huma.Context, status int, detail string, errs ...error) huma.StatusError {
		return newProblem(status, detail, errs)
	}
}

// newAPI returns the JSON API without operations, with its description at /api/v1/openapi.json.
func (e *edge) newAPI() huma.API {
	c := huma.DefaultConfig("Stackhook", e.handlers.Version)
	c.Info.Description = "Report the state changes of infrastructure runs, read what was delivered, and deliver it again."
	c.Servers = []*huma.Server{{URL: strings.TrimSuffix(e.handlers.BaseURL.String(), "/")}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of one stack or of all, with the scope report, read or admin."},
	}
	c.Security = []map[string][]string{{"token": {}}}
	c.OpenAPIPath = "/api/v1/openapi"
	c.DocsPath, c.SchemasPath = "", ""       // its pages load scripts from elsewhere
	c.CreateHooks, c.Transformers = nil, nil // they add $schema to every answer
	strict := huma.Format{Marshal: writeJSON, Unmarshal: readJSON}
	c.Formats = map[string]huma.Format{"application/json": strict, "json": strict} // "json" is what ends with +json
	c.DefaultFormat = "application/json"
	return humaecho.New(e.echo, c)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// readJSON is called twice for each body: to look at it and to fill a struct. Looking is enough once.
func readJSON(text []byte, v any) error {
	if _, looking := v.(*any); looking {
		if err := checkJSON(text); err != nil {
			return err
		}
	}
	return json.Unmarshal(text, v)
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
		if _, is := errors.AsType[*http.MaxBytesError](err); is {
			status = http.StatusRequestEntityTooLarge
			return &problem{Status: status, Title: http.StatusText(status), Detail: handlers.Detail(handlers.TooLarge(maxReport))}
		}
		var found huma.ErrorDetailer
		if errors.As(err, &found) {
			p.Errors = append(p.Errors, fieldOf(found.ErrorDetail()))
		}
	}
	switch status {
	case http.StatusBadRequest:
		p.Detail = "The body is not the JSON that this takes."
	case http.StatusUnsupportedMediaType:
		p.Detail, p.Errors = "Send the body as application/json.", nil
	case http.StatusUnprocessableEntity:
		p.Detail = someFields
	}
	return p
}

// fieldOf names the field that an error of the library is about. A missing one it calls by the object that lacks it.
func fieldOf(d *huma.ErrorDetail) problemField {
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	if rest, is := strings.CutPrefix(d.Message, before); is {
		if name, is := strings.CutSuffix(rest, after); is {
			return problemField{Location: location(d.Location + "." + name), Message: "must be there"}
		}
	}
	return problemField{Location: location(d.Location), Message: d.Message}
}

// location names a field as the contract does: "commit.hash", not "body.commit.hash".
func location(path string) string {
	for _, part := range []string{"body.", "query.", "path."} {
		if rest, is := strings.CutPrefix(path, part); is {
			return rest
		}
	}
	return path
}

// problemOf turns an error of a handler into a problem. One of ours is logged here, once.
func (e *edge) problemOf(ctx context.Context, err error) error {
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
		e.log.ErrorContext(ctx, "API request failed", "error", err)
		p.Detail = "Stackhook failed. Its log says more."
	case status == http.StatusServiceUnavailable:
		p.Detail = "Whether this was stored is not known. Repeat it, with id and stateVersion."
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {retryAfter}})
	}
	return p
}
