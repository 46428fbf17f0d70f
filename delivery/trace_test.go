package delivery

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
)

// addressed is a connection of which only the address matters.
type addressed struct {
	net.Conn
	address net.TCPAddr
}

func (c addressed) RemoteAddr() net.Addr { return &c.address }

var idle = addressed{address: net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 443}}

func TestTracePhases(t *testing.T) {
	t.Parallel()
	second := func() { time.Sleep(time.Second) } // the bubble's time
	dialled := func(h *httptrace.ClientTrace) {
		h.GetConn("example.com:443")
		h.DNSStart(httptrace.DNSStartInfo{})
		second()
		h.DNSDone(httptrace.DNSDoneInfo{})
		h.ConnectStart("tcp", "192.0.2.1:443")
		second()
	}
	for _, c := range []struct {
		name    string
		events  func(*httptrace.ClientTrace)
		reached phase
		want    models.Attempt
	}{
		{"nothing", func(*httptrace.ClientTrace) {}, connecting, models.Attempt{}},
		{"connecting", dialled, connecting, models.Attempt{DNS: time.Second, Address: "192.0.2.1:443"}},
		{"securing", func(h *httptrace.ClientTrace) {
			dialled(h)
			h.ConnectDone("tcp", "192.0.2.1:443", nil)
			h.TLSHandshakeStart()
			second()
			h.TLSHandshakeDone(tls.ConnectionState{}, net.ErrClosed)
		}, handshaking, models.Attempt{DNS: time.Second, Connect: time.Second, Address: "192.0.2.1:443"}},
		{"two addresses at once, of which the first answers", func(h *httptrace.ClientTrace) {
			dialled(h)
			h.ConnectStart("tcp", "192.0.2.2:443")
			second()
			h.ConnectDone("tcp", "192.0.2.1:443", nil)
			h.ConnectDone("tcp", "192.0.2.2:443", net.ErrClosed)
			h.GotConn(httptrace.GotConnInfo{Conn: idle})
		}, waiting, models.Attempt{DNS: time.Second, Connect: 2 * time.Second, Address: "192.0.2.7:443"}},
		{"two addresses at once, and both answer", func(h *httptrace.ClientTrace) {
			dialled(h)
			h.ConnectStart("tcp", "192.0.2.2:443")
			h.ConnectDone("tcp", "192.0.2.2:443", nil)
			second()
			h.ConnectDone("tcp", "192.0.2.1:443", nil)
			h.GotConn(httptrace.GotConnInfo{Conn: idle})
		}, waiting, models.Attempt{DNS: time.Second, Connect: time.Second, Address: "192.0.2.7:443"}},
		{"an idle connection, while another is dialled", func(h *httptrace.ClientTrace) {
			h.GetConn("example.com:443")
			h.GotConn(httptrace.GotConnInfo{Conn: idle, Reused: true})
			h.ConnectStart("tcp", "192.0.2.1:443")
			second()
			h.ConnectDone("tcp", "192.0.2.1:443", nil)
		}, waiting, models.Attempt{Address: "192.0.2.7:443", Reused: true}},
		{"another connection falls idle while one is dialled", func(h *httptrace.ClientTrace) {
			dialled(h)
			h.GotConn(httptrace.GotConnInfo{Conn: idle, Reused: true})
		}, waiting, models.Attempt{Address: "192.0.2.7:443", Reused: true}},
		{"an idle connection that broke, then a new one", func(h *httptrace.ClientTrace) {
			h.GetConn("example.com:443")
			h.GotConn(httptrace.GotConnInfo{Conn: idle, Reused: true})
			dialled(h)
		}, connecting, models.Attempt{DNS: time.Second, Address: "192.0.2.1:443"}},
		{"answering", func(h *httptrace.ClientTrace) {
			h.GetConn("example.com:443")
			h.GotConn(httptrace.GotConnInfo{Conn: idle, Reused: true})
			h.WroteRequest(httptrace.WroteRequestInfo{})
			second()
			h.GotFirstResponseByte()
			second()
		}, answering, models.Attempt{Address: "192.0.2.7:443", Reused: true, FirstByte: time.Second, Body: time.Second}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var tr trace
			got := models.Attempt{StartedAt: time.Now()}
			c.events(httptrace.ContextClientTrace(tr.watch(t.Context())))
			reached := tr.fill(&got, time.Now())
			if total := time.Since(got.StartedAt); got.Total != total {
				t.Errorf("%s: took %v, want %v", c.name, got.Total, total)
			}
			phases := [...]time.Duration{got.DNS, got.Connect, got.TLS, got.FirstByte, got.Body}
			want := [...]time.Duration{c.want.DNS, c.want.Connect, c.want.TLS, c.want.FirstByte, c.want.Body}
			if reached != c.reached || phases != want || got.Address != c.want.Address || got.Reused != c.want.Reused {
				t.Errorf("%s: reached %d with %v over %s, reused %v; want %d with %v over %s, %v", c.name,
					reached, phases, got.Address, got.Reused, c.reached, want, c.want.Address, c.want.Reused)
			}
		})
	}
}
