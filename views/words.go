package views

import (
	"net/http"
	"strings"

	"stackhook/models"
	"stackhook/views/ui"
)

// Look is how a status or a state is shown: always an icon with a silhouette of its own and a word, never colour alone.
type Look struct {
	Icon  string // its name in the sprite
	Class string // after "status-" or "state-"
	Word  string
}

// StatusLook returns how a delivery's status is shown. Tries are the ended attempts within the schedule: with one, a
// pending delivery waits for a retry.
func StatusLook(status models.Status, tries int) Look {
	switch status {
	case models.Delivered:
		return Look{Icon: "delivered", Class: "delivered", Word: "Delivered"}
	case models.Failed:
		return Look{Icon: "failed", Class: "failed", Word: "Failed"}
	case models.Skipped:
		return Look{Icon: "skipped", Class: "skipped", Word: "Skipped"}
	}
	look := Look{Icon: "pending", Class: "pending", Word: "Pending"}
	if tries > 0 {
		look.Word = "Pending retry"
	}
	return look
}

// StateLook returns how a run's state is shown. Its word is the one that receivers match on.
func StateLook(state models.State) Look {
	look := Look{Icon: "busy", Class: "busy", Word: string(state)}
	switch state {
	case models.Finished:
		look.Icon, look.Class = "done", "good"
	case models.FailedState:
		look.Icon, look.Class = "bad", "bad"
	case models.PendingReview, models.Unconfirmed:
		look.Icon, look.Class = "hold", "wait"
	case models.Queued, models.Discarded, models.Canceled, models.Stopped, models.SkippedState:
		look.Icon, look.Class = "idle", "idle"
	}
	return look
}

var reasonWords = map[models.Reason]string{
	models.ReasonDNS:             "No address for the host",
	models.ReasonRefused:         "Connection refused",
	models.ReasonUnreachable:     "Unreachable",
	models.ReasonReset:           "Connection closed",
	models.ReasonTimeout:         "Timed out",
	models.ReasonTLS:             "TLS failed",
	models.ReasonBlocked:         "Address not allowed",
	models.ReasonRedirect:        "Redirect",
	models.Reason4xx:             "Client error (4xx)",
	models.Reason5xx:             "Server error (5xx)",
	models.ReasonGone:            "Gone",
	models.ReasonProtocol:        "Not HTTP",
	models.ReasonInterrupted:     "Interrupted",
	models.ReasonInternal:        "Fault of Stackhook",
	models.ReasonExpired:         "Expired",
	models.ReasonWebhookDeleted:  "Webhook deleted",
	models.ReasonWebhookDisabled: "Webhook disabled",
}

// ReasonWords says in a few words why an attempt or a delivery failed or was skipped; "" for a success.
func ReasonWords(reason models.Reason) string {
	if words, known := reasonWords[reason]; known {
		return words
	}
	return string(reason)
}

// answered reports whether a reason is one that a status code explains better.
func answered(reason models.Reason) bool {
	switch reason {
	case "", models.ReasonRedirect, models.Reason4xx, models.Reason5xx, models.ReasonGone:
		return true
	}
	return false
}

// CodeText is the text of a status code as words: "Service unavailable"; "" for one without.
func CodeText(code int) string {
	text := http.StatusText(code)
	if text == "" || text == "OK" {
		return text
	}
	words := strings.Split(text, " ")
	for i, word := range words[1:] {
		if word != strings.ToUpper(word) { // abbreviations such as URI stay
			words[i+1] = strings.ToLower(word)
		}
	}
	return strings.Join(words, " ")
}

// TypeWord says what type of run it is: "Tracked".
func TypeWord(t models.RunType) string { return sentence(string(t)) }

// RoleWord says what a person's role is called.
func RoleWord(r models.Role) string {
	if r == models.Administrator {
		return "Administrator"
	}
	return "Reader"
}

// ScopeWords says what a token may do.
func ScopeWords(s models.Scope) string {
	switch s {
	case models.ScopeReport:
		return "Report runs"
	case models.ScopeRead:
		return "Read"
	case models.ScopeAdmin:
		return "Administer"
	}
	return string(s)
}

// ShortID is the end of an id, which tells ids of one day apart; their beginnings are alike.
func ShortID(id string) string {
	const kept = 8
	if len(id) <= kept {
		return id
	}
	return id[len(id)-kept:]
}

// ShortHash is a commit's hash as people write it.
func ShortHash(hash string) string {
	const kept = 7
	if len(hash) <= kept {
		return hash
	}
	return hash[:kept]
}

// Problems turns what is wrong with a form into the lines of its summary. Labels has what its fields are called; a field
// that the form does not have is shown without a link.
func Problems(invalid models.Invalid, labels map[string]string) []ui.Problem {
	var problems []ui.Problem
	for _, e := range invalid {
		p := ui.Problem{Message: e.Message}
		if label, known := labels[e.Field]; known {
			p.Field, p.Label = e.Field, label
		}
		problems = append(problems, p)
	}
	return problems
}

func sentence(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + strings.ToLower(word[1:])
}
