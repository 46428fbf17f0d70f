package views_test

import (
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/views"
)

var (
	sealed  = models.Webhook{Enabled: true, SecretSealed: []byte{1}, CreatedAt: noon, SecretChangedAt: noon}
	changed = models.Webhook{Enabled: true, SecretSealed: []byte{1}, CreatedAt: noon, SecretChangedAt: noon.Add(time.Hour)}
)

// failures are all causes of a failed attempt with the sentence and the advice that people read.
var failures = []failure{
	{"no such name", failed{reason: models.ReasonDNS, cause: models.CauseNoName, detail: "The name a.example is not known to DNS."}, "DNS does not know the host's name", "The name a.example is not known to DNS. Check how the host is spelt in the endpoint, and that its DNS record is known where Stackhook runs."},
	{"late look-up", failed{reason: models.ReasonDNS, cause: models.CauseLateLookup, detail: "The look-up of a.example in DNS did not end in time."}, "the look-up of the host's name did not end in time", "The look-up of a.example in DNS did not end in time. Look at the DNS server that this server asks, and at those of the host's domain."},
	{"failed look-up", failed{reason: models.ReasonDNS, detail: "The look-up of a.example in DNS failed."}, "the host's name has no address", "The look-up of a.example in DNS failed. Check how the host is spelt in the endpoint, and that its DNS record is known where Stackhook runs."},
	{"refused", failed{reason: models.ReasonRefused, detail: "192.0.2.1:443 refused the connection: nothing listens on that port."}, "the connection was refused", "192.0.2.1:443 refused the connection: nothing listens on that port. Start the receiver, or correct the port in the endpoint. A firewall that rejects connections looks the same."},
	{"unreachable", failed{reason: models.ReasonUnreachable, detail: "There is no route to 192.0.2.1:443 from this server."}, "the receiver cannot be reached", "There is no route to 192.0.2.1:443 from this server. Look at routes and firewalls between this server and the receiver."},
	{"closed early", failed{reason: models.ReasonReset, detail: "192.0.2.1:443 closed the connection before it answered."}, "the connection was closed without an answer", "192.0.2.1:443 closed the connection before it answered. The receiver, or something in front of it, dropped the request, perhaps after it had read it. Search its log for the delivery id, which is sent as webhook-id."},
	{"closed within the answer", failed{reason: models.ReasonReset, cause: models.CauseBrokenHeaders, detail: "192.0.2.1:443 began to answer, and closed the connection before its headers ended."}, "the connection was closed within the answer", "192.0.2.1:443 began to answer, and closed the connection before its headers ended. The receiver, or a proxy in front of it, ended while it answered. Search its log for the delivery id, which it got as webhook-id."},
	{"late connection", failed{reason: models.ReasonTimeout, cause: models.CauseLateConnect, detail: "192.0.2.1:443 did not take the connection within 5s."}, "the connection did not come about in time", "192.0.2.1:443 did not take the connection within 5s. A firewall that drops packets without a word looks like this, and so does a machine that is down. Look at both, and compare the port in the endpoint with the receiver's."},
	{"late handshake", failed{reason: models.ReasonTimeout, cause: models.CauseLateHandshake, detail: "192.0.2.1:443 did not finish the TLS handshake within 5s."}, "the TLS handshake did not end in time", "192.0.2.1:443 did not finish the TLS handshake within 5s. Something took the connection and then said nothing. Look at the load of the receiver and of what stands before it, and whether that port speaks TLS."},
	{"late first byte", failed{reason: models.ReasonTimeout, cause: models.CauseLateAnswer, detail: "192.0.2.1:443 did not answer within 10s."}, "there was no answer in time", "192.0.2.1:443 did not answer within 10s. The receiver may have got the request all the same. Let it answer first and do its work afterwards; if it never sees a request, look at the firewalls between."},
	{"late headers", failed{reason: models.ReasonTimeout, cause: models.CauseLateHeaders, detail: "192.0.2.1:443 began to answer, but its headers did not end within 10s."}, "the answer began and did not go on in time", "192.0.2.1:443 began to answer, but its headers did not end within 10s. The receiver has the request. Look at what it does while it answers: only its status line and headers are waited for."},
	{"late, of before causes were recorded", failed{reason: models.ReasonTimeout, detail: "192.0.2.1:443 did not answer within 10s."}, "there was no answer in time", "192.0.2.1:443 did not answer within 10s. The receiver may have got the request all the same. Let it answer first and do its work afterwards; if it never sees a request, look at the firewalls between."},
	{"certificate expired", failed{reason: models.ReasonTLS, cause: models.CauseExpired, detail: "The certificate expired on 1 October 2026.", expires: noon.AddDate(0, 0, -5)}, "the receiver's certificate expired on 1 October 2026", "The certificate expired on 1 October 2026. Renew the receiver's certificate; deliveries go on by themselves."},
	{"intermediate certificate expired", failed{reason: models.ReasonTLS, cause: models.CauseExpired, detail: "The certificate expired on 1 October 2026.", expires: noon.AddDate(0, 1, 0)}, "a certificate that the receiver sends has expired", "The certificate expired on 1 October 2026. Renew it; it may be an intermediate one. Deliveries go on by themselves."},
	{"certificate of tomorrow", failed{reason: models.ReasonTLS, cause: models.CauseNotYetValid, detail: "The certificate is not valid before 7 October 2026."}, "the receiver's certificate is not valid yet", "The certificate is not valid before 7 October 2026. Let the receiver serve one that is, or set this server's clock if that is wrong."},
	{"certificate of another name", failed{reason: models.ReasonTLS, cause: models.CauseOtherName, detail: "The certificate is not for a.example."}, "the receiver's certificate is for another name", "The certificate is not for a.example. Let the receiver serve a certificate for the endpoint's host, or correct the host in the endpoint. A proxy that does not know the host sends its default certificate."},
	{"certificate of an unknown issuer", failed{reason: models.ReasonTLS, cause: models.CauseUntrusted, detail: "The certificate is not signed by an authority that this server trusts, or an intermediate certificate is missing."}, "the receiver's certificate is of an unknown issuer", "The certificate is not signed by an authority that this server trusts, or an intermediate certificate is missing. Let the receiver send all its intermediate certificates; if the authority is your own, the operator must add it to those that this server trusts."},
	{"a client's certificate", failed{reason: models.ReasonTLS, cause: models.CauseUnfit, detail: "The certificate is not valid for a server."}, "the receiver's certificate is not one for a server", "The certificate is not valid for a server. Let the receiver serve a certificate that was made for servers, with all its intermediate ones."},
	{"no TLS at all", failed{reason: models.ReasonTLS, cause: models.CauseNotTLS, detail: "192.0.2.1:443 does not speak TLS on this port."}, "the port does not speak TLS", "192.0.2.1:443 does not speak TLS on this port. Correct the scheme or the port in the endpoint, or let the receiver speak TLS there."},
	{"TLS of another time", failed{reason: models.ReasonTLS, detail: "192.0.2.1:443 did not agree on an encrypted connection."}, "no trusted encrypted connection came about", "192.0.2.1:443 did not agree on an encrypted connection. Let the receiver serve a certificate for the endpoint's host with all its intermediate ones, from an authority that this server trusts."},
	{"blocked address", failed{reason: models.ReasonBlocked, detail: "10.0.0.1 is in 10.0.0.0/8 (private network). Only public addresses are sent to; to allow this one, add its network to STACKHOOK_ALLOW_NETWORKS."}, "the endpoint's address is not allowed", "10.0.0.1 is in 10.0.0.0/8 (private network). Only public addresses are sent to; to allow this one, add its network to STACKHOOK_ALLOW_NETWORKS. The operator of this server does that; if the receiver is elsewhere, correct the endpoint."},
	{"no HTTP", failed{reason: models.ReasonProtocol, detail: "What 192.0.2.1:443 answered is not a valid HTTP response."}, "the answer was not valid HTTP", "What 192.0.2.1:443 answered is not a valid HTTP response. Something other than an HTTP server seems to listen there. Compare the scheme and the port of the endpoint with the receiver's."},
	{"no final status", failed{reason: models.ReasonProtocol, code: 101}, "the receiver answered 101 Switching Protocols", "Something other than an HTTP server seems to listen there. Compare the scheme and the port of the endpoint with the receiver's."},
	{"interrupted", failed{reason: models.ReasonInterrupted, detail: "Stackhook was shut down before the answer came. The request may have been received."}, "Stackhook ended before the answer came", "Stackhook was shut down before the answer came. The request may have been received. The receiver may have got it all the same. Every attempt has the same delivery id, by which a receiver drops what it already has."},
	{"internal", failed{reason: models.ReasonInternal, detail: "This server has no open files or memory left for another connection."}, "Stackhook could not send it", "This server has no open files or memory left for another connection. The fault is not the receiver's. Tell the operator; Stackhook's log says more."},
	{"moved", failed{reason: models.ReasonRedirect, code: 301, header: models.Header{Name: "Location", Value: "https://b.example/new"}}, "the receiver answered 301 Moved Permanently", "It moved to https://b.example/new for good. Redirects are not followed: the signed request is for this endpoint alone. If you trust that address, change the endpoint to it."},
	{"moved on the same host", failed{reason: models.ReasonRedirect, code: 308, header: models.Header{Name: "location", Value: "../new/?x=1#top"}}, "the receiver answered 308 Permanent Redirect", "It moved to https://a.example/new/?x=1 for good. Redirects are not followed: the signed request is for this endpoint alone. If you trust that address, change the endpoint to it."},
	{"moved to another name that looks alike", failed{reason: models.ReasonRedirect, code: 301, header: models.Header{Name: "Location", Value: "https://аpple.example/"}}, "the receiver answered 301 Moved Permanently", "It moved to https://xn--pple-43d.example/ for good. Redirects are not followed: the signed request is for this endpoint alone. If you trust that address, change the endpoint to it."},
	{"moved nowhere", failed{reason: models.ReasonRedirect, code: 301}, "the receiver answered 301 Moved Permanently", "Redirects are not followed: the signed request is for this endpoint alone. If you trust the address in Location below, change the endpoint to it."},
	{"moved to itself", failed{reason: models.ReasonRedirect, code: 308, header: models.Header{Name: "Location", Value: "/hooks/"}}, "the receiver answered 308 Permanent Redirect", "Redirects are not followed: the signed request is for this endpoint alone. If you trust the address in Location below, change the endpoint to it."},
	{"moved to a script", failed{reason: models.ReasonRedirect, code: 301, header: models.Header{Name: "Location", Value: "javascript:alert(1)"}}, "the receiver answered 301 Moved Permanently", "Redirects are not followed: the signed request is for this endpoint alone. If you trust the address in Location below, change the endpoint to it."},
	{"moved with a password", failed{reason: models.ReasonRedirect, code: 301, header: models.Header{Name: "Location", Value: "https://user:pass@b.example/"}}, "the receiver answered 301 Moved Permanently", "Redirects are not followed: the signed request is for this endpoint alone. If you trust the address in Location below, change the endpoint to it."},
	{"moved with marks", failed{reason: models.ReasonRedirect, code: 301, header: models.Header{Name: "Location", Value: "https://b.example/\u202egnp\x1b[2J"}}, "the receiver answered 301 Moved Permanently", "Redirects are not followed: the signed request is for this endpoint alone. If you trust the address in Location below, change the endpoint to it."},
	{"leads to a sign-in page", failed{reason: models.ReasonRedirect, code: 302, header: models.Header{Name: "Location", Value: "https://sign-in.example/?back=1"}}, "the receiver answered 302 Found", "It leads to https://sign-in.example/?back=1. Redirects are not followed: the signed request is for this endpoint alone. If you trust that address and it takes webhooks, change the endpoint to it; a sign-in page looks like this too."},
	{"see other", failed{reason: models.ReasonRedirect, code: 303, header: models.Header{Name: "Location", Value: "/ok"}}, "the receiver answered 303 See Other", "It leads to https://a.example/ok. Redirects are not followed: the signed request is for this endpoint alone. If you trust that address and it takes webhooks, change the endpoint to it; a sign-in page looks like this too."},
	{"temporary", failed{reason: models.ReasonRedirect, code: 307, header: models.Header{Name: "Location", Value: "https://b.example/hooks/"}}, "the receiver answered 307 Temporary Redirect", "It leads to https://b.example/hooks/. Redirects are not followed: the signed request is for this endpoint alone. If you trust that address and it takes webhooks, change the endpoint to it; a sign-in page looks like this too."},
	{"leads nowhere", failed{reason: models.ReasonRedirect, code: 302}, "the receiver answered 302 Found", "Redirects are not followed: the signed request is for this endpoint alone. The address in Location below, if there is one, says where it leads; a sign-in page looks like this too."},
	{"many choices", failed{reason: models.ReasonRedirect, code: 300}, "the receiver answered 300 Multiple Choices", "Redirects are not followed: the signed request is for this endpoint alone. The address in Location below, if there is one, says where it leads; a sign-in page looks like this too."},
	{"bad request", failed{reason: models.Reason4xx, code: 400}, "the receiver answered 400 Bad Request", "The receiver could not read the request, or expects something else at this path. The body of its answer below may say what."},
	{"unauthorised with an old secret", failed{reason: models.Reason4xx, code: 401, webhook: changed}, "the receiver answered 401 Unauthorized", "The receiver did not accept who sends. It may verify with an older secret: the webhook's was changed on 6 October 2026 at 13:00. Compare the two. A proxy that wants people to sign in answers so too."},
	{"unauthorised with the first secret", failed{reason: models.Reason4xx, code: 401, webhook: sealed}, "the receiver answered 401 Unauthorized", "The receiver did not accept who sends. It may verify with an older secret, or with another: compare it with the webhook's. A proxy that wants people to sign in answers so too."},
	{"forbidden without a secret", failed{reason: models.Reason4xx, code: 403}, "the receiver answered 403 Forbidden", "The receiver did not accept who sends. The webhook has no secret, so its signatures prove nothing: set the one that the receiver verifies with. A proxy that wants people to sign in answers so too."},
	{"forbidden with an old secret", failed{reason: models.Reason4xx, code: 403, webhook: changed}, "the receiver answered 403 Forbidden", "The receiver did not accept who sends. It may verify with an older secret: the webhook's was changed on 6 October 2026 at 13:00. Compare the two. A proxy that wants people to sign in answers so too."},
	{"not found", failed{reason: models.Reason4xx, code: 404}, "the receiver answered 404 Not Found", "Nothing lives at the path of the endpoint. Compare it with the receiver's route, letter case and final slash included, and correct the endpoint."},
	{"method", failed{reason: models.Reason4xx, code: 405}, "the receiver answered 405 Method Not Allowed", "The path exists, but takes no POST. Compare the endpoint with the receiver's route for webhooks."},
	{"request time-out", failed{reason: models.Reason4xx, code: 408}, "the receiver answered 408 Request Timeout", "The receiver, or a proxy in front of it, did not get the request in time. If this goes on, look at the network between."},
	{"too large", failed{reason: models.Reason4xx, code: 413}, "the receiver answered 413 Request Entity Too Large", "The body is larger than the receiver, or a proxy in front of it, takes. Raise its limit; a payload is rarely more than a few KiB."},
	{"type", failed{reason: models.Reason4xx, code: 415}, "the receiver answered 415 Unsupported Media Type", "The receiver does not take application/json at this path. Compare the endpoint with the receiver's route for webhooks."},
	{"says no", failed{reason: models.Reason4xx, code: 422}, "the receiver answered 422 Unprocessable Entity", "The receiver read the payload and refuses what it says. The body of its answer below may say why."},
	{"teapot", failed{reason: models.Reason4xx, code: 418}, "the receiver answered 418 I'm a teapot", "The receiver refuses the request. The body of its answer below may say why."},
	{"gone", failed{reason: models.ReasonGone, code: 410}, "the receiver answered 410 Gone", "With this status a receiver asks for no more deliveries. It disables the webhook, unless it answers a test. Enable the webhook when the receiver wants them again, then redeliver."},
	{"too many", failed{reason: models.Reason4xx, code: 429, header: models.Header{Name: "Retry-After", Value: "90"}}, "the receiver answered 429 Too Many Requests", "The receiver is asked more often than it allows. With Retry-After it asked to wait 1 min 30 s, which is kept to. Raise its limit if this goes on."},
	{"too many, until a time", failed{reason: models.Reason4xx, code: 429, header: models.Header{Name: "Retry-After", Value: "Tue, 06 Oct 2026 12:30:00 GMT"}}, "the receiver answered 429 Too Many Requests", "The receiver is asked more often than it allows. With Retry-After it asked to wait until 6 Oct 2026, 12:30:00, which is kept to, up to 24 h. Raise its limit if this goes on."},
	{"too many, for ever", failed{reason: models.Reason4xx, code: 429, header: models.Header{Name: "Retry-After", Value: "99999999999999999999"}}, "the receiver answered 429 Too Many Requests", "The receiver is asked more often than it allows. With Retry-After it asked to wait for more than 24 h; it is tried again after 24 h. Raise its limit if this goes on."},
	{"too many, in words", failed{reason: models.Reason4xx, code: 429, header: models.Header{Name: "Retry-After", Value: "soon\u202e"}}, "the receiver answered 429 Too Many Requests", "The receiver is asked more often than it allows. It did not say in Retry-After how long to wait, so the schedule goes on. Raise its limit if this goes on."},
	{"too many, without a word", failed{reason: models.Reason4xx, code: 429}, "the receiver answered 429 Too Many Requests", "The receiver is asked more often than it allows. It did not say in Retry-After how long to wait, so the schedule goes on. Raise its limit if this goes on."},
	{"failed", failed{reason: models.Reason5xx, code: 500}, "the receiver answered 500 Internal Server Error", "The receiver's own program failed. Search its log for the delivery id, which it got as webhook-id."},
	{"bad gateway", failed{reason: models.Reason5xx, code: 502}, "the receiver answered 502 Bad Gateway", "A proxy in front of the receiver got no valid answer from it. Look at the program behind the proxy; nothing is wrong with the payload or the signature."},
	{"unavailable", failed{reason: models.Reason5xx, code: 503}, "the receiver answered 503 Service Unavailable", "The receiver, or a proxy in front of it, has no healthy server to pass the request to. Look there; nothing is wrong with the payload or the signature."},
	{"gateway time-out", failed{reason: models.Reason5xx, code: 504}, "the receiver answered 504 Gateway Timeout", "A proxy in front of the receiver waited for it in vain. Let the receiver answer first and do its work afterwards."},
	{"of its own", failed{reason: models.Reason5xx, code: 599}, "the receiver answered 599", "The receiver, or a proxy in front of it, failed. Search its log for the delivery id, which is sent as webhook-id."},
	{"unavailable for a while", failed{reason: models.Reason5xx, code: 503, header: models.Header{Name: "Retry-After", Value: "120"}}, "the receiver answered 503 Service Unavailable", "The receiver, or a proxy in front of it, has no healthy server to pass the request to. Look there; nothing is wrong with the payload or the signature. With Retry-After it asked to wait 2 min, which is kept to."},
}

type failure struct {
	name string
	failed
	want   string // after "Test failed: "
	advice string
}

// failed is how an attempt failed, and of which webhook.
type failed struct {
	reason  models.Reason
	cause   models.Cause
	code    int
	detail  string
	expires time.Time
	header  models.Header
	webhook models.Webhook
}

func TestEveryCauseHasItsSentenceAndAdvice(t *testing.T) {
	t.Parallel()
	for _, c := range failures {
		last := models.Attempt{
			Reason: c.reason, Cause: c.cause, Code: c.code, Detail: c.detail, URL: "https://a.example/hooks/", StartedAt: noon, CertificateExpiresAt: c.expires,
			Exchange: models.Exchange{ResponseHeaders: []models.Header{{Name: "Server", Value: "x"}, c.header}},
		}
		v := views.DeliveryCase{
			Delivery: models.Delivery{Status: models.Failed, Test: true, Reason: c.reason, Code: c.code, Tries: 1}, Last: &last, Webhook: c.webhook, Now: noon,
		}.Verdict()
		if got := whole(v); got != "Test failed: "+c.want+". A test is not repeated." || v.Cause == "" {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
		if v.Advice != c.advice {
			t.Errorf("%s advises\ngot  %s\nwant %s", c.name, v.Advice, c.advice)
		}
	}
}

func TestNoCauseIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, reason := range models.AttemptReasons() {
		for _, cause := range append(models.Causes(reason), "") {
			if !slices.ContainsFunc(failures, func(f failure) bool { return f.reason == reason && f.cause == cause }) {
				t.Errorf("%s %s is not in the table", reason, cause)
			}
		}
	}
}
