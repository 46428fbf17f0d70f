package views

import (
	"net/url"
	"strconv"
)

// The pages that have one address.
const (
	LoginPath         = "/login"
	SignOnPath        = "/login/oidc"
	LogoutPath        = "/logout"
	SetupPath         = "/setup"
	ThemePath         = "/theme"
	StacksPath        = "/stacks"
	NewStackPath      = "/stacks/new"
	AllDeliveriesPath = "/deliveries"
	AllFailuresPath   = "/failures"
	RedeliveriesPath  = "/redeliveries"
	UsersPath         = "/users"
	TokensPath        = "/tokens"
	ProfilePath       = "/profile"
	PasswordPath      = "/profile/password"
	SessionsPath      = "/profile/sessions"
	AuditPath         = "/audit"
	HelpWebhooksPath  = "/help/webhooks"
	HelpPipelinesPath = "/help/pipelines"
	HelpHCPPath       = "/help/hcp-terraform"
)

// EndSessionPath is where one of the person's own sessions is ended (POST).
func EndSessionPath(id string) string { return SessionsPath + path(id, "end") }

// StackPath is a stack's first page: its runs.
func StackPath(stack string) string { return path("stacks", stack) }

// StackTokensPath is where a token that reports the runs of a stack is created (POST).
func StackTokensPath(stack string) string { return path("stacks", stack, "tokens") }

// RunPath is the page of one run.
func RunPath(stack, run string) string { return path("stacks", stack, "runs", run) }

// DeliveriesPath is the delivery log of a stack.
func DeliveriesPath(stack string) string { return path("stacks", stack, "deliveries") }

// FailuresPath is what went wrong in the deliveries of a stack.
func FailuresPath(stack string) string { return path("stacks", stack, "failures") }

// DeliveryPath is the page of one delivery.
func DeliveryPath(stack, delivery string) string {
	return path("stacks", stack, "deliveries", delivery)
}

// RedeliverPath is where a delivery is sent again (POST).
func RedeliverPath(stack, delivery string) string {
	return DeliveryPath(stack, delivery) + "/redeliver"
}

// PreviewRedeliveryPath shows what would be sent again (POST).
const PreviewRedeliveryPath = RedeliveriesPath + "/preview"

// RedeliveryPath is a redelivery of many deliveries.
func RedeliveryPath(id string) string { return RedeliveriesPath + path(id) }

// CancelRedeliveryPath cancels it (POST).
func CancelRedeliveryPath(id string) string { return RedeliveryPath(id) + "/cancel" }

// DownloadPath is one delivery as a file.
func DownloadPath(stack, delivery string) string { return DeliveryPath(stack, delivery) + "/download" }

// IntegrationsPath is the first page of a stack's settings.
func IntegrationsPath(stack string) string { return path("stacks", stack, "settings", "integrations") }

// WebhooksPath is where a webhook is created (POST).
func WebhooksPath(stack string) string { return IntegrationsPath(stack) + "/webhooks" }

// NewWebhookPath is the form that adds a webhook.
func NewWebhookPath(stack string) string { return WebhooksPath(stack) + "/new" }

// WebhookPath is the page of one webhook, and where it is updated (POST).
func WebhookPath(stack, webhook string) string { return WebhooksPath(stack) + path(webhook) }

// EditWebhookPath is the form that edits a webhook.
func EditWebhookPath(stack, webhook string) string { return WebhookPath(stack, webhook) + "/edit" }

// AskDeleteWebhookPath is the list of integrations that asks whether to delete a webhook.
func AskDeleteWebhookPath(stack, webhook string) string {
	return IntegrationsPath(stack) + "?delete=" + url.QueryEscape(webhook)
}

// DeleteWebhookPath deletes a webhook (POST).
func DeleteWebhookPath(stack, webhook string) string { return WebhookPath(stack, webhook) + "/delete" }

// WebhookSecretPath reveals a webhook's secret (POST).
func WebhookSecretPath(stack, webhook string) string { return WebhookPath(stack, webhook) + "/secret" }

// ReplacePath is where a webhook's secret is replaced in steps.
func ReplacePath(stack, webhook string) string { return WebhookPath(stack, webhook) + "/replace" }

// ReplaceStepPath takes one of the steps (POST).
func ReplaceStepPath(stack, webhook, step string) string {
	return ReplacePath(stack, webhook) + path(step)
}

// WebhookTestPath sends a test to a webhook (POST).
func WebhookTestPath(stack, webhook string) string { return WebhookPath(stack, webhook) + "/test" }

// AccessPath is who may read a stack.
func AccessPath(stack string) string { return path("stacks", stack, "settings", "access") }

// RevokeAccessPath takes one person's access to a stack back (POST).
func RevokeAccessPath(stack string, user int64) string {
	return AccessPath(stack) + path(strconv.FormatInt(user, 10), "revoke")
}

// GeneralPath is a stack's name, description and labels.
func GeneralPath(stack string) string { return path("stacks", stack, "settings", "general") }

// AskDeleteStackPath is a stack's general settings, asking whether to delete it.
func AskDeleteStackPath(stack string) string { return GeneralPath(stack) + "?delete=yes" }

// DeleteStackPath deletes a stack (POST).
func DeleteStackPath(stack string) string { return path("stacks", stack, "delete") }

// InletsPath is how other systems report the runs of a stack.
func InletsPath(stack string) string { return path("stacks", stack, "settings", "inlets") }

// InletHCPPath is where the inlet for HCP Terraform is set up (POST).
func InletHCPPath(stack string) string { return InletsPath(stack) + "/hcp-terraform" }

// ReplaceInletHCPPath gives it another token (POST).
func ReplaceInletHCPPath(stack string) string { return InletHCPPath(stack) + "/token" }

// AskRemoveInletPath is the page that asks whether to turn it off.
func AskRemoveInletPath(stack string) string { return InletsPath(stack) + "?off=hcp-terraform" }

// RemoveInletHCPPath turns it off (POST).
func RemoveInletHCPPath(stack string) string { return InletHCPPath(stack) + "/off" }

// NotificationPath is the page with the body of one notification.
func NotificationPath(stack string, key int64) string {
	return InletsPath(stack) + "?body=" + strconv.FormatInt(key, 10) + "#body"
}

// APIInletHCPPath is where HCP Terraform sends what happens to the runs of a stack.
func APIInletHCPPath(stack string) string { return path("api", "v1", "inlets", "hcp-terraform", stack) }

// UserPath is the page of one user, and where they are updated (POST).
func UserPath(id int64) string { return UsersPath + path(strconv.FormatInt(id, 10)) }

// UserLinkPath makes a one-time link for a user (POST).
func UserLinkPath(id int64) string { return UserPath(id) + "/link" }

// AskRevokeTokenPath is the list of tokens that asks whether to revoke one.
func AskRevokeTokenPath(id string) string { return TokensPath + "?revoke=" + url.QueryEscape(id) }

// RevokeTokenPath revokes a token (POST).
func RevokeTokenPath(id string) string { return TokensPath + path(id) + "/revoke" }

// APIRunsPath is where programs report the runs of a stack and read them.
func APIRunsPath(stack string) string { return path("api", "v1", "stacks", stack, "runs") }

func path(parts ...string) string {
	var out string
	for _, part := range parts {
		out += "/" + url.PathEscape(part)
	}
	return out
}
