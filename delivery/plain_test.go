package delivery

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"stackhook/models"
)

// Each reason is explained in one sentence that quotes no error, whose text could hold what is secret.
func TestExplain(t *testing.T) {
	t.Parallel()
	hidden := errors.New("s3cret")
	for _, c := range []struct {
		reason  models.Reason
		err     error
		reached phase
		cause   models.Cause
		want    string
	}{
		{models.ReasonDNS, &net.DNSError{Err: "s3cret", IsNotFound: true}, connecting, models.CauseNoName, "The name example.com is not known to DNS."},
		{models.ReasonDNS, &net.DNSError{Err: "s3cret", IsTimeout: true}, connecting, models.CauseLateLookup, "The look-up of example.com in DNS did not end in time."},
		{models.ReasonDNS, &net.DNSError{Err: "s3cret"}, connecting, "", "The look-up of example.com in DNS failed."},
		{models.ReasonRefused, hidden, connecting, "", "192.0.2.1:443 refused the connection: nothing listens on that port."},
		{models.ReasonUnreachable, hidden, connecting, "", "There is no route to 192.0.2.1:443 from this server."},
		{models.ReasonReset, hidden, waiting, "", "192.0.2.1:443 closed the connection before it answered."},
		{models.ReasonReset, hidden, answering, models.CauseBrokenHeaders, "192.0.2.1:443 began to answer, and closed the connection before its headers ended."},
		{models.ReasonTimeout, hidden, connecting, models.CauseLateConnect, "192.0.2.1:443 did not take the connection within 5s."},
		{models.ReasonTimeout, hidden, handshaking, models.CauseLateHandshake, "192.0.2.1:443 did not finish the TLS handshake within 5s."},
		{models.ReasonTimeout, hidden, waiting, models.CauseLateAnswer, "192.0.2.1:443 did not answer within 10s."},
		{models.ReasonTimeout, hidden, answering, models.CauseLateHeaders, "192.0.2.1:443 began to answer, but its headers did not end within 10s."},
		{models.ReasonTLS, hidden, handshaking, "", "192.0.2.1:443 did not agree on an encrypted connection."},
		{models.ReasonBlocked, &blockedError{[]netip.Addr{netip.MustParseAddr("10.0.0.1")}}, connecting, "", "10.0.0.1 is in 10.0.0.0/8 (private network). Only public addresses are sent to; to allow this one, add its network to STACKHOOK_ALLOW_NETWORKS."},
		{models.ReasonProtocol, hidden, answering, "", "What 192.0.2.1:443 answered is not a valid HTTP response."},
		{models.ReasonInterrupted, hidden, waiting, "", "Stackhook was shut down before the answer came. The request may have been received."},
		{models.ReasonInternal, hidden, connecting, "", "This server has no open files or memory left for another connection."},
	} {
		a := models.Attempt{Reason: c.reason, Cause: causeOf(c.err, c.reason, c.reached), Address: "192.0.2.1:443"}
		got := explain(failure{c.err, a, "example.com", Defaults()})
		if a.Cause != c.cause {
			t.Errorf("%s: the cause is %q, want %q", c.reason, a.Cause, c.cause)
		}
		if got != c.want || strings.Contains(got, "s3cret") {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestExplainNamesTheHostBeforeThereIsAnAddress(t *testing.T) {
	t.Parallel()
	got := explain(failure{errors.New("late"), models.Attempt{Reason: models.ReasonTimeout, Cause: models.CauseLateConnect}, "example.com", Defaults()})
	if got != "example.com did not take the connection within 5s." {
		t.Errorf("%q", got)
	}
}
