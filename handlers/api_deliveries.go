package handlers

import (
	"context"
	"slices"
	"unicode/utf8"

	"stackhook/models"
	"stackhook/models/store"
)

type deliveriesInput struct {
	InStack
	InList
	Status  models.Status `query:"status" enum:"pending,delivered,failed,skipped"`
	State   models.State  `query:"state"`
	Reason  models.Reason `query:"reason"`
	Code    int           `query:"code" minimum:"100" maximum:"999" doc:"The exact status code of the last answer"`
	Run     string        `query:"run" doc:"A run's id"`
	Webhook string        `query:"webhook" doc:"A webhook's id"`
	ID      string        `query:"id" doc:"A delivery's id"`
	From    string        `query:"from" doc:"Events from then on: Unix seconds or RFC 3339"`
	To      string        `query:"to" doc:"Events before: Unix seconds or RFC 3339"`
}

func (in deliveriesInput) filter(stack models.Stack) (store.DeliveryFilter, error) {
	var bad models.Invalid
	if in.State != "" && !in.State.Known() {
		bad.Add("state", "must be one of %v", models.States())
	}
	if in.Reason != "" && !slices.Contains(models.Reasons(), in.Reason) {
		bad.Add("reason", "must be one of %v", models.Reasons())
	}
	if in.Cursor != "" && normalID(in.Cursor) == "" {
		bad.Add("cursor", "is not a cursor of this list: start from its first page")
	}
	f := store.DeliveryFilter{
		Stack: &stack, Webhook: in.Webhook, Status: in.Status, State: in.State, Reason: in.Reason, Code: in.Code, Run: in.Run, ID: in.ID,
		From: instant(&bad, "from", in.From), To: instant(&bad, "to", in.To),
	}
	return f, bad.Err()
}

// DeliveryBody is a delivery as the API shows it. Times are in Unix seconds; one that is not there did not happen.
type DeliveryBody struct {
	ID           string        `json:"id" doc:"Sent as webhook-id with every attempt"`
	Webhook      string        `json:"webhook" doc:"The webhook's id"`
	Run          string        `json:"run" doc:"The run's id"`
	State        models.State  `json:"state"`
	StateVersion int64         `json:"stateVersion"`
	Status       models.Status `json:"status"`
	Reason       models.Reason `json:"reason,omitempty" doc:"Of the end, or of the last attempt while pending"`
	Code         int           `json:"code,omitempty" doc:"The status code of the last answer"`
	Attempt      int           `json:"attempt" doc:"The number of the newest attempt; 0 before the first"`
	Test         bool          `json:"test,omitempty" doc:"A test delivery, of no run"`
	CreatedAt    int64         `json:"createdAt"`
	DueAt        *int64        `json:"dueAt,omitempty" doc:"When the next attempt is due, or the one in flight is given up"`
	DeliveredAt  *int64        `json:"deliveredAt,omitempty" doc:"When it was first accepted"`
	EndedAt      *int64        `json:"endedAt,omitempty"`
}

func deliveryOf(d models.Delivery) DeliveryBody {
	return DeliveryBody{
		ID: d.ID, Webhook: d.WebhookID, Run: d.RunID, State: d.State, StateVersion: d.StateVersion, Status: d.Status, Reason: d.Reason,
		Code: d.Code, Attempt: d.Attempt, Test: d.Test, CreatedAt: d.CreatedAt.Unix(), DueAt: unixOrNil(d.DueAt),
		DeliveredAt: unixOrNil(d.FirstDelivered), EndedAt: unixOrNil(d.EndedAt),
	}
}

type deliveryList struct {
	Deliveries []DeliveryBody `json:"deliveries"`
	Next       string         `json:"next,omitempty" doc:"The cursor of the next page; left out on the last"`
}

// APIDeliveries lists a stack's deliveries.
func (h *Handlers) APIDeliveries(ctx context.Context, in *deliveriesInput) (*answer[deliveryList], error) {
	c := caller(ctx)
	filter, err := in.filter(c.Stack)
	if err != nil {
		return nil, err
	}
	page, err := h.Store.Deliveries(ctx, c.Viewer, filter, in.page())
	if err != nil {
		return nil, err
	}
	list := deliveryList{Deliveries: []DeliveryBody{}, Next: page.Older}
	for _, r := range page.Rows {
		list.Deliveries = append(list.Deliveries, deliveryOf(r.Delivery))
	}
	return &answer[deliveryList]{list}, nil
}

// attemptBody is an attempt as the API shows it. Durations are in milliseconds.
type attemptBody struct {
	Number       int             `json:"number"`
	StartedAt    int64           `json:"startedAt" doc:"Unix seconds"`
	Reason       models.Reason   `json:"reason,omitempty" doc:"Left out for a success"`
	Detail       string          `json:"detail,omitempty" doc:"What the reason means here"`
	Code         int             `json:"code,omitempty"`
	URL          string          `json:"url"`
	Address      string          `json:"address,omitempty" doc:"The address dialled"`
	Protocol     string          `json:"protocol,omitempty"`
	Milliseconds float64         `json:"milliseconds" doc:"In all"`
	Request      []models.Header `json:"requestHeaders"`
	Response     []models.Header `json:"responseHeaders"`
	Body         []byte          `json:"responseBody,omitempty" doc:"The first 16 KiB, as base64, where the body is not UTF-8 text"`
	Text         string          `json:"responseText,omitempty" doc:"The first 16 KiB, where the body is UTF-8 text"`
	Cut          bool            `json:"cut,omitempty" doc:"The body had more, or broke off"`
}

func attemptOf(a models.Attempt) attemptBody {
	b := attemptBody{
		Number: a.Number, StartedAt: a.StartedAt.Unix(), Reason: a.Reason, Detail: a.Detail, Code: a.Code, URL: a.URL, Address: a.Address,
		Protocol: a.Protocol, Milliseconds: float64(a.Total.Microseconds()) / 1000,
		Request: orEmpty(a.Exchange.RequestHeaders), Response: orEmpty(a.Exchange.ResponseHeaders), Cut: a.Exchange.Cut,
	}
	if body := a.Exchange.ResponseBody; utf8.Valid(body) {
		b.Text = string(body)
	} else {
		b.Body = body
	}
	return b
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

type shownDelivery struct {
	DeliveryBody
	Payload  string        `json:"payload" doc:"The body, byte for byte as it is sent"`
	Attempts []attemptBody `json:"attempts" doc:"Newest first"`
}

type deliveryInput struct {
	InStack
	Delivery string `path:"delivery" doc:"The delivery's id"`
}

// APIShowDelivery shows a delivery with its attempts.
func (h *Handlers) APIShowDelivery(ctx context.Context, in *deliveryInput) (*answer[shownDelivery], error) {
	d, err := h.Store.Delivery(ctx, caller(ctx).Stack, in.Delivery)
	if err != nil {
		return nil, err
	}
	event, err := h.Store.Event(ctx, d.EventID)
	if err != nil {
		return nil, err
	}
	attempts, err := h.Store.Attempts(ctx, d)
	if err != nil {
		return nil, err
	}
	shown := shownDelivery{DeliveryBody: deliveryOf(d), Payload: string(event.Payload), Attempts: []attemptBody{}}
	for _, a := range attempts {
		shown.Attempts = append(shown.Attempts, attemptOf(a))
	}
	return &answer[shownDelivery]{shown}, nil
}

// APIRedeliver makes a delivery pending and due now.
func (h *Handlers) APIRedeliver(ctx context.Context, in *deliveryInput) (*answer[DeliveryBody], error) {
	c := caller(ctx)
	if err := h.Store.Redeliver(ctx, c.Viewer.Actor(), c.Stack, in.Delivery); err != nil {
		return nil, err
	}
	d, err := h.Store.Delivery(ctx, c.Stack, in.Delivery)
	return &answer[DeliveryBody]{deliveryOf(d)}, err
}
