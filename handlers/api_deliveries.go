package handlers

import (
	"context"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

type deliveriesInput struct {
	InStack
	InList
	Status  models.Status `query:"status" enum:"pending,delivered,failed,skipped" doc:"Answered from an index, but for delivered, which nearly all are"`
	State   models.State  `query:"state" enum:"QUEUED,READY,PREPARING,INITIALIZING,PLANNING,PENDING_REVIEW,UNCONFIRMED,CONFIRMED,REPLAN_REQUESTED,PREPARING_REPLAN,PREPARING_APPLY,APPLYING,PERFORMING,DESTROYING,FINISHED,FAILED,DISCARDED,CANCELED,STOPPED,SKIPPED" doc:"The run's state that was delivered. Searched, see searchedTo"`
	Reason  models.Reason `query:"reason" enum:"dns,refused,unreachable,reset,timeout,tls,blocked_address,redirect,status_4xx,status_5xx,gone,protocol,interrupted,internal,expired,webhook_deleted,webhook_disabled" doc:"Why it failed or was skipped, or why its last attempt failed. Searched, see searchedTo"`
	Code    string        `query:"code" example:"503" doc:"The status code of the last answer, or a class of them such as 5xx. A class, 200 and 204 are searched, see searchedTo; other codes are answered from an index"`
	Run     string        `query:"run" doc:"A run's id"`
	Webhook string        `query:"webhook" doc:"A webhook's id"`
	ID      string        `query:"id" doc:"A delivery's id, or what it begins with. Ids begin with the time"`
	From    string        `query:"from" example:"2026-10-06T14:30:00Z" doc:"Deliveries created from then on: RFC 3339, or without a zone in UTC, or Unix seconds"`
	To      string        `query:"to" example:"2026-10-06T15:00:00Z" doc:"Deliveries created before, in the same forms"`
}

// newer begins the cursors of pages that are newer.
const newer = "~"

func (in deliveriesInput) parse(stack models.Stack) (store.DeliveryFilter, store.Page, error) {
	f, bad := parseLogFilter(views.LogFilter{
		Status: string(in.Status), State: string(in.State), Reason: string(in.Reason), Code: strings.TrimSpace(in.Code), Run: in.Run,
		Webhook: in.Webhook, ID: in.ID, From: strings.TrimSpace(in.From), To: strings.TrimSpace(in.To),
	}, &stack, nil, time.Now())
	page := in.page()
	if cursor, is := strings.CutPrefix(in.Cursor, newer); is {
		page.Older, page.Newer = "", cursor
	}
	if in.Cursor != "" && normalID(page.Older+page.Newer) == "" {
		bad.Add("cursor", "This is not a cursor of this list. Start from its first page.")
	}
	return f, page, bad.Err()
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
	Deliveries []DeliveryBody `json:"deliveries" doc:"Newest first"`
	Next       string         `json:"next,omitempty" doc:"The cursor of the next page, which is older; left out on the last"`
	Previous   string         `json:"previous,omitempty" doc:"The cursor of the page before, which is newer; left out on the newest"`
	SearchedTo *int64         `json:"searchedTo,omitempty" doc:"What no index tells is searched, through at most 20,000 deliveries a page. Where that ended before the page was full, this says up to which time, in Unix seconds: go on with next, or with previous where the cursor came from there"`
}

// APIDeliveries lists a stack's deliveries.
func (h *Handlers) APIDeliveries(ctx context.Context, in *deliveriesInput) (*answer[deliveryList], error) {
	c := caller(ctx)
	filter, page, err := in.parse(c.Stack)
	if err != nil {
		return nil, err
	}
	rows, err := h.Store.Deliveries(ctx, c.Viewer, filter, page)
	if err != nil {
		return nil, err
	}
	list := deliveryList{Deliveries: []DeliveryBody{}, Next: rows.Older, SearchedTo: unixOrNil(models.IDTime(rows.SearchedTo))}
	if rows.Newer != "" {
		list.Previous = newer + rows.Newer
	}
	for _, r := range rows.Rows {
		list.Deliveries = append(list.Deliveries, deliveryOf(r.Delivery))
	}
	return &answer[deliveryList]{list}, nil
}

type shownDelivery struct {
	DeliveryBody
	Payload  string        `json:"payload" doc:"The body, byte for byte as it is sent"`
	Attempts []attemptBody `json:"attempts" doc:"Newest first"`
}

// OfDelivery is what the path of an operation on a delivery has.
type OfDelivery struct {
	InStack
	Delivery string `path:"delivery" doc:"The delivery's id"`
}

// APIShowDelivery shows a delivery with its attempts.
func (h *Handlers) APIShowDelivery(ctx context.Context, in *OfDelivery) (*answer[shownDelivery], error) {
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
func (h *Handlers) APIRedeliver(ctx context.Context, in *OfDelivery) (*answer[DeliveryBody], error) {
	c := caller(ctx)
	if err := h.Store.Redeliver(ctx, c.Viewer.Actor(), c.Stack, in.Delivery); err != nil {
		return nil, err
	}
	d, err := h.Store.Delivery(ctx, c.Stack, in.Delivery)
	return &answer[DeliveryBody]{deliveryOf(d)}, err
}
