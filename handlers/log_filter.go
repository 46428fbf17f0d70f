package handlers

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// logFilter reads the filter of a delivery log from an address.
func logFilter(query url.Values) views.LogFilter {
	field := func(name string) string { return strings.TrimSpace(query.Get(name)) }
	return views.LogFilter{
		Status: field("status"), State: field("state"), Reason: field("reason"), Code: field("code"),
		Webhook: field("webhook"), Stack: field("stack"), Run: field("run"), ID: field("id"), Query: field("q"),
	}
}

// parseLogFilter returns what a filter asks the store for, or what is wrong with it. The stack is that of the log, nil
// in the log of all stacks: there the filter may name one of them.
func parseLogFilter(f views.LogFilter, stack *models.Stack, stacks []models.Stack) (store.DeliveryFilter, models.Invalid) {
	var bad models.Invalid
	filter := store.DeliveryFilter{
		Stack: stack, Webhook: f.Webhook, Status: models.Status(f.Status), State: models.State(f.State),
		Reason: models.Reason(f.Reason), Run: f.Run, ID: f.ID,
	}
	if f.Status != "" && !filter.Status.Known() {
		bad.Add("status", "Choose a status of those above.")
	}
	if f.State != "" && !filter.State.Known() {
		bad.Add("state", "Choose a state from the list.")
	}
	if f.Reason != "" && !slices.Contains(models.Reasons(), filter.Reason) {
		bad.Add("reason", "Choose a response from the list.")
	}
	if f.Code != "" {
		code, err := strconv.Atoi(f.Code)
		if err != nil || code < 100 || code > 999 {
			bad.Add("code", "A status code has three digits, such as 503.")
		}
		filter.Code = code
	}
	if f.Stack != "" && stack == nil {
		if filter.Stack = findStack(stacks, f.Stack); filter.Stack == nil {
			bad.Add("stack", "Choose a stack from the list.")
		}
	}
	if f.Query != "" && normalID(f.Query) == "" {
		bad.Add("q", "Enter a whole id: 26 letters and digits. The short ones on pages are the ends of ids.")
	}
	return filter, bad
}

func findStack(stacks []models.Stack, id string) *models.Stack {
	for i, s := range stacks {
		if s.ID == id {
			return &stacks[i]
		}
	}
	return nil
}

// normalID returns an id as it is stored, "" if the text is none.
func normalID(text string) string {
	id, err := ulid.ParseStrict(strings.ToUpper(text))
	if err != nil {
		return ""
	}
	return id.String()
}
