package provider

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// askFor bounds one request to the provider: somebody waits in front of the browser.
	askFor = 10 * time.Second
	// maxAnswer is the most that is read of an answer: a token with hundreds of groups has some 50 KiB.
	maxAnswer = 1 << 20
)

// newClient returns a client that gives up in time, reads no more than is sensible, and goes nowhere but where it was sent:
// no endpoint of a provider has reason to redirect a program.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() // with the proxy that the machine's settings name, if any
	transport.DialContext = (&net.Dialer{Timeout: askFor / 2}).DialContext
	transport.TLSHandshakeTimeout = askFor / 2
	transport.MaxResponseHeaderBytes = 64 << 10
	transport.DisableKeepAlives = true // it is asked rarely
	return &http.Client{
		Timeout:       askFor,
		Transport:     bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded cuts answers that are too long.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = &boundedBody{ReadCloser: answer.Body, left: maxAnswer}
	}
	return answer, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

var errTooLong = errors.New("the identity provider's answer is too long")

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
