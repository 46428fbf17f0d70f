package views

import (
	"stackhook/models"
	"stackhook/views/ui"
)

// because puts the reason of the newest attempt between two parts of a sentence.
func (c DeliveryCase) because(before, after string) Verdict {
	lead, cause := c.cause()
	return Verdict{Before: before + lead, Cause: cause, After: after, Advice: c.advice(c.Delivery.Reason, c.Delivery.Code)}
}

// cause says in half a sentence why the newest attempt failed; its last words are those to stress.
func (c DeliveryCase) cause() (lead, stressed string) {
	if c.Delivery.Code != 0 {
		return "the receiver answered ", codeWords(c.Delivery.Code)
	}
	if c.certificateExpired() {
		return "the receiver's ", "certificate expired on " + longDay(c.Last.CertificateExpiresAt)
	}
	if words, known := causeWords[c.lastCause(c.Delivery.Reason)]; known {
		return words.lead, words.stressed
	}
	return "", attemptCauses[c.Delivery.Reason]
}

// lastCause is what exactly a reason meant in the newest attempt, "" if that ended otherwise.
func (c DeliveryCase) lastCause(reason models.Reason) models.Cause {
	if c.Last == nil || c.Last.Reason != reason {
		return ""
	}
	return c.Last.Cause
}

// certificateExpired reports whether it was the receiver's own certificate that had expired.
func (c DeliveryCase) certificateExpired() bool {
	return c.Last != nil && c.Last.Reason == models.ReasonTLS && !c.Last.CertificateExpiresAt.IsZero() && c.Last.CertificateExpiresAt.Before(c.Last.StartedAt)
}

// attemptCauses are the reasons of attempts that brought no status.
var attemptCauses = map[models.Reason]string{
	models.ReasonDNS:         "the host's name has no address",
	models.ReasonRefused:     "the connection was refused",
	models.ReasonUnreachable: "the receiver cannot be reached",
	models.ReasonReset:       "the connection was closed without an answer",
	models.ReasonTimeout:     "there was no answer in time",
	models.ReasonTLS:         "no trusted encrypted connection came about",
	models.ReasonBlocked:     "the endpoint's address is not allowed",
	models.ReasonProtocol:    "the answer was not valid HTTP",
	models.ReasonInterrupted: "Stackhook ended before the answer came",
	models.ReasonInternal:    "Stackhook could not send it",
}

// causeWords are those that a cause has instead of its reason's, with its own advice.
var causeWords = map[models.Cause]struct{ lead, stressed, advice string }{
	models.CauseNoName: {
		"", "DNS does not know the host's name",
		"Check how the host is spelt in the endpoint, and that its DNS record is known where Stackhook runs.",
	},
	models.CauseLateLookup: {
		"", "the look-up of the host's name did not end in time",
		"Look at the DNS server that this server asks, and at those of the host's domain.",
	},
	models.CauseLateConnect: {
		"", "the connection did not come about in time",
		"A firewall that drops packets without a word looks like this, and so does a machine that is down. " +
			"Look at both, and compare the port in the endpoint with the receiver's.",
	},
	models.CauseLateHandshake: {
		"", "the TLS handshake did not end in time",
		"Something took the connection and then said nothing. Look at the load of the receiver and of what stands before it, " +
			"and whether that port speaks TLS.",
	},
	models.CauseLateAnswer: {"", "there was no answer in time", answerFirst},
	models.CauseLateHeaders: {
		"", "the answer began and did not go on in time",
		"The receiver has the request. Look at what it does while it answers: only its status line and headers are waited for.",
	},
	models.CauseBrokenHeaders: {
		"", "the connection was closed within the answer",
		"The receiver, or a proxy in front of it, ended while it answered. " +
			"Search its log for the delivery id, which it got as webhook-id.",
	},
	models.CauseExpired: {
		"", "a certificate that the receiver sends has expired",
		"Renew it; it may be an intermediate one. Deliveries go on by themselves.",
	},
	models.CauseNotYetValid: {
		"the receiver's ", "certificate is not valid yet",
		"Let the receiver serve one that is, or set this server's clock if that is wrong.",
	},
	models.CauseOtherName: {
		"the receiver's ", "certificate is for another name",
		"Let the receiver serve a certificate for the endpoint's host, or correct the host in the endpoint. " +
			"A proxy that does not know the host sends its default certificate.",
	},
	models.CauseUntrusted: {
		"the receiver's ", "certificate is of an unknown issuer",
		"Let the receiver send all its intermediate certificates; " +
			"if the authority is your own, the operator must add it to those that this server trusts.",
	},
	models.CauseUnfit: {
		"the receiver's ", "certificate is not one for a server",
		"Let the receiver serve a certificate that was made for servers, with all its intermediate ones.",
	},
	models.CauseNotTLS: {
		"", "the port does not speak TLS",
		"Correct the scheme or the port in the endpoint, or let the receiver speak TLS there.",
	},
}

// advice is what the newest attempt found out, where the sentence does not say it already, and what to do.
func (c DeliveryCase) advice(reason models.Reason, code int) string {
	advice := c.adviceOn(reason, code)
	if c.Last == nil || c.Last.Code != 0 || c.Last.Detail == "" {
		return advice
	}
	return ui.VisibleLine(c.Last.Detail) + " " + advice
}

// expiredAdvice says how the last attempt of a delivery failed that was given up for its age, and what to do.
func (c DeliveryCase) expiredAdvice() string {
	if c.Last == nil {
		return "Nothing was sent: it waited all the time. Look at its webhook, then redeliver it."
	}
	advice := c.advice(c.Last.Reason, c.Last.Code)
	if c.Last.Code != 0 {
		advice = "The receiver last answered " + codeWords(c.Last.Code) + ". " + advice
	}
	return advice
}

// skippedAdvice says why a webhook was disabled, as far as it is known, and what to do about what it missed.
func (c DeliveryCase) skippedAdvice() string {
	switch {
	case c.Webhook.Deleted():
		return "Nothing was sent, and nothing can be: the webhook was deleted since."
	case c.Webhook.Enabled:
		return "Nothing was sent. The webhook is enabled again: redeliver it if the receiver should have it."
	}
	return "Nothing was sent" + c.disabledWhy() + ". If the receiver should have it, enable the webhook and redeliver it."
}

func (c DeliveryCase) disabledWhy() string {
	at := c.Webhook.DisabledAt
	if at.IsZero() || at.After(c.Delivery.CreatedAt) {
		return "" // it was enabled and disabled once more since
	}
	switch when := dayAndMinute(at); c.Webhook.DisabledWhy {
	case models.DisabledByPerson:
		return ": somebody had disabled the webhook on " + when
	case models.DisabledByGone:
		return ": the receiver had disabled the webhook on " + when + ", by answering 410 Gone"
	case models.DisabledByFailing:
		return ": the webhook had been disabled on " + when + ", because nothing arrived any more"
	}
	return ""
}
