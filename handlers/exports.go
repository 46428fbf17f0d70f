package handlers

import (
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// DeliveriesCSV is what a filter lets through of a log as a file for spreadsheets.
func (h *Handlers) DeliveriesCSV(c echo.Context) error {
	return exportCSV(c, exportHead, exportedDelivery.cells, h.exportDeliveries)
}

// DeliveriesNDJSON is the same for programs, one JSON object a line.
func (h *Handlers) DeliveriesNDJSON(c echo.Context) error {
	return exportNDJSON(c, h.exportDeliveries)
}

// exportDeliveries reads from the address what is exported.
func (h *Handlers) exportDeliveries(c echo.Context) (e exported[exportedDelivery], err error) {
	var stack *models.Stack
	name := "stackhook"
	if c.Param("stack") != "" {
		s, err := h.stack(c)
		if err != nil {
			return e, err
		}
		stack, name = &s, name+"-"+s.ID
	}
	var stacks []models.Stack
	shown := logFilter(c.QueryParams())
	if shown.Stack != "" {
		if stacks, err = h.Store.Stacks(c.Request().Context(), Viewer(c)); err != nil {
			return e, err
		}
	}
	filter, bad := parseLogFilter(shown, stack, stacks, time.Now())
	if shown.Query != "" && len(bad) == 0 {
		bad.Add("q", "Open the log with this id first, and export what it then shows.")
	}
	e.name = name + "-deliveries-" + time.Now().UTC().Format(fileStamp)
	e.each = func(take func([]exportedDelivery) error) error {
		return h.Store.ExportDeliveries(c.Request().Context(), Viewer(c), filter, func(rows []store.DeliveryRow) error {
			lines := make([]exportedDelivery, len(rows))
			for i, row := range rows {
				lines[i] = exportOf(row)
			}
			return take(lines)
		})
	}
	return e, bad.Err()
}

// exportedDelivery is a delivery in an exported file. Such a file is made to be handed on, and an endpoint's path can be a
// secret: the webhook is named by its id and host.
type exportedDelivery struct {
	DeliveryBody
	Stack         string  `json:"stack"`
	StackName     string  `json:"stackName"`
	WebhookHost   string  `json:"webhookHost"`
	Milliseconds  float64 `json:"milliseconds,omitempty"` // of the last attempt
	RedeliveredAt *int64  `json:"redeliveredAt,omitempty"`
}

func exportOf(r store.DeliveryRow) exportedDelivery {
	return exportedDelivery{
		DeliveryBody: deliveryOf(r.Delivery), Stack: r.StackID, StackName: r.StackName, WebhookHost: r.EndpointHost,
		Milliseconds: float64(r.Duration.Microseconds()) / 1000, RedeliveredAt: unixOrNil(r.RedeliveredAt),
	}
}

// exportHead names the columns of a CSV file as the fields of the JSON.
var exportHead = []string{
	"id", "stack", "stackName", "webhook", "webhookHost", "run", "state", "stateVersion", "test", "status", "reason", "code",
	"attempt", "milliseconds", "createdAt", "dueAt", "deliveredAt", "endedAt", "redeliveredAt",
}

func (e exportedDelivery) cells() []string {
	return []string{
		views.Cell(e.ID), views.Cell(e.Stack), views.Cell(e.StackName), views.Cell(e.Webhook), views.Cell(e.WebhookHost), views.Cell(e.Run),
		views.Cell(string(e.State)), strconv.FormatInt(e.StateVersion, 10), strconv.FormatBool(e.Test), views.Cell(string(e.Status)),
		views.Cell(string(e.Reason)), unlessZero(float64(e.Code)), strconv.Itoa(e.Attempt), unlessZero(e.Milliseconds), timeCell(&e.CreatedAt),
		timeCell(e.DueAt), timeCell(e.DeliveredAt), timeCell(e.EndedAt), timeCell(e.RedeliveredAt),
	}
}

func unlessZero(n float64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// timeCell is an instant as people and spreadsheets read it.
func timeCell(unix *int64) string {
	if unix == nil {
		return ""
	}
	return time.Unix(*unix, 0).UTC().Format(time.RFC3339)
}
