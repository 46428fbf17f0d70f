package handlers

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// DeliveriesCSV is what a filter lets through of a log as a file for spreadsheets.
func (h *Handlers) DeliveriesCSV(c echo.Context) error {
	return h.export(c, ".csv", "text/csv; charset=utf-8", func(d *download) (func(exportedDelivery) error, error) {
		table := csv.NewWriter(d.Writer) // which then gathers for it too
		table.UseCRLF = true             // RFC 4180
		return func(e exportedDelivery) error { return table.Write(e.cells()) }, table.Write(exportHead)
	})
}

// DeliveriesNDJSON is the same for programs, one JSON object a line.
func (h *Handlers) DeliveriesNDJSON(c echo.Context) error {
	return h.export(c, ".ndjson", "application/x-ndjson", func(d *download) (func(exportedDelivery) error, error) {
		return func(e exportedDelivery) error {
			line, err := plainJSON(e)
			if err != nil {
				return err
			}
			_, err = d.Write(append(line, '\n'))
			return err
		}, nil
	})
}

// export sends the deliveries as a file. begin starts it and returns what writes a delivery.
func (h *Handlers) export(c echo.Context, ending, kind string, begin func(*download) (func(exportedDelivery) error, error)) error {
	filter, name, err := h.exported(c)
	if err != nil {
		return err
	}
	file := newDownload(c, name+ending, kind)
	if c.Request().Method == http.MethodHead {
		file.label()
		return c.NoContent(http.StatusOK)
	}
	write, err := begin(file)
	if err != nil {
		return err
	}
	err = h.Store.ExportDeliveries(c.Request().Context(), Viewer(c), filter, func(rows []store.DeliveryRow) error {
		for _, row := range rows {
			if err := write(exportOf(row)); err != nil {
				return err
			}
		}
		return file.send()
	})
	if err != nil {
		return err
	}
	return file.send()
}

// exported reads from the address what is exported, and what the file is called. All that can be wrong is said here,
// before the file begins.
func (h *Handlers) exported(c echo.Context) (filter store.DeliveryFilter, name string, err error) {
	var stack *models.Stack
	name = "stackhook"
	if c.Param("stack") != "" {
		s, err := h.stack(c)
		if err != nil {
			return filter, "", err
		}
		stack, name = &s, name+"-"+s.ID
	}
	var stacks []models.Stack
	shown := logFilter(c.QueryParams())
	if shown.Stack != "" {
		if stacks, err = h.Store.Stacks(c.Request().Context(), Viewer(c)); err != nil {
			return filter, "", err
		}
	}
	filter, bad := parseLogFilter(shown, stack, stacks, time.Now())
	if shown.Query != "" && len(bad) == 0 {
		bad.Add("q", "Open the log with this id first, and export what it then shows.")
	}
	return filter, name + "-deliveries-" + time.Now().UTC().Format("20060102-150405"), bad.Err()
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
