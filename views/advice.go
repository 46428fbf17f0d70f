package views

import (
	"net/http"

	"stackhook/models"
)

// adviceOn says what the likely cause of a failed attempt is and what to do about it. Expired says that it was an
// expired certificate.
func adviceOn(reason models.Reason, code int, expired bool) string {
	if advice, known := codeAdvice[code]; known {
		return advice
	}
	if reason == models.ReasonTLS && expired {
		return "Renew the receiver's certificate; deliveries go on by themselves."
	}
	return reasonAdvice[reason]
}

var codeAdvice = map[int]string{
	http.StatusMovedPermanently:  movedAdvice,
	http.StatusPermanentRedirect: movedAdvice,
	http.StatusBadRequest: "The receiver could not read the request, or expects something else at this path. " +
		"The body of its answer below may say what.",
	http.StatusUnauthorized: unprovenAdvice,
	http.StatusForbidden:    unprovenAdvice,
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
	http.StatusTooManyRequests: "The receiver is asked more often than it allows. " +
		"If it sends Retry-After, that is waited for, up to 24 h; raise its limit if this goes on.",
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
		"Set the endpoint to the address in Location below, if you trust it."
	unprovenAdvice = "The receiver did not accept who sends. Compare the secret that it checks with that of the webhook; " +
		"a proxy that wants people to sign in answers so too."
)

var reasonAdvice = map[models.Reason]string{
	models.ReasonDNS: "Check how the host is spelt in the endpoint, and that its DNS record is known where Stackhook runs.",
	models.ReasonRefused: "Start the receiver, or correct the port in the endpoint. " +
		"A firewall that rejects connections looks the same.",
	models.ReasonUnreachable: "Look at routes and firewalls between this server and the receiver.",
	models.ReasonReset: "The receiver, or something in front of it, dropped the request, perhaps after it had read it. " +
		"Search its log for the delivery id, which is sent as webhook-id.",
	models.ReasonTimeout: "The receiver may have got the request all the same. " +
		"Let it answer first and do its work afterwards; if it never sees a request, look at the firewalls between.",
	models.ReasonTLS: "Let the receiver serve a certificate for the endpoint's host with all its intermediate ones, " +
		"from an authority that this server trusts.",
	models.ReasonBlocked: "An endpoint must not lead into the network that Stackhook runs in, unless its operator allows that.",
	models.ReasonRedirect: "Redirects are not followed: the signed request is for this endpoint alone. " +
		"The address in Location below, if there is one, says where it leads; a sign-in page looks like this too.",
	models.Reason4xx:      "The receiver refuses the request. The body of its answer below may say why.",
	models.Reason5xx:      "The receiver, or a proxy in front of it, failed. Search its log for the delivery id, which is sent as webhook-id.",
	models.ReasonProtocol: "Something other than an HTTP server seems to listen there. Compare the scheme and the port of the endpoint with the receiver's.",
	models.ReasonInterrupted: "The receiver may have got it all the same. " +
		"Every attempt has the same delivery id, by which a receiver drops what it already has.",
	models.ReasonInternal: "The fault is not the receiver's. Tell the operator; Stackhook's log says more.",
}
