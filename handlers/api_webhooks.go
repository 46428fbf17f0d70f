package handlers

import (
	"context"

	"stackhook/models"
)

// webhookBody is a webhook as the API shows it: never with its secret.
type webhookBody struct {
	ID          string             `json:"id"`
	Endpoint    string             `json:"endpoint" doc:"As typed"`
	URL         string             `json:"url" doc:"As sent to"`
	Enabled     bool               `json:"enabled"`
	DisabledWhy models.DisabledWhy `json:"disabledWhy,omitempty" doc:"person or gone"`
	HasSecret   bool               `json:"hasSecret"`
	Fingerprint string             `json:"secretFingerprint,omitempty" doc:"Tells two secrets apart without giving them away"`
	Next        string             `json:"nextSecretFingerprint,omitempty" doc:"Of a secret that is prepared to become the current one"`
	Previous    string             `json:"previousSecretFingerprint,omitempty" doc:"Of the secret before, while it signs too"`
	CreatedAt   int64              `json:"createdAt" doc:"Unix seconds"`
	UpdatedAt   int64              `json:"updatedAt" doc:"Unix seconds"`
	DeliveredAt *int64             `json:"lastDeliveredAt,omitempty" doc:"Unix seconds"`
	DeletedAt   *int64             `json:"deletedAt,omitempty" doc:"Unix seconds"`
}

func webhookOf(w models.Webhook) webhookBody {
	return webhookBody{
		ID: w.ID, Endpoint: w.Endpoint, URL: w.EndpointURL, Enabled: w.Enabled, DisabledWhy: w.DisabledWhy, HasSecret: w.HasSecret(),
		Fingerprint: w.SecretFingerprint, Next: w.NextSecret.Fingerprint, Previous: w.PreviousSecret.Fingerprint,
		CreatedAt: w.CreatedAt.Unix(), UpdatedAt: w.UpdatedAt.Unix(),
		DeliveredAt: unixOrNil(w.LastDeliveredAt), DeletedAt: unixOrNil(w.DeletedAt),
	}
}

type webhookList struct {
	Webhooks []webhookBody `json:"webhooks" doc:"Oldest first"`
}

// APIWebhooks lists a stack's webhooks.
func (h *Handlers) APIWebhooks(ctx context.Context, _ *InStack) (*answer[webhookList], error) {
	webhooks, err := h.Store.Webhooks(ctx, caller(ctx).Stack)
	list := webhookList{Webhooks: []webhookBody{}}
	for _, w := range webhooks {
		list.Webhooks = append(list.Webhooks, webhookOf(w))
	}
	return &answer[webhookList]{list}, err
}

type webhookInput struct {
	InStack
	Webhook string `path:"webhook" doc:"The webhook's id"`
}

// APIShowWebhook shows one webhook, also a deleted one.
func (h *Handlers) APIShowWebhook(ctx context.Context, in *webhookInput) (*answer[webhookBody], error) {
	w, err := h.Store.Webhook(ctx, caller(ctx).Stack, in.Webhook)
	return &answer[webhookBody]{webhookOf(w)}, err
}

type secretBody struct {
	Secret string `json:"secret" doc:"Empty if there is none"`
}

// APIRevealSecret answers with a webhook's secret and records that it was viewed.
func (h *Handlers) APIRevealSecret(ctx context.Context, in *webhookInput) (*answer[secretBody], error) {
	c := caller(ctx)
	secret, err := h.Store.RevealSecret(ctx, c.Viewer.Actor(), c.Stack, in.Webhook)
	return &answer[secretBody]{secretBody{secret}}, err
}
