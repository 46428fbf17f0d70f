package delivery

import (
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs/line"
	"stackhook/models/store/storetest"
)

const (
	// soon is the time-out where an attempt is to run into one; what is to pass meanwhile takes milliseconds, and what is
	// to be late takes many times as long.
	soon = 500 * time.Millisecond
	late = 10 * soon
)

// badLine is what a line does to the first attempt of a delivery.
type badLine struct {
	name    string
	faults  []line.Fault
	down    bool             // it takes no connections at all
	answer  http.HandlerFunc // of the receiver
	timeout time.Duration    // of an attempt; 0 is one that nothing here reaches

	reason  models.Reason
	detail  string // part of it
	cut     bool
	lost    bool          // the request does not arrive whole
	atLeast time.Duration // to the answer's first byte
}

var badLines = []badLine{
	{name: "latency below the time-out", faults: []line.Fault{line.Latency(30 * time.Millisecond), line.Latency(30 * time.Millisecond).Up()}, atLeast: 40 * time.Millisecond},
	{name: "latency beyond the time-out", faults: []line.Fault{line.Latency(late)}, timeout: soon, reason: models.ReasonTimeout, detail: "did not answer within"},
	{name: "slow close after a whole answer", faults: []line.Fault{line.SlowClose(late)}, answer: longAnswer},
	{name: "slow close that is the answer's end", faults: []line.Fault{line.SlowClose(late)}, answer: answerUntilClosed, timeout: soon, cut: true},
	{name: "reset before the answer", faults: []line.Fault{line.Reset()}, reason: models.ReasonReset, detail: "closed the connection before it answered"},
	{name: "reset within the request", faults: []line.Fault{line.Reset().Up()}, reason: models.ReasonReset, lost: true},
	{name: "cut within the request's headers", faults: []line.Fault{line.Limit(50).Up()}, reason: models.ReasonReset, detail: "closed the connection before it answered", lost: true},
	{name: "cut within the request's body", faults: []line.Fault{line.Limit(3000).Up()}, reason: models.ReasonReset, lost: true},
	{name: "cut before the answer", faults: []line.Fault{line.Limit(0)}, answer: longAnswer, reason: models.ReasonReset},
	{name: "cut within the status line", faults: []line.Fault{line.Limit(10)}, answer: longAnswer, reason: models.ReasonProtocol},
	{name: "cut within the headers", faults: []line.Fault{line.Limit(500)}, answer: longAnswer, reason: models.ReasonReset, detail: "before its headers ended"},
	{name: "cut within the body", faults: []line.Fault{line.Limit(3000)}, answer: longAnswer, cut: true},
	{name: "little bandwidth", faults: []line.Fault{line.Bandwidth(200), line.Bandwidth(200).Up()}, answer: longAnswer},
	{name: "too little bandwidth for the request", faults: []line.Fault{line.Bandwidth(1).Up()}, timeout: soon, reason: models.ReasonTimeout, detail: "did not answer within", lost: true},
	{name: "too little bandwidth for the headers", faults: []line.Fault{line.Bandwidth(1)}, answer: longAnswer, timeout: soon, reason: models.ReasonTimeout, detail: "its headers did not end within"},
	{name: "too little bandwidth for the body", faults: []line.Fault{line.Bandwidth(10)}, answer: keptAnswer, timeout: soon, cut: true},
	{name: "the request is swallowed", faults: []line.Fault{line.Swallow().Up()}, timeout: soon, reason: models.ReasonTimeout, detail: "did not answer within", lost: true},
	{name: "the answer is swallowed", faults: []line.Fault{line.Swallow()}, timeout: soon, reason: models.ReasonTimeout, detail: "did not answer within"},
	{name: "no connection", down: true, reason: models.ReasonRefused, detail: "refused the connection", lost: true},
}

// longAnswer has headers of over 1,000 bytes, which a cut after 500 is within, and a body, which one after 3,000 is
// within.
func longAnswer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Padding", strings.Repeat("p", 1000))
	w.Header().Set("Content-Length", "4000")
	io.WriteString(w, strings.Repeat("b", 4000))
}

func answerUntilClosed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Transfer-Encoding", "identity") // no length: the body ends with the connection
	io.WriteString(w, "thanks")
}

// keptAnswer has a body of about all that is kept. At 10 kB a second its headers take a tenth of one, and it over one.
func keptAnswer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "16000")
	io.WriteString(w, strings.Repeat("b", 16000))
}

// Whatever the line does, the attempt says so, and the delivery arrives once it is well again: the same id, the same bytes.
func TestBadLines(t *testing.T) {
	t.Parallel()
	for _, c := range badLines {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := &mailbox{answer: c.answer}
			c.try(t, m, receiver(t, m.ServeHTTP).URL)
		})
	}
}

func TestBadLinesUnderTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []badLine{
		{name: "cut within the client's hello", faults: []line.Fault{line.Limit(100).Up()}, reason: models.ReasonReset, detail: "closed the connection before it answered", lost: true},
		{name: "cut within the server's hello", faults: []line.Fault{line.Limit(100)}, reason: models.ReasonReset, lost: true},
		{name: "reset within the handshake", faults: []line.Fault{line.Reset()}, reason: models.ReasonReset, lost: true},
		{name: "swallowed in the handshake", faults: []line.Fault{line.Swallow()}, timeout: soon, reason: models.ReasonTimeout, detail: "did not finish the TLS handshake within", lost: true},
		{name: "cut within the body", faults: []line.Fault{line.Limit(6000)}, answer: keptAnswer, cut: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			trusted := newAuthority(t)
			m := &mailbox{answer: c.answer}
			certificate := trusted.sign(t, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} }) // the line's
			c.try(t, m, tlsReceiver(t, certificate, m.ServeHTTP).URL, func(e *Engine) { trusted.trustedBy(e.sender) })
		})
	}
}

// try makes the attempt of a delivery over the line, and when it failed mends the line.
func (c badLine) try(t *testing.T, m *mailbox, receiver string, change ...func(*Engine)) {
	s := newSite(t, storetest.New(t))
	l := line.New(t, receiver+"/hook")
	l.Lay(c.faults...)
	if c.down {
		l.Cut()
	}
	storetest.Webhook(t, s.store, s.stack, l.URL(), secret)
	s.config.Timeout = or(c.timeout, patience)
	s.config.ConnectTimeout = s.config.Timeout
	delivered := make(chan struct{})
	mend := sync.OnceFunc(func() {
		if !c.lost {
			await(t, "the request arrives", func() bool { return m.count() > 0 })
		}
		l.Lay()
	})
	s.config.Logger = slog.New(hearing(func(message string) {
		switch message {
		case "attempt failed":
			mend()
		case "delivered":
			close(delivered)
		}
	}))
	s.start(s.store, change...)
	id := s.report()
	select {
	case <-delivered:
	case <-time.After(patience):
		t.Error("it did not arrive")
	}
	c.check(s, m, id)
}

func (c badLine) check(s *site, m *mailbox, id string) {
	d, attempts := s.attempts(id)
	first, last := attempts[0], attempts[len(attempts)-1]
	if first.Reason != c.reason || !strings.Contains(first.Detail, c.detail) || first.Exchange.Cut != c.cut || first.FirstByte < c.atLeast {
		s.t.Errorf("first attempt: reason %q, detail %q, cut %v, first byte after %v", first.Reason, first.Detail, first.Exchange.Cut, first.FirstByte)
	}
	wantCode := 0
	if c.reason == "" {
		wantCode = http.StatusOK
	}
	if first.Code != wantCode || (len(attempts) > 1) != (c.reason != "") {
		s.t.Errorf("first attempt: code %d, of %d", first.Code, len(attempts))
	}
	if d.Status != models.Delivered || last.Reason != "" || last.Code != http.StatusOK {
		s.t.Errorf("the delivery is %s; its last attempt %q (%s), %d", d.Status, last.Reason, last.Detail, last.Code)
	}
	if ids, bodies := m.ids(), m.of(id); len(ids) != 1 || !allAre(bodies, s.payload(d)) || len(bodies) > len(attempts) || len(bodies) == len(attempts) && c.lost {
		s.t.Errorf("ids %v, %d whole requests by %d attempts", ids, len(bodies), len(attempts))
	}
}
