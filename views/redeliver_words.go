package views

import (
	"strings"

	"stackhook/models"
	"stackhook/views/ui"
)

// counted says a number of deliveries, up to which counting went.
func (p RedeliverPage) counted(n int) string {
	words := countedUp(n, "delivery", "deliveries")
	if !p.LookedTo.IsZero() && p.Total <= counted {
		return "at least " + words
	}
	return words
}

// waiting is how many go to webhooks whose circuit is open.
func (p RedeliverPage) waiting() int {
	n := 0
	for _, g := range p.Groups {
		if g.Webhook.CircuitOpen() {
			n += g.Fates[models.FateSent]
		}
	}
	return n
}

// hosts names the hosts of the webhooks that have some of that fate, whose circuit is open or may be as it wants.
func (p RedeliverPage) hosts(f models.Fate, open bool) string {
	const most = 3
	var names []string
	known := map[string]bool{}
	for _, g := range p.Groups {
		host := ui.VisibleLine(g.Webhook.EndpointHost)
		if g.Fates[f] == 0 || known[host] || f == models.FateSent && g.Webhook.CircuitOpen() != open {
			continue
		}
		known[host] = true
		names = append(names, host)
	}
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and " + ui.Counted(len(names)-most, "other host")
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// fateWords says why a delivery is not sent again, without a stop.
func fateWords(f models.Fate) string {
	return map[models.Fate]string{
		models.FateOvertaken: "A newer state of the same run has arrived",
		models.FateInFlight:  "Being sent at the moment",
		models.FateDisabled:  "The webhook is disabled: enable it first",
		models.FateDeleted:   "The webhook was deleted",
		models.FateTest:      "A test: send another one from the webhook’s page",
		models.FateGone:      "Not there any more",
	}[f]
}

// sendable reports whether there may be anything to send.
func (p RedeliverPage) sendable() bool {
	return p.Fates[models.FateSent]+p.Fates[models.FateOvertaken] > 0 || p.Total > counted || !p.LookedTo.IsZero()
}

// startLabel names the number where it is certain.
func (p RedeliverPage) startLabel() string {
	if p.Fates[models.FateOvertaken] > 0 || p.Total > counted || !p.LookedTo.IsZero() {
		return "Start to redeliver"
	}
	return "Redeliver " + ui.Count(p.Fates[models.FateSent])
}
