package handlers

import (
	"context"
	"time"
	"unicode/utf8"

	"stackhook/models"
)

// attemptBody is an attempt as the API shows it. Durations are in milliseconds.
type attemptBody struct {
	Number       int             `json:"number"`
	StartedAt    int64           `json:"startedAt" doc:"Unix seconds"`
	Reason       models.Reason   `json:"reason,omitempty" doc:"Left out for a success"`
	Detail       string          `json:"detail,omitempty" doc:"What the reason means here"`
	Code         int             `json:"code,omitempty"`
	URL          string          `json:"url"`
	Address      string          `json:"address,omitempty" doc:"The address dialled"`
	Reused       bool            `json:"reused,omitempty" doc:"An idle connection was used: there was no dns, connect or tls"`
	Protocol     string          `json:"protocol,omitempty"`
	TLSVersion   string          `json:"tlsVersion,omitempty"`
	Certificate  *int64          `json:"certificateExpiresAt,omitempty" doc:"The receiver's, in Unix seconds"`
	Milliseconds float64         `json:"milliseconds" doc:"In all"`
	Phases       phases          `json:"phases" doc:"In milliseconds; 0 for what did not happen"`
	Request      []models.Header `json:"requestHeaders"`
	Response     []models.Header `json:"responseHeaders"`
	Body         []byte          `json:"responseBody,omitempty" doc:"The first 16 KiB, as base64, where the body is not UTF-8 text"`
	Text         string          `json:"responseText,omitempty" doc:"The first 16 KiB, where the body is UTF-8 text"`
	Cut          bool            `json:"cut,omitempty" doc:"The body had more, or broke off"`
}

// phases are those of an attempt.
type phases struct {
	DNS       float64 `json:"dns"`
	Connect   float64 `json:"connect"`
	TLS       float64 `json:"tls"`
	FirstByte float64 `json:"firstByte" doc:"From the request being written"`
	Body      float64 `json:"body"`
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func attemptOf(a models.Attempt) attemptBody {
	b := attemptBody{
		Number: a.Number, StartedAt: a.StartedAt.Unix(), Reason: a.Reason, Detail: a.Detail, Code: a.Code, URL: a.URL, Address: a.Address,
		Reused: a.Reused, Protocol: a.Protocol, TLSVersion: a.TLSVersion, Certificate: unixOrNil(a.CertificateExpiresAt), Milliseconds: millis(a.Total),
		Phases:  phases{millis(a.DNS), millis(a.Connect), millis(a.TLS), millis(a.FirstByte), millis(a.Body)},
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

type attemptList struct {
	Attempts []attemptBody `json:"attempts" doc:"Newest first"`
	Next     string        `json:"next,omitempty" doc:"The cursor of the next page; left out on the last"`
}

// APIAttempts lists the attempts of a delivery.
func (h *Handlers) APIAttempts(ctx context.Context, in *struct {
	OfDelivery
	InList
},
) (*answer[attemptList], error) {
	d, err := h.Store.Delivery(ctx, caller(ctx).Stack, in.Delivery)
	if err != nil {
		return nil, err
	}
	page, err := h.Store.AttemptPage(ctx, d, in.page())
	if err != nil {
		return nil, err
	}
	list := attemptList{Attempts: []attemptBody{}, Next: page.Older}
	for _, a := range page.Rows {
		list.Attempts = append(list.Attempts, attemptOf(a))
	}
	return &answer[attemptList]{list}, nil
}
