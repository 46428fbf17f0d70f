package handlers

import (
	"context"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

type talliesInput struct {
	InStack
	Span    string `query:"span" enum:"1h,24h,7d,30d" default:"24h" doc:"How long back from now: 1h in steps of a minute, 24h of half an hour, 7d of six hours, 30d of a day, aligned to UTC"`
	Webhook string `query:"webhook" doc:"A webhook's id: only its deliveries"`
}

// talliesBody is what charts show.
type talliesBody struct {
	Span        string      `json:"span"`
	StepSeconds int64       `json:"stepSeconds"`
	Total       tallyBody   `json:"total" doc:"Of the whole span, from the beginning of its first step"`
	Steps       []tallyBody `json:"steps" doc:"Oldest first; the last one is not over. A step in which nothing ended has zeros"`
}

// tallyBody counts what ended within a time.
type tallyBody struct {
	At        int64    `json:"at" doc:"When that time began, in Unix seconds"`
	Delivered int64    `json:"delivered"`
	Failed    int64    `json:"failed"`
	Skipped   int64    `json:"skipped"`
	P50       *float64 `json:"p50,omitempty" doc:"Milliseconds that half of the delivered took at most, in their last attempt: estimated from counts between bounds, of which the last is 10,000. Left out where nothing was delivered"`
	P95       *float64 `json:"p95,omitempty"`
	P99       *float64 `json:"p99,omitempty"`
}

func tallyOf(t models.Tally) tallyBody {
	percentile := func(percent float64) *float64 {
		took, any := t.Percentile(percent)
		if !any {
			return nil
		}
		ms := millis(took)
		return &ms
	}
	return tallyBody{
		At: t.At.Unix(), Delivered: t.Delivered, Failed: t.Failed, Skipped: t.Skipped, P50: percentile(50), P95: percentile(95), P99: percentile(99),
	}
}

// APITallies counts what ended over time, tests left out, from the counters that charts show.
func (h *Handlers) APITallies(ctx context.Context, in *talliesInput) (*answer[talliesBody], error) {
	c := caller(ctx)
	span := models.SpanNamed(in.Span)
	webhook := normalID(in.Webhook)
	if in.Webhook != "" && webhook == "" {
		return nil, models.Invalid{{Field: "webhook", Message: wholeID}}
	}
	tallies, err := h.Store.Tallies(ctx, c.Viewer, store.TallyScope{Stack: &c.Stack, Webhook: webhook}, span, time.Now())
	if err != nil {
		return nil, err
	}
	body := talliesBody{Span: span.Name, StepSeconds: int64(span.Step / time.Second), Steps: []tallyBody{}}
	total := models.Tally{At: tallies[0].At}
	for _, t := range tallies {
		total.Add(t)
		body.Steps = append(body.Steps, tallyOf(t))
	}
	body.Total = tallyOf(total)
	return &answer[talliesBody]{body}, nil
}
