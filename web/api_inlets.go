package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"stackhook/handlers"
)

// maxNotification is the most that is read of a notification, which anybody may send: a hundred times what is usual.
const maxNotification = 256 << 10

const (
	apiInletHCP = "/api/v1/inlets/hcp-terraform/{stack}"
	hcpScheme   = "hcpTerraform" // of security, in the description
)

// mountInlets is the part of the API that other systems call in their own way.
func (e *edge) mountInlets(api huma.API) {
	api.OpenAPI().Components.SecuritySchemes[hcpScheme] = &huma.SecurityScheme{
		Type: "apiKey", In: "header", Name: handlers.HCPSignature,
		Description: "The HMAC-SHA512 of the body in hex, keyed with the token of the stack’s inlet.",
	}
	operation := huma.Operation{
		OperationID: "receive-hcp-terraform", Method: post, Path: apiInletHCP, DefaultStatus: http.StatusOK,
		Summary:     "Take a run notification of HCP Terraform or Terraform Enterprise",
		Description: "The address of a notification configuration with the destination Webhook. An administrator sets it up under the stack’s settings, Inlets. It may be repeated, and come out of order.",
		Security:    []map[string][]string{{hcpScheme: {}}}, Middlewares: huma.Middlewares{e.signedHCP}, Responses: map[string]*huma.Response{},
		Errors: []int{
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestEntityTooLarge,
			http.StatusUnprocessableEntity, http.StatusServiceUnavailable,
		},
	}
	register(e, api, operation, e.handlers.APIReceiveHCP)
	api.OpenAPI().Paths[apiInletHCP].Post.RequestBody = &huma.RequestBody{
		Description: "As HCP Terraform documents it under “Notification payload”.", Required: true,
		Content: map[string]*huma.MediaType{jsonType: {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}},
	}
}

// signedHCP lets only notifications through whose signature is right. They have no token in Authorization.
func (e *edge) signedHCP(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	c.Request().Body = http.MaxBytesReader(c.Response(), c.Request().Body, maxNotification)
	body, err := readAll(c.Request())
	var signed handlers.SignedHCP
	if err == nil {
		signed, err = e.handlers.CheckHCP(ctx.Context(), ctx.Param("stack"), body, ctx.Header(handlers.HCPSignature))
	}
	if err == nil {
		next(huma.WithContext(ctx, handlers.WithSigned(context.WithValue(ctx.Context(), requestIDKey{}, requestIDOf(c)), signed)))
		return
	}
	if handlers.Status(err) == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", handlers.HCPSignature+` realm="stackhook"`)
	}
	e.answerError(err, c)
}
