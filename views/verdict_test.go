package views_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/views"
)

var (
	noon      = time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	available = models.Webhook{Enabled: true}
)

// whole is the sentence as it reads.
func whole(v views.Verdict) string { return v.Before + v.Cause + v.After }

func TestVerdictSaysWhatHappened(t *testing.T) {
	t.Parallel()
	expired := &models.Attempt{
		Reason: models.ReasonTLS, StartedAt: noon, CertificateExpiresAt: noon.AddDate(0, 0, -5),
		Detail: "The certificate expired on 1 October 2026.",
	}
	for _, c := range []struct {
		delivery models.Delivery
		webhook  models.Webhook
		last     *models.Attempt
		want     string
		cause    string
	}{
		{
			models.Delivery{Status: models.Delivered, Code: 204, Attempt: 1, Tries: 1, CreatedAt: noon, FirstDelivered: noon.Add(240 * time.Millisecond)},
			available, nil,
			"Delivered 240 ms after the state change: the receiver answered 204 No Content.", "",
		},
		{
			models.Delivery{Status: models.Delivered, Code: 200, Attempt: 4, Tries: 4, CreatedAt: noon, FirstDelivered: noon.Add(156 * time.Second)},
			available, nil,
			"Delivered at attempt 4, 2 min 36 s after the state change: the receiver answered 200 OK.", "",
		},
		{
			models.Delivery{Status: models.Delivered, Code: 200, Attempt: 5, FirstDelivered: noon, RedeliveredAt: noon.Add(time.Hour)},
			available, nil,
			"Delivered again at attempt 5: the receiver answered 200 OK.", "",
		},
		{
			models.Delivery{Status: models.Delivered, Code: 299, Attempt: 1, CreatedAt: noon, FirstDelivered: noon.Add(time.Hour), RedeliveredAt: noon.Add(time.Minute)},
			available, nil,
			"Delivered 1 h after the state change: the receiver answered 299.", "",
		},
		{
			models.Delivery{Status: models.Delivered, Test: true, Code: 200, Attempt: 1, Duration: 84 * time.Millisecond, FirstDelivered: noon},
			available, nil,
			"Test delivered in 84 ms: the receiver answered 200 OK.", "",
		},
		{
			models.Delivery{Status: models.Skipped, Reason: models.ReasonWebhookDisabled},
			models.Webhook{},
			nil,
			"Skipped: its webhook was disabled when the state changed.", "",
		},
		{models.Delivery{Status: models.Pending}, available, nil, "Waiting for its first attempt.", ""},
		{models.Delivery{Status: models.Pending}, models.Webhook{}, nil, "Waiting: its webhook is disabled.", ""},
		{models.Delivery{Status: models.Pending}, models.Webhook{DeletedAt: noon}, nil, "Ended: its webhook was deleted. Nothing can be sent to it any more.", "deleted"},
		{models.Delivery{Status: models.Pending, Test: true}, models.Webhook{}, nil, "Waiting for its first attempt.", ""},
		{models.Delivery{Status: models.Pending, Attempt: 1, LeaseOwner: "me", DueAt: noon.Add(time.Minute)}, available, nil, "Attempt 1 is under way.", ""},
		{
			models.Delivery{Status: models.Pending, Attempt: 2, DueAt: noon, RedeliveredAt: noon, RedeliveredBy: "Ada"},
			available, nil,
			"Redelivery asked for by Ada. The attempt starts now.", "",
		},
		{
			models.Delivery{Status: models.Pending, Reason: models.Reason5xx, Code: 503, Attempt: 3, Tries: 3, DueAt: noon.Add(84 * time.Second)},
			available, nil,
			"Failed 3 times: the receiver answered 503 Service Unavailable. Next attempt in 1 min 24 s.", "503 Service Unavailable",
		},
		{
			models.Delivery{Status: models.Pending, Reason: models.Reason5xx, Code: 500, Attempt: 1, Tries: 1, DueAt: noon},
			available, nil,
			"Failed once: the receiver answered 500 Internal Server Error. Next attempt now.", "500 Internal Server Error",
		},
		{
			models.Delivery{Status: models.Pending, Reason: models.ReasonTimeout, Attempt: 3, Tries: 2, LeaseOwner: "me", DueAt: noon.Add(time.Minute)},
			available, nil,
			"Failed twice: there was no answer in time. Attempt 3 is under way.", "there was no answer in time",
		},
		{
			models.Delivery{Status: models.Pending, Reason: models.ReasonRefused, Attempt: 1, Tries: 1, DueAt: noon},
			models.Webhook{},
			nil,
			"Failed once: the connection was refused. Nothing more is sent while its webhook is disabled.", "the connection was refused",
		},
		{
			models.Delivery{Status: models.Pending, Reason: models.ReasonTLS, Attempt: 3, Tries: 3, DueAt: noon.Add(8 * time.Minute)},
			available, expired,
			"Failed 3 times: the receiver's certificate expired on 1 October 2026. Next attempt in 8 min.", "certificate expired on 1 October 2026",
		},
		{
			models.Delivery{Status: models.Failed, Reason: models.ReasonDNS, Attempt: 11, Tries: 11},
			available, nil,
			"Failed 11 times and given up: the host's name has no address.", "the host's name has no address",
		},
		{
			models.Delivery{Status: models.Failed, Reason: models.ReasonGone, Code: 410, Attempt: 1, Tries: 1},
			models.Webhook{},
			nil,
			"Failed: the receiver answered 410 Gone. It is not tried again.", "410 Gone",
		},
		{
			models.Delivery{Status: models.Failed, Test: true, Reason: models.Reason4xx, Code: 401, Attempt: 1, Tries: 1},
			available, nil,
			"Test failed: the receiver answered 401 Unauthorized. A test is not repeated.", "401 Unauthorized",
		},
		{
			models.Delivery{Status: models.Failed, Reason: models.ReasonProtocol, Code: 999, Attempt: 11, Tries: 11},
			available, nil,
			"Failed 11 times and given up: the receiver answered 999.", "999",
		},
		{
			models.Delivery{Status: models.Failed, Reason: models.ReasonWebhookDeleted},
			models.Webhook{},
			nil,
			"Ended: its webhook was deleted. Nothing can be sent to it any more.", "deleted",
		},
		{
			models.Delivery{Status: models.Failed, Reason: models.ReasonWebhookDeleted, Tries: 1},
			models.Webhook{},
			nil,
			"Ended after 1 failed attempt: its webhook was deleted. Nothing can be sent to it any more.", "deleted",
		},
		{
			models.Delivery{Status: models.Failed, Reason: models.ReasonExpired, Tries: 3},
			models.Webhook{},
			expired,
			"Given up after 3 failed attempts: not delivered within 7 d of its event.", "not delivered within 7 d",
		},
		{
			models.Delivery{Status: models.Failed, Reason: models.ReasonExpired, RedeliveredAt: noon},
			models.Webhook{},
			nil,
			"Given up: not delivered within 7 d of its last redelivery.", "not delivered within 7 d",
		},
	} {
		v := views.DeliveryCase{Delivery: c.delivery, Last: c.last, Webhook: c.webhook, Expire: 168 * time.Hour, Now: noon}.Verdict()
		if whole(v) != c.want || v.Cause != c.cause {
			t.Errorf("got  %s\nwant %s (stressed: %q, not %q)", whole(v), c.want, c.cause, v.Cause)
		}
	}
}

// codesOf are the status codes that go with a reason; 0 is none.
var codesOf = map[models.Reason][]int{
	models.ReasonRedirect: {300, 301, 302, 303, 307, 308},
	models.Reason4xx:      {400, 401, 403, 404, 405, 408, 413, 415, 418, 422, 429, 499},
	models.Reason5xx:      {500, 501, 502, 503, 504, 521, 599},
	models.ReasonGone:     {410},
	models.ReasonProtocol: {0, 101, 999},
}

func TestEveryReasonHasACauseAndAdvice(t *testing.T) {
	t.Parallel()
	ends := []models.Reason{models.ReasonExpired, models.ReasonWebhookDeleted, models.ReasonWebhookDisabled}
	for _, reason := range models.Reasons() {
		if slices.Contains(ends, reason) {
			continue // they are told apart in the table above: no attempt ends with them
		}
		codes := codesOf[reason]
		if codes == nil {
			codes = []int{0}
		}
		for _, code := range codes {
			detail := "A detail."
			v := views.DeliveryCase{
				Delivery: models.Delivery{Status: models.Failed, Reason: reason, Code: code, Tries: 11},
				Last:     &models.Attempt{Reason: reason, Code: code, Detail: detail, StartedAt: noon}, Webhook: available, Now: noon,
			}.Verdict()
			if v.Cause == "" || v.Advice == "" || !strings.HasSuffix(v.Advice, ".") {
				t.Errorf("%s %d: “%s” advises “%s”", reason, code, whole(v), v.Advice)
			}
			if said := strings.HasPrefix(v.Advice, detail); said != (code == 0) {
				t.Errorf("%s %d: “%s” has the detail of the attempt: %v", reason, code, v.Advice, said)
			}
		}
	}
}

func TestExpiredCertificateIsNotAnyTLSFailure(t *testing.T) {
	t.Parallel()
	verdict := func(expires time.Time) views.Verdict {
		return views.DeliveryCase{
			Delivery: models.Delivery{Status: models.Failed, Reason: models.ReasonTLS, Tries: 1},
			Last:     &models.Attempt{Reason: models.ReasonTLS, StartedAt: noon, CertificateExpiresAt: expires}, Now: noon,
		}.Verdict()
	}
	if v := verdict(noon.Add(-time.Hour)); !strings.Contains(v.Advice, "Renew") {
		t.Errorf("an expired certificate: “%s”", v.Advice)
	}
	for _, valid := range []time.Time{{}, noon.Add(time.Hour)} {
		if v := verdict(valid); strings.Contains(v.Advice, "Renew") || strings.Contains(v.Cause, "expired") {
			t.Errorf("a certificate until %v: “%s” “%s”", valid, whole(v), v.Advice)
		}
	}
}

func TestVerdictShowsForeignTextSafely(t *testing.T) {
	t.Parallel()
	v := views.DeliveryCase{Delivery: models.Delivery{Status: models.Pending, RedeliveredAt: noon, RedeliveredBy: "Ada\u202e\x1b[2J"}, Webhook: available, Now: noon}.Verdict()
	if strings.ContainsAny(whole(v), "\u202e\x1b") {
		t.Errorf("%q holds marks that change how it reads", whole(v))
	}
}

func TestSkippedAndExpiredSayWhatToDo(t *testing.T) {
	t.Parallel()
	disabled := func(why models.DisabledWhy) models.Webhook { return models.Webhook{DisabledWhy: why, DisabledAt: noon} }
	skipped := models.Delivery{Status: models.Skipped, Reason: models.ReasonWebhookDisabled, CreatedAt: noon.Add(time.Hour)}
	expired := models.Delivery{Status: models.Failed, Reason: models.ReasonExpired}
	for _, c := range []struct {
		delivery models.Delivery
		webhook  models.Webhook
		last     *models.Attempt
		want     string
	}{
		{skipped, disabled(models.DisabledByPerson), nil, "Nothing was sent: somebody had disabled the webhook on 6 October 2026 at 12:00. If the receiver should have it, enable the webhook and redeliver it."},
		{skipped, disabled(models.DisabledByGone), nil, "Nothing was sent: the receiver had disabled the webhook on 6 October 2026 at 12:00, by answering 410 Gone. If the receiver should have it, enable the webhook and redeliver it."},
		{skipped, disabled(models.DisabledByFailing), nil, "Nothing was sent: the webhook had been disabled on 6 October 2026 at 12:00, because nothing arrived any more. If the receiver should have it, enable the webhook and redeliver it."},
		{skipped, models.Webhook{DisabledAt: noon.Add(2 * time.Hour), DisabledWhy: models.DisabledByGone}, nil, "Nothing was sent. If the receiver should have it, enable the webhook and redeliver it."},
		{skipped, available, nil, "Nothing was sent. The webhook is enabled again: redeliver it if the receiver should have it."},
		{skipped, models.Webhook{DeletedAt: noon}, nil, "Nothing was sent, and nothing can be: the webhook was deleted since."},
		{expired, available, nil, "Nothing was sent: it waited all the time. Look at its webhook, then redeliver it."},
		{expired, available, &models.Attempt{Reason: models.Reason4xx, Code: 404}, "The receiver last answered 404 Not Found. Nothing lives at the path of the endpoint. Compare it with the receiver's route, letter case and final slash included, and correct the endpoint."},
		{expired, available, &models.Attempt{Reason: models.ReasonTimeout, Cause: models.CauseLateHandshake, Detail: "A detail."}, "A detail. Something took the connection and then said nothing. Look at the load of the receiver and of what stands before it, and whether that port speaks TLS."},
	} {
		v := views.DeliveryCase{Delivery: c.delivery, Last: c.last, Webhook: c.webhook, Expire: 168 * time.Hour, Now: noon.Add(3 * time.Hour)}.Verdict()
		if v.Advice != c.want {
			t.Errorf("got  %s\nwant %s", v.Advice, c.want)
		}
	}
}
