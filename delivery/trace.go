package delivery

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"

	"stackhook/models"
)

// trace notes when the phases of one attempt happened. A connection that the transport began for this attempt may still
// report after the attempt went out on another one: hence the lock, and got.
type trace struct {
	mu    sync.Mutex
	begun int // how often a connection was chosen for the request
	hops
}

// hops are the starts and ends of the phases, zero where one did not happen.
type hops struct {
	lookup, lookedUp  time.Time
	dial, dialled     time.Time
	handshake, shaken time.Time
	wrote, first      time.Time
	address           string
	got, reused       bool // a connection was chosen, an idle one
}

// watch returns a context whose request is noted in t.
func (t *trace) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport starts anew, unasked, when an idle connection breaks before a byte was written to it, or a receiver
		// that speaks HTTP/2 says that it did not take the request.
		GetConn:  func(string) { t.note(func(time.Time) { t.hops = hops{} }) },
		DNSStart: func(httptrace.DNSStartInfo) { t.note(func(now time.Time) { t.lookup = now }) },
		DNSDone:  func(httptrace.DNSDoneInfo) { t.note(func(now time.Time) { t.lookedUp = now }) },
		// A name may have several addresses, which are dialled one after the other, or two at once.
		ConnectStart: func(_, address string) {
			t.note(func(now time.Time) {
				if t.got {
					return
				}
				t.address = address
				if t.dial.IsZero() {
					t.dial = now
				}
			})
		},
		ConnectDone: func(_, _ string, err error) {
			t.note(func(now time.Time) {
				if err == nil && t.dialled.IsZero() {
					t.dialled = now
				}
			})
		},
		TLSHandshakeStart: func() { t.note(func(now time.Time) { t.handshake = now }) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			t.note(func(now time.Time) {
				if err == nil {
					t.shaken = now
				}
			})
		},
		GotConn: func(info httptrace.GotConnInfo) {
			t.note(func(time.Time) {
				t.begun++
				t.got, t.reused, t.address = true, info.Reused, info.Conn.RemoteAddr().String()
			})
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.note(func(now time.Time) { t.wrote = now }) },
		GotFirstResponseByte: func() { t.note(func(now time.Time) { t.first = now }) },
	})
}

func (t *trace) note(f func(now time.Time)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(time.Now())
}

// times returns how often the request was begun: it may have been received if that is not 0.
func (t *trace) times() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.begun
}

// fill puts what was noted into the attempt, whose request ended at the given time, and returns how far it came.
func (t *trace) fill(a *models.Attempt, ended time.Time) phase {
	t.mu.Lock()
	defer t.mu.Unlock()
	a.Address, a.Reused = t.address, t.reused
	if !t.reused {
		a.DNS, a.Connect, a.TLS = between(t.lookup, t.lookedUp), between(t.dial, t.dialled), between(t.handshake, t.shaken)
	}
	a.FirstByte, a.Body, a.Total = between(t.wrote, t.first), between(t.first, ended), ended.Sub(a.StartedAt)
	return t.phase()
}

func (h hops) phase() phase {
	switch {
	case !h.first.IsZero():
		return answering
	case h.got:
		return waiting
	case !h.handshake.IsZero():
		return handshaking
	}
	return connecting
}

// between returns the time from start to end, 0 if either did not happen.
func between(start, end time.Time) time.Duration {
	if start.IsZero() || end.IsZero() {
		return 0
	}
	return max(end.Sub(start), 0)
}
