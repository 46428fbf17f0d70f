package delivery

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// sample is a job as the claim returns it.
func sample() store.Job {
	return store.Job{
		Delivery: models.Delivery{ID: "01J5ZX0000000000000000ABCD", WebhookID: "01J5ZX0000000000000000WXYZ", Attempt: 3, Status: models.Pending},
		Payload:  []byte(`{"account":"spacelift-io","state":"FINISHED"}`),
	}
}

func targetOf(endpoint string) store.Target {
	return store.Target{Webhook: models.Webhook{EndpointURL: endpoint, Enabled: true}, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
}

// newTestSender returns a sender that may connect to this machine, closed with the test.
func newTestSender(t *testing.T) *sender {
	t.Helper()
	s := newSender(Config{AllowNetworks: loopback}.withDefaults())
	t.Cleanup(s.close)
	return s
}

// overPipe makes the sender's connections go to serve, through memory, as synctest needs it. The test's end waits for
// all of them.
func overPipe(t *testing.T, s *sender, serve func(net.Conn)) {
	var serving sync.WaitGroup
	s.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		serving.Go(func() {
			defer theirs.Close()
			serve(theirs)
		})
		return ours, nil
	}
	t.Cleanup(func() {
		s.close()
		serving.Wait()
	})
}

// readRequest reads one request with its body off a connection.
func readRequest(conn net.Conn) (*http.Request, []byte, error) {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r, body, err
}

// answeringWith serves one request with these bytes and closes.
func answeringWith(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		if _, _, err := readRequest(conn); err == nil {
			io.WriteString(conn, answer)
		}
	}
}

// untilClosed blocks until the other side closes the connection.
func untilClosed(conn net.Conn) { io.Copy(io.Discard, conn) }

// receiver is an HTTP server on this machine that ends with the test.
func receiver(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// hangingDial connects to nobody until its context ends.
func hangingDial(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// endsAfter returns a context that is cancelled after d, as at the end of a shutdown.
func endsAfter(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(d, cancel)
	t.Cleanup(func() { timer.Stop(); cancel() })
	return ctx
}
