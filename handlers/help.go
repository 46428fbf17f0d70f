package handlers

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// HelpWebhooks shows how webhooks work.
func (h *Handlers) HelpWebhooks(c echo.Context) error {
	stack, run := sampleRun()
	sample, err := models.EncodePayload(h.Account, stack, run)
	if err != nil {
		return err
	}
	return h.render(c, http.StatusOK, views.HelpWebhooks(views.HelpWebhooksPage{
		Frame: h.frame(c, "How webhooks work", ""), Sample: sample,
		Delays: h.Delays, Timeout: h.Timeout, Expire: h.Expire,
	}))
}

// HelpPipelines shows how pipelines report runs.
func (h *Handlers) HelpPipelines(c echo.Context) error {
	return h.render(c, http.StatusOK, views.HelpPipelines(views.HelpPipelinesPage{
		Frame: h.frame(c, "How pipelines report runs", ""), Address: h.address(),
	}))
}

// address is this installation's, without a slash at its end.
func (h *Handlers) address() string { return strings.TrimSuffix(h.BaseURL.String(), "/") }

// HelpHCP shows how HCP Terraform reports runs.
func (h *Handlers) HelpHCP(c echo.Context) error {
	return h.render(c, http.StatusOK, views.HelpHCP(views.HelpHCPPage{
		Frame: h.frame(c, "How HCP Terraform reports runs", ""), Address: h.BaseURL.JoinPath("api/v1/inlets/hcp-terraform/").String() + "{stack}",
	}))
}

// sampleRun is a run that has everything that a payload can say.
func sampleRun() (models.Stack, models.Run) {
	at := time.Date(2026, time.October, 6, 14, 30, 4, 0, time.UTC).Unix()
	stack := models.Stack{
		ID: "networking-prod", Name: "Networking prod", Description: "Networks of the production account", Labels: []string{"aws", "env:prod"},
	}
	run := models.Run{
		ID: "01K6X4M2ZB8Q0V5T7N3RC9WEAH", Type: models.Tracked, Branch: "main", TriggeredBy: "ada@example.com",
		Commit: models.Commit{
			AuthorLogin: "ada", AuthorName: "Ada Lovelace", Hash: "8d6a1f0c5e3b92747de0c4b8a6f1523908e7cd4b",
			Message: "Add a subnet", Timestamp: at - 124, URL: "https://git.example.com/networking/commit/8d6a1f0",
		},
		CreatedAt: at - 68, State: models.Finished, StateVersion: 7, StateAt: at,
		Delta: &models.Delta{Added: 3, Changed: 1, Resources: 42},
	}
	return stack, run
}
