package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// redeliveryFilter is that of the list of deliveries.
type redeliveryFilter struct {
	Status  models.Status `json:"status,omitempty" enum:"pending,delivered,failed,skipped"`
	State   models.State  `json:"state,omitempty" enum:"QUEUED,READY,PREPARING,INITIALIZING,PLANNING,PENDING_REVIEW,UNCONFIRMED,CONFIRMED,REPLAN_REQUESTED,PREPARING_REPLAN,PREPARING_APPLY,APPLYING,PERFORMING,DESTROYING,FINISHED,FAILED,DISCARDED,CANCELED,STOPPED,SKIPPED"`
	Reason  models.Reason `json:"reason,omitempty" enum:"dns,refused,unreachable,reset,timeout,tls,blocked_address,redirect,status_4xx,status_5xx,gone,protocol,interrupted,internal,expired,webhook_deleted,webhook_disabled"`
	Code    string        `json:"code,omitempty" example:"503" doc:"A status code, or a class of them such as 5xx"`
	Run     string        `json:"run,omitempty" doc:"A run's id"`
	Webhook string        `json:"webhook,omitempty" doc:"A webhook's id"`
	ID      string        `json:"id,omitempty" doc:"A delivery's id, or what it begins with"`
	From    string        `json:"from,omitempty" example:"2026-10-06T14:30:00Z" doc:"Deliveries created from then on: RFC 3339, or without a zone in UTC, or Unix seconds"`
	To      string        `json:"to,omitempty" example:"2026-10-06T15:00:00Z" doc:"Deliveries created before, in the same forms"`
}

type startRedeliveryInput struct {
	InStack
	Body struct {
		ID        *string           `json:"id,omitempty" doc:"A ULID. With it the call may be repeated" example:"01EF9PFPNFFM2MQXTJKHK1B869"`
		Filter    *redeliveryFilter `json:"filter,omitempty" doc:"All deliveries of the stack that it lets through when the redelivery starts; {} is all. Either this or ids"`
		IDs       []string          `json:"ids,omitempty" minItems:"1" maxItems:"1000" doc:"The deliveries by their ids"`
		PerSecond int               `json:"perSecond,omitempty" minimum:"1" maximum:"200" default:"10" doc:"How many are sent a second at most"`
		Overtaken bool              `json:"overtaken,omitempty" doc:"Also send those of which a newer state of the same run has arrived at the webhook. They are left out otherwise"`
	}
}

// order is what the body asks for.
func (in *startRedeliveryInput) order(stack models.Stack, now time.Time) (store.RedeliveryOrder, error) {
	b := in.Body
	o := store.RedeliveryOrder{ID: models.NewID(now), PerSecond: b.PerSecond, Overtaken: b.Overtaken, Filter: store.DeliveryFilter{Stack: &stack}}
	var bad models.Invalid
	if b.ID != nil {
		if o.ID = normalID(*b.ID); o.ID == "" {
			bad.Add("id", "Send a ULID: 26 letters and digits.")
		}
	}
	if (b.Filter == nil) == (len(b.IDs) == 0) {
		bad.Add("filter", "Send either a filter, where {} is all, or ids.")
	}
	if f := b.Filter; f != nil {
		shown := views.LogFilter{
			Status: string(f.Status), State: string(f.State), Reason: string(f.Reason), Code: strings.TrimSpace(f.Code), Run: f.Run,
			Webhook: f.Webhook, ID: f.ID, From: strings.TrimSpace(f.From), To: strings.TrimSpace(f.To),
		}
		filter, wrong := parseLogFilter(shown, &stack, nil, now)
		for _, e := range wrong {
			bad.Add("filter."+e.Field, "%s", e.Message)
		}
		o.Filter, o.Query = filter, shown.Values().Encode()
	}
	for _, text := range b.IDs {
		id := normalID(text)
		if id == "" {
			bad.Add("ids", wholeID)
			break
		}
		o.Chosen = append(o.Chosen, id)
	}
	return o, bad.Err()
}

// RedeliveryBody is a redelivery as the API shows it. Times are in Unix seconds.
type RedeliveryBody struct {
	ID         string                 `json:"id"`
	State      models.RedeliveryState `json:"state" enum:"running,done,canceled"`
	StartedBy  string                 `json:"startedBy"`
	StartedAt  int64                  `json:"startedAt"`
	EndedAt    *int64                 `json:"endedAt,omitempty"`
	CanceledBy string                 `json:"canceledBy,omitempty"`
	PerSecond  int                    `json:"perSecond"`
	Overtaken  bool                   `json:"overtaken" doc:"Those that a newer state has overtaken are sent as well"`
	Expected   int                    `json:"expected" doc:"How many deliveries it was of at the start; counting stops at 10,001"`
	More       bool                   `json:"more,omitempty" doc:"There were more than expected says"`
	Met        int                    `json:"met" doc:"How many were met so far"`
	Counts     redeliveryCounts       `json:"counts" doc:"What became of those that were met"`
}

type redeliveryCounts struct {
	Sent            int `json:"sent" doc:"Sent again: pending at first, and then as any delivery"`
	Overtaken       int `json:"overtaken" doc:"Left out: a newer state of the same run has arrived"`
	InFlight        int `json:"inFlight" doc:"Refused: being sent at that moment"`
	WebhookDisabled int `json:"webhookDisabled" doc:"Refused"`
	WebhookDeleted  int `json:"webhookDeleted" doc:"Refused"`
	Test            int `json:"test" doc:"Refused: a test delivery"`
	Gone            int `json:"gone" doc:"No delivery of the stack has that id"`
}

func redeliveryBody(r models.Redelivery) RedeliveryBody {
	return RedeliveryBody{
		ID: r.ID, State: r.State, StartedBy: r.By.Name, StartedAt: r.StartedAt.Unix(), EndedAt: unixOrNil(r.EndedAt), CanceledBy: r.CanceledBy,
		PerSecond: r.PerSecond, Overtaken: r.SendOvertaken, Expected: r.Expected, More: r.More, Met: r.Met(),
		Counts: redeliveryCounts{
			Sent: r.Sent, Overtaken: r.Overtaken, InFlight: r.InFlight, WebhookDisabled: r.Disabled, WebhookDeleted: r.Deleted,
			Test: r.Tests, Gone: r.Gone,
		},
	}
}

// APIStartRedelivery starts to send many deliveries again.
func (h *Handlers) APIStartRedelivery(ctx context.Context, in *startRedeliveryInput) (*recordedAnswer[RedeliveryBody], error) {
	c := caller(ctx)
	o, err := in.order(c.Stack, time.Now())
	if err != nil {
		return nil, err
	}
	r, repeated, err := h.Store.StartRedelivery(ctx, c.Viewer.Actor(), o)
	if err != nil {
		return nil, err
	}
	status := http.StatusCreated
	if repeated {
		status = http.StatusOK
	}
	return &recordedAnswer[RedeliveryBody]{status, redeliveryBody(r)}, nil
}

// OfRedelivery is what the path of an operation on a redelivery has.
type OfRedelivery struct {
	InStack
	Redelivery string `path:"redelivery" doc:"The redelivery's id"`
}

// APIShowRedelivery shows how far a redelivery is.
func (h *Handlers) APIShowRedelivery(ctx context.Context, in *OfRedelivery) (*answer[RedeliveryBody], error) {
	stack := caller(ctx).Stack
	r, err := h.Store.Redelivery(ctx, &stack, in.Redelivery)
	return &answer[RedeliveryBody]{redeliveryBody(r)}, err
}

// APICancelRedelivery stops a redelivery. Of one that has ended it changes nothing.
func (h *Handlers) APICancelRedelivery(ctx context.Context, in *OfRedelivery) (*answer[RedeliveryBody], error) {
	c := caller(ctx)
	r, err := h.Store.Redelivery(ctx, &c.Stack, in.Redelivery)
	if err == nil {
		r, err = h.Store.CancelRedelivery(ctx, c.Viewer.Actor(), r)
	}
	return &answer[RedeliveryBody]{redeliveryBody(r)}, err
}
