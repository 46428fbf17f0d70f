package views

import (
	"net/url"
	"strings"

	"stackhook/models"
	"stackhook/views/ui"
)

// actionWords are what was done, in the past tense.
var actionWords = map[models.Action]string{
	models.StackCreated:     "Created the stack",
	models.StackUpdated:     "Changed the stack",
	models.StackDeleted:     "Deleted the stack",
	models.WebhookCreated:   "Added the webhook",
	models.WebhookUpdated:   "Changed the webhook",
	models.WebhookEnabled:   "Enabled the webhook",
	models.WebhookDisabled:  "Disabled the webhook",
	models.WebhookDeleted:   "Deleted the webhook",
	models.SecretRevealed:   "Viewed the secret",
	models.SecretChanged:    "Changed the secret",
	models.SecretPrepared:   "Prepared a secret",
	models.SecretDiscarded:  "Discarded the prepared secret",
	models.SecretPromoted:   "Promoted the prepared secret",
	models.SecretRetired:    "Retired the previous secret",
	models.SecretReplaced:   "Replaced the secret at once",
	models.DeliveryRepeated: "Redelivered",
	models.TestSent:         "Sent a test",
	models.UserCreated:      "Added the user",
	models.UserUpdated:      "Changed the user",
	models.UserLinkCreated:  "Made a one-time link",
	models.PasswordSet:      "Set the password",
	models.GrantCreated:     "Gave access",
	models.GrantRevoked:     "Took access away",
	models.TokenCreated:     "Created the token",
	models.TokenRevoked:     "Revoked the token",
	models.SignedIn:         "Signed in",
	models.SignedOut:        "Signed out",
	models.SignInFailed:     "Failed to sign in",
	models.SessionsEnded:    "Signed out elsewhere",
	models.KeyRotated:       "Rotated the key of the secrets",
	models.KeysPruned:       "Removed retired keys",
	models.InletCreated:     "Set up the inlet",
	models.InletChanged:     "Replaced the inlet’s token",
	models.InletRemoved:     "Turned off the inlet",
}

// ActionWords says what was done.
func ActionWords(a models.Action) string {
	if words := actionWords[a]; words != "" {
		return words
	}
	return string(a)
}

// actorWords say what kind of somebody it was, where the name does not.
func actorWords(a models.Actor) string {
	switch a.Kind {
	case models.ActorToken:
		return "token"
	case models.ActorShell:
		return "on the machine"
	case models.ActorSystem:
		return "by itself"
	case models.ActorNobody:
		return "not signed in"
	}
	return ""
}

// actorName is who it was. Stackhook's own doings and those of strangers have no name.
func actorName(a models.Actor) string {
	switch {
	case a.Name != "":
		return a.Name
	case a.Kind == models.ActorSystem:
		return "Stackhook"
	}
	return "Somebody"
}

// AuditFilter is what the audit log is narrowed to, as the address has it.
type AuditFilter struct {
	Action, Who, Stack, Webhook string
	Time                        string // one of LogTimes
	From, To                    string
}

// Values are the fields of the address.
func (f AuditFilter) Values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{
		"action": f.Action, "who": f.Who, "stack": f.Stack, "webhook": f.Webhook, "time": f.Time, "from": f.From, "to": f.To,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// Any reports whether the filter narrows anything.
func (f AuditFilter) Any() bool { return f != AuditFilter{} }

// words say the filter.
func (f AuditFilter) words() string {
	var words filterWords
	words.add(f.Action, "“"+ActionWords(models.Action(f.Action))+"”")
	words.add(f.Who, "what "+f.Who+" did")
	words.add(f.Stack, "stack "+f.Stack)
	words.add(f.Webhook, "webhook "+f.Webhook)
	words.addTimes(f.Time, f.From, f.To)
	return strings.Join(words, ", ")
}

func actionOptions() []ui.Option {
	options := []ui.Option{{Label: "Anything"}}
	for _, a := range models.Actions() {
		options = append(options, ui.Option{Value: string(a), Label: ActionWords(a)})
	}
	return options
}
