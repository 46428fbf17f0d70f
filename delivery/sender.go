package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// sender makes the request of one attempt.
type sender struct {
	transport *http.Transport
	config    Config
}

func newSender(c Config) *sender {
	return &sender{config: c, transport: &http.Transport{
		Proxy:       nil, // a proxy would connect where the guard cannot see
		DialContext: newDialer(c).dial,
		// An own DialContext means HTTP/1.1 unless this is set.
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: c.ConnectTimeout,
		// Many webhooks may share a host, so all requests may need a connection to the same one. With fewer idle ones
		// than requests at once, most requests would connect anew.
		MaxIdleConns: c.MaxInFlight, MaxIdleConnsPerHost: c.MaxInFlight,
		// Less than the 5 s after which widespread servers (Apache, Node) close an idle connection by default: a request
		// on one that is just being closed is lost, and may not be repeated unseen.
		IdleConnTimeout: 4 * time.Second,
		// Receivers' headers are kept to 40 KiB at most; the default of 10 MB would let them fill the memory.
		MaxResponseHeaderBytes: 64 << 10,
		// Nothing is asked for compressed: little of a body is read. What comes compressed all the same is decoded in
		// answer.go, where what comes out is bounded.
		DisableCompression: true,
		HTTP2: &http.HTTP2Config{
			// The defaults would buffer 4 MiB of each body that is not read.
			MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 1 << 20,
			// A connection that died silently is found out between requests, not by letting each of them time out.
			SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second,
		},
	}}
}

// close ends the idle connections.
func (s *sender) close() { s.transport.CloseIdleConnections() }

// sent is an attempt as it is to be recorded.
type sent struct {
	models.Attempt
	begun      bool          // the receiver may have the request
	retryAfter time.Duration // what the receiver asked for
}

// send makes the attempt of a job. The end of the context cuts it off: once its request was begun, the receiver may have
// it all the same.
func (s *sender) send(ctx context.Context, job store.Job, target store.Target) sent {
	a := newAttempt(job, target)
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	with, known := signersOf(job.Delivery, target)
	if !known {
		return internal(a, "The prepared secret that this test was to be signed with is gone: it was discarded, or replaced. Nothing was sent.")
	}
	a.SignedBy = with.prints
	request, err := s.request(ctx, job, target.Webhook.EndpointURL, with, &a)
	if err != nil {
		return internal(a, "The stored endpoint is not a URL. Edit the webhook and save its endpoint again.")
	}
	var t trace
	request.GetBody = t.once(request.GetBody)
	// RoundTrip, not http.Client: nothing is followed, and no error holds the URL.
	response, err := s.transport.RoundTrip(request.WithContext(t.watch(ctx)))
	if err != nil {
		reached := t.fill(&a, time.Now())
		a.Reason = judgeError(err, reached)
		a.Cause = causeOf(err, a.Reason, reached)
		a.CertificateExpiresAt = refusedCertificate(err)
		a.Detail = explain(failure{err, a, request.URL.Hostname(), s.config})
		return sent{Attempt: a, begun: t.times() > 0}
	}
	a.Code, a.Protocol, a.Reason = response.StatusCode, response.Proto, judgeStatus(response.StatusCode)
	a.Detail = explainStatus(a.Code, a.Reason)
	describeTLS(&a, response.TLS)
	keepAnswer(&a.Exchange, response)
	t.fill(&a, time.Now())
	return sent{a, true, parseRetryAfter(response.Header.Get("Retry-After"), a.StartedAt.Add(a.Total))}
}

// errEndedTwice is of a request that its receiver ended twice without an answer.
var errEndedTwice = errors.New("ended twice")

// once lets the transport send the body a second time and no more. It repeats, unseen, what a receiver that speaks HTTP/2
// says that it did not process: GOAWAY, REFUSED_STREAM, and PROTOCOL_ERROR, where that is a guess. On a connection that
// is being closed in good order this spares an attempt, but by itself it would end with the attempt's time only: on a new
// connection each time, thousands of requests.
func (t *trace) once(body func() (io.ReadCloser, error)) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		if t.times() > 1 {
			return nil, errEndedTwice
		}
		return body()
	}
}

func newAttempt(job store.Job, target store.Target) models.Attempt {
	return models.Attempt{
		DeliveryID: job.Delivery.ID, Number: job.Delivery.Attempt, StartedAt: time.Now(), URL: target.Webhook.EndpointURL,
	}
}

// internal is an attempt that failed through our own fault.
func internal(a models.Attempt, detail string) sent {
	a.Reason, a.Detail, a.Total = models.ReasonInternal, detail, time.Since(a.StartedAt)
	return sent{Attempt: a}
}

// request makes the HTTP request and notes its headers in the attempt.
func (s *sender) request(ctx context.Context, job store.Job, endpoint string, with signers, a *models.Attempt) (*http.Request, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, errors.New("not a URL") // the parser's error would hold it
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(job.Payload))
	if err != nil {
		return nil, errors.New("not a URL")
	}
	headers := append(Sign(job.Payload, with.secret, job.Delivery.ID, a.StartedAt, with.also...), models.Header{Name: "Content-Type", Value: "application/json"})
	if job.Delivery.Test {
		headers = append(headers, models.Header{Name: "X-Stackhook-Test", Value: "1"})
	}
	agent := models.Header{Name: "User-Agent", Value: "Stackhook/" + s.config.Version}
	for _, h := range append(headers, agent) {
		r.Header[h.Name] = []string{h.Value} // spelt as documented, where HTTP/1.1 lets us
	}
	// In the order in which net/http writes them over HTTP/1.1: these three, then the others by name.
	slices.SortFunc(headers, func(a, b models.Header) int { return strings.Compare(a.Name, b.Name) })
	a.Exchange.RequestHeaders = append([]models.Header{
		{Name: "Host", Value: u.Host},
		agent,
		{Name: "Content-Length", Value: strconv.Itoa(len(job.Payload))},
	}, headers...)
	return r, nil
}

func describeTLS(a *models.Attempt, state *tls.ConnectionState) {
	if state == nil {
		return
	}
	a.TLSVersion = tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		a.CertificateExpiresAt = state.PeerCertificates[0].NotAfter
	}
}

// refusedCertificate returns the end of the certificate that an error is about, zero if it is about none.
func refusedCertificate(err error) time.Time {
	if c := certificateOf(err); c != nil {
		return c.NotAfter
	}
	return time.Time{}
}

func certificateOf(err error) *x509.Certificate {
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) && len(refused.UnverifiedCertificates) > 0 {
		return refused.UnverifiedCertificates[0]
	}
	return nil
}
