package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

const (
	apiStack    = "/api/v1/stacks/{stack}"
	apiRuns     = apiStack + "/runs"
	apiRun      = apiRuns + "/{run}"
	apiLog      = apiStack + "/deliveries"
	apiDelivery = apiLog + "/{delivery}"
	apiAgain    = apiStack + "/redeliveries"
	apiHooks    = apiStack + "/webhooks"
	apiHook     = apiHooks + "/{webhook}"
)

// mountAPI is the table of the JSON API.
func (e *edge) mountAPI() {
	api, h := e.newAPI(), e.handlers
	add(e, api, reports, post, apiRuns, http.StatusCreated, "start-run", "Report a new run", h.APIStartRun)
	add(e, api, reports, post, apiRun+"/states", http.StatusCreated, "record-state", "Report that a run changed state", h.APIRecordState)
	add(e, api, readsRuns, get, apiRuns, http.StatusOK, "list-runs", "List runs, newest first", h.APIRuns)
	add(e, api, readsRuns, get, apiRun, http.StatusOK, "show-run", "Show a run with its states", h.APIShowRun)

	add(e, api, reads, get, apiLog, http.StatusOK, "list-deliveries", "List deliveries, newest first", h.APIDeliveries)
	add(e, api, reads, get, apiDelivery, http.StatusOK, "show-delivery", "Show a delivery with its attempts", h.APIShowDelivery)
	add(e, api, reads, get, apiDelivery+"/attempts", http.StatusOK, "list-attempts", "List the attempts of a delivery, newest first", h.APIAttempts)
	add(e, api, administers, post, apiDelivery+"/redeliver", http.StatusOK, "redeliver", "Deliver again", h.APIRedeliver)

	add(e, api, administers, post, apiAgain, http.StatusCreated, "start-redelivery", "Deliver many again", h.APIStartRedelivery)
	add(e, api, administers, get, apiAgain+"/{redelivery}", http.StatusOK, "show-redelivery", "Show how far a redelivery is", h.APIShowRedelivery)
	add(e, api, administers, post, apiAgain+"/{redelivery}/cancel", http.StatusOK, "cancel-redelivery", "Cancel a redelivery", h.APICancelRedelivery)

	add(e, api, reads, get, apiHooks, http.StatusOK, "list-webhooks", "List webhooks", h.APIWebhooks)
	add(e, api, reads, get, apiHook, http.StatusOK, "show-webhook", "Show a webhook", h.APIShowWebhook)
	add(e, api, reads, post, apiHook+"/secret", http.StatusOK, "reveal-secret", "Reveal a webhook's secret, which is recorded", h.APIRevealSecret)
	add(e, api, reads, get, apiStack+"/tallies", http.StatusOK, "list-tallies", "Count what was delivered over time", h.APITallies)
	e.mountInlets(api)
	e.describe(api)
}

// add mounts one operation. Errors of its handler meet the map that pages have.
func add[I, O any](e *edge, api huma.API, may permission, method, path string, status int, id, summary string, answer func(context.Context, *I) (*O, error)) {
	operation := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status,
		MaxBodyBytes:     maxReport + 2, // the limit itself is limitBody's: the library must not stop before it
		SkipValidateBody: true,          // see checkJSON
		Middlewares:      huma.Middlewares{e.access(may), e.body},
		Responses:        map[string]*huma.Response{},
		Errors:           []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
	}
	if method == post {
		operation.Errors = append(operation.Errors, http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	register(e, api, operation, answer)
	if registered := api.OpenAPI().Paths[path].Post; method == post && registered.RequestBody != nil {
		s := bodySchema(api, registered)
		s.mustBeChecked()
		e.bodies[id] = s
	}
	if status == http.StatusCreated {
		repeat := *operation.Responses["201"]
		repeat.Description = "A repeat: the first answer again. Nothing was stored or sent now"
		operation.Responses["200"] = &repeat
	}
}

// register mounts an operation whose errors meet the map that pages have.
func register[I, O any](e *edge, api huma.API, operation huma.Operation, answer func(context.Context, *I) (*O, error)) {
	huma.Register(api, operation, func(ctx context.Context, input *I) (*O, error) {
		output, err := answer(ctx, input)
		if err != nil {
			return nil, e.answered(ctx, operation.Method, err)
		}
		return output, nil
	})
}
