package handlers

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"stackhook/models"
)

// HCPSignature is the header with the signature of a notification of HCP Terraform.
const HCPSignature = "X-TFE-Notification-Signature"

// SignedHCP is a notification of HCP Terraform whose signature is right.
type SignedHCP struct {
	Stack models.Stack
	Body  []byte
}

type signedKey struct{}

// WithSigned hands it to the operation; middleware of package web does.
func WithSigned(ctx context.Context, s SignedHCP) context.Context {
	return context.WithValue(ctx, signedKey{}, s)
}

// noInlet signs what comes for a stack without an inlet. Nobody knows it, so nothing fits.
var noInlet = sync.OnceValue(models.GenerateInletToken)

// CheckHCP checks the signature of a notification, which is all that vouches for it. Whoever has none that is right is answered the
// same whether there is such an inlet, such a stack, or neither.
func (h *Handlers) CheckHCP(ctx context.Context, stack string, body []byte, signature string) (SignedHCP, error) {
	open, err := h.Store.OpenInlet(ctx, models.InletHCP, stack)
	token := open.Token
	if errors.Is(err, models.ErrNotFound) {
		token, err = noInlet(), nil
	}
	if err != nil {
		return SignedHCP{}, err
	}
	mac := hmac.New(sha512.New, []byte(token))
	mac.Write(body)
	if !hmac.Equal([]byte(strings.ToLower(signature)), []byte(hex.EncodeToString(mac.Sum(nil)))) {
		return SignedHCP{}, &Problem{Status: http.StatusUnauthorized, Detail: "No inlet of this address has a token that made the signature in the header " + HCPSignature + "."}
	}
	return SignedHCP{Stack: open.Stack, Body: body}, nil
}

type receivedHCP struct {
	Notifications []receivedEvent `json:"notifications"`
}

type receivedEvent struct {
	Trigger string                     `json:"trigger"`
	Outcome models.NotificationOutcome `json:"outcome" enum:"started,recorded,repeated,late,ended,verified,kept" doc:"What was made of it"`
	State   models.State               `json:"state,omitempty" doc:"That it means; left out if it means none"`
	Run     string                     `json:"run,omitempty" doc:"The run's id here; left out if it is about none"`
}

// APIReceiveHCP does what a notification of HCP Terraform says.
func (h *Handlers) APIReceiveHCP(ctx context.Context, _ *InStack) (*answer[receivedHCP], error) {
	signed, _ := ctx.Value(signedKey{}).(SignedHCP)
	if !json.Valid(signed.Body) {
		return nil, &Problem{Status: http.StatusBadRequest, Detail: "The body is not one JSON value."}
	}
	events, err := models.ParseHCP(signed.Body, time.Now())
	if err != nil {
		return nil, err
	}
	received := receivedHCP{Notifications: []receivedEvent{}}
	for _, e := range events {
		kept, err := h.Store.ReceiveHCP(ctx, signed.Stack, e, signed.Body)
		if err != nil {
			return nil, err
		}
		received.Notifications = append(received.Notifications, receivedEvent{kept.Trigger, kept.Outcome, kept.State, kept.RunID})
	}
	return &answer[receivedHCP]{received}, nil
}
