package views

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/views/ui"
)

// adviceOn says what the likely cause of a failed attempt is and what to do about it.
func (c DeliveryCase) adviceOn(reason models.Reason, code int) string {
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return "The receiver did not accept who sends. " + c.secretAdvice() + " A proxy that wants people to sign in answers so too."
	case code == http.StatusTooManyRequests:
		return "The receiver is asked more often than it allows. " + c.patience() + " Raise its limit if this goes on."
	case code == http.StatusServiceUnavailable && c.answered("Retry-After") != "":
		return codeAdvice[code] + " " + c.patience()
	case code >= 300 && code <= 399 && c.redirectTarget() != "":
		return redirectAdvice(code, c.redirectTarget())
	case codeAdvice[code] != "":
		return codeAdvice[code]
	case reason == models.ReasonTLS && c.certificateExpired():
		return "Renew the receiver's certificate; deliveries go on by themselves."
	}
	if words, known := causeWords[c.lastCause(reason)]; known {
		return words.advice
	}
	return reasonAdvice[reason]
}

// secretAdvice says what may be wrong with the secret that a receiver verifies with.
func (c DeliveryCase) secretAdvice() string {
	w := c.Webhook
	switch {
	case !w.HasSecret():
		return "The webhook has no secret, so its signatures prove nothing: set the one that the receiver verifies with."
	case w.SecretChangedAt.After(w.CreatedAt):
		return "It may verify with an older secret: the webhook's was changed on " + dayAndMinute(w.SecretChangedAt) + ". Compare the two."
	}
	return "It may verify with an older secret, or with another: compare it with the webhook's."
}

// patience says how long the receiver asked to wait.
func (c DeliveryCase) patience() string {
	asked := strings.TrimSpace(c.answered("Retry-After"))
	if at, err := http.ParseTime(asked); err == nil {
		return "With Retry-After it asked to wait until " + ui.Instant(at) + ", which is kept to, up to 24 h."
	}
	if asked == "" || strings.Trim(asked, "0123456789") != "" {
		return "It did not say in Retry-After how long to wait, so the schedule goes on."
	}
	seconds, err := strconv.Atoi(asked)
	if err != nil || seconds > int(24*time.Hour/time.Second) {
		return "With Retry-After it asked to wait for more than 24 h; it is tried again after 24 h."
	}
	return "With Retry-After it asked to wait " + ui.Duration(time.Duration(seconds)*time.Second) + ", which is kept to."
}

// redirectTarget is where the receiver's answer leads, if an endpoint can be there and is another one than this; "" if
// not. It is in the form that is sent to, in which no letter looks like another.
func (c DeliveryCase) redirectTarget() string {
	location := c.answered("Location")
	if location == "" {
		return ""
	}
	base, err := url.Parse(c.Last.URL)
	if err != nil {
		return ""
	}
	target, err := base.Parse(location)
	if err != nil {
		return ""
	}
	target.Fragment, target.RawFragment = "", ""
	const long = 300 // more than that is no address to read; it stands below
	endpoint, err := models.ParseEndpoint(target.String())
	if err != nil || endpoint.URL == c.Last.URL || len(endpoint.URL) > long {
		return ""
	}
	return endpoint.URL
}

func redirectAdvice(code int, target string) string {
	const alone = "Redirects are not followed: the signed request is for this endpoint alone. "
	if code == http.StatusMovedPermanently || code == http.StatusPermanentRedirect {
		return "It moved to " + target + " for good. " + alone + "If you trust that address, change the endpoint to it."
	}
	return "It leads to " + target + ". " + alone + "If you trust that address and it takes webhooks, change the endpoint to it; a sign-in page looks like this too."
}

// answered is a header of the newest attempt's answer, "" without one.
func (c DeliveryCase) answered(name string) string {
	if c.Last == nil {
		return ""
	}
	for _, h := range c.Last.Exchange.ResponseHeaders {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

var codeAdvice = map[int]string{
	http.StatusMovedPermanently:  movedAdvice,
	http.StatusPermanentRedirect: movedAdvice,
	http.StatusBadRequest: "The receiver could not read the request, or expects something else at this path. " +
		"The body of its answer below may say what.",
	http.StatusNotFound: "Nothing lives at the path of the endpoint. " +
		"Compare it with the receiver's route, letter case and final slash included, and correct the endpoint.",
	http.StatusMethodNotAllowed: "The path exists, but takes no POST. " +
		"Compare the endpoint with the receiver's route for webhooks.",
	http.StatusRequestTimeout: "The receiver, or a proxy in front of it, did not get the request in time. " +
		"If this goes on, look at the network between.",
	http.StatusGone: "With this status a receiver asks for no more deliveries. It disables the webhook, unless it answers a test. " +
		"Enable the webhook when the receiver wants them again, then redeliver.",
	http.StatusRequestEntityTooLarge: "The body is larger than the receiver, or a proxy in front of it, takes. " +
		"Raise its limit; a payload is rarely more than a few KiB.",
	http.StatusUnsupportedMediaType: "The receiver does not take application/json at this path. " +
		"Compare the endpoint with the receiver's route for webhooks.",
	http.StatusUnprocessableEntity: "The receiver read the payload and refuses what it says. " +
		"The body of its answer below may say why.",
	http.StatusInternalServerError: "The receiver's own program failed. Search its log for the delivery id, which it got as webhook-id.",
	http.StatusBadGateway: "A proxy in front of the receiver got no valid answer from it. " +
		"Look at the program behind the proxy; nothing is wrong with the payload or the signature.",
	http.StatusServiceUnavailable: "The receiver, or a proxy in front of it, has no healthy server to pass the request to. " +
		"Look there; nothing is wrong with the payload or the signature.",
	http.StatusGatewayTimeout: "A proxy in front of the receiver waited for it in vain. " +
		"Let the receiver answer first and do its work afterwards.",
}

const (
	movedAdvice = "Redirects are not followed: the signed request is for this endpoint alone. " +
		"If you trust the address in Location below, change the endpoint to it."
	answerFirst = "The receiver may have got the request all the same. " +
		"Let it answer first and do its work afterwards; if it never sees a request, look at the firewalls between."
)

var reasonAdvice = map[models.Reason]string{
	models.ReasonDNS: "Check how the host is spelt in the endpoint, and that its DNS record is known where Stackhook runs.",
	models.ReasonRefused: "Start the receiver, or correct the port in the endpoint. " +
		"A firewall that rejects connections looks the same.",
	models.ReasonUnreachable: "Look at routes and firewalls between this server and the receiver.",
	models.ReasonReset: "The receiver, or something in front of it, dropped the request, perhaps after it had read it. " +
		"Search its log for the delivery id, which is sent as webhook-id.",
	models.ReasonTimeout: answerFirst,
	models.ReasonTLS: "Let the receiver serve a certificate for the endpoint's host with all its intermediate ones, " +
		"from an authority that this server trusts.",
	models.ReasonBlocked: "The operator of this server does that; if the receiver is elsewhere, correct the endpoint.",
	models.ReasonRedirect: "Redirects are not followed: the signed request is for this endpoint alone. " +
		"The address in Location below, if there is one, says where it leads; a sign-in page looks like this too.",
	models.Reason4xx:      "The receiver refuses the request. The body of its answer below may say why.",
	models.Reason5xx:      "The receiver, or a proxy in front of it, failed. Search its log for the delivery id, which is sent as webhook-id.",
	models.ReasonProtocol: "Something other than an HTTP server seems to listen there. Compare the scheme and the port of the endpoint with the receiver's.",
	models.ReasonInterrupted: "The receiver may have got it all the same. " +
		"Every attempt has the same delivery id, by which a receiver drops what it already has.",
	models.ReasonInternal: "The fault is not the receiver's. Tell the operator; Stackhook's log says more.",
}
