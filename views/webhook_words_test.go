package views

import (
	"strings"
	"testing"
	"time"

	"stackhook/models"
)

func TestLongSinceNamesTheLargestUnit(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                             "less than a minute",
		59 * time.Second:              "less than a minute",
		time.Minute:                   "1 minute",
		59*time.Minute + time.Second:  "59 minutes",
		time.Hour:                     "1 hour",
		29 * time.Hour:                "29 hours",
		47*time.Hour + 59*time.Minute: "47 hours",
		48 * time.Hour:                "2 days",
		10 * 24 * time.Hour:           "10 days",
	} {
		if got := longSince(d); got != want {
			t.Errorf("longSince(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestEveryReasonOfAnAttemptHasACause(t *testing.T) {
	t.Parallel()
	noAttempt := map[models.Reason]bool{models.ReasonExpired: true, models.ReasonWebhookDeleted: true, models.ReasonWebhookDisabled: true}
	withCode := map[models.Reason]int{models.ReasonRedirect: 302, models.Reason4xx: 404, models.Reason5xx: 503, models.ReasonGone: 410}
	seen := map[string]models.Reason{}
	for _, reason := range models.Reasons() {
		if noAttempt[reason] {
			continue
		}
		cause := webhookCause(reason, withCode[reason])
		if cause == "the last attempt failed" || seen[cause] != "" {
			t.Errorf("%s is caused by %q, as is %q", reason, cause, seen[cause])
		}
		seen[cause] = reason
	}
	if got := webhookCause(models.Reason5xx, 503); got != "the receiver answers 503 Service Unavailable" {
		t.Error(got)
	}
	if got := webhookCause("", 0); got != "the last attempt failed" {
		t.Error(got)
	}
}

func TestCountsSayWhereTheStoreStoppedCounting(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0: "0 deliveries", 1: "1 delivery", 1204: "1,204 deliveries",
		10_000: "10,000 deliveries", 10_001: "more than 10,000 deliveries",
	} {
		if got := countedUp(n, "delivery", "deliveries"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestTheHealthLineOfAWebhook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 6, 14, 32, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	failure := &models.Delivery{ID: "01", Reason: models.ReasonBlocked, ClaimedAt: ago(time.Minute)}
	for name, test := range map[string]struct {
		webhook models.Webhook
		health  WebhookHealth
		class   string
		want    string
	}{
		"new":     {models.Webhook{Enabled: true}, WebhookHealth{}, "idle", "Nothing sent yet"},
		"waiting": {models.Webhook{Enabled: true}, WebhookHealth{Waiting: 2}, "idle", "2 deliveries waiting for a first result"},
		"delivered": {
			models.Webhook{Enabled: true, LastDeliveredAt: ago(2 * time.Minute)},
			WebhookHealth{Day: DayTally{Delivered: 127, Retrying: 1, Skipped: 9}},
			"ok", "Last delivered 2 min ago · 127 of 128 in the last 24 h, 1 being retried",
		},
		"delivered long ago": {models.Webhook{Enabled: true, LastDeliveredAt: ago(50 * time.Hour)}, WebhookHealth{}, "ok", "Last delivered 4 Oct"},
		"failing": {
			models.Webhook{Enabled: true, FailingSince: ago(29 * time.Hour), LastDeliveredAt: ago(30 * time.Hour)},
			WebhookHealth{},
			"bad", "Failing since yesterday 09:32 · last delivered yesterday 08:32",
		},
		"blocked": {models.Webhook{Enabled: true}, WebhookHealth{Failure: failure}, "bad", "Failing"},
		"blocked before it was mended": {
			models.Webhook{Enabled: true, UpdatedAt: now}, WebhookHealth{Failure: failure}, "idle", "Nothing sent yet",
		},
		"a failure before the last success": {
			models.Webhook{Enabled: true, LastDeliveredAt: now}, WebhookHealth{Failure: failure}, "ok", "Last delivered just now",
		},
		"disabled while failing": {
			models.Webhook{FailingSince: ago(time.Hour), LastDeliveredAt: ago(3 * time.Hour)},
			WebhookHealth{Skipped: 12},
			"idle", "12 skipped since it was disabled · last delivered 3 h ago",
		},
		"disabled": {models.Webhook{}, WebhookHealth{}, "idle", "Nothing skipped since it was disabled"},
	} {
		var out strings.Builder
		if err := healthLine(WebhookCard{Webhook: test.webhook, Health: test.health}, now).Render(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if text := plainText(out.String()); text != test.want || !strings.Contains(out.String(), "health-"+test.class+`"`) {
			t.Errorf("%s: %q in %s, want %q and %s", name, text, out.String(), test.want, test.class)
		}
	}
}

// plainText is what a reader sees of HTML.
func plainText(html string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(html, "<") {
		_, text, _ := strings.Cut(part, ">")
		out.WriteString(text)
	}
	return strings.Join(strings.Fields(out.String()), " ")
}
