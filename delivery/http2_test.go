package delivery

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"stackhook/models"
)

// http2Receiver is a receiver that speaks HTTP/2 frame by frame, as no library would let it.
type http2Receiver struct {
	open        func(*http2.Framer)                         // begins a connection; nil sends the default settings
	end         func(f *http2.Framer, stream uint32, n int) // ends the n-th whole request
	listener    net.Listener
	connections atomic.Int32
	requests    atomic.Int32 // whole ones
}

// listen returns a sender that trusts the receiver, and its endpoint. The test's end waits for its connections.
func (r *http2Receiver) listen(t *testing.T) (s *sender, endpoint string) {
	t.Helper()
	trusted := newAuthority(t)
	var err error
	r.listener, err = tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{trusted.sign(t, func(*x509.Certificate) {})}, NextProtos: []string{"h2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s = newTestSender(t)
	trusted.trustedBy(s)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := r.listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		s.close()
		r.listener.Close()
		serving.Wait()
	})
	return s, "https://" + r.listener.Addr().String()
}

func (r *http2Receiver) serve(conn net.Conn) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	r.connections.Add(1)
	framer := http2.NewFramer(conn, conn)
	if r.open != nil {
		r.open(framer)
	} else {
		framer.WriteSettings()
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				framer.WriteSettingsAck()
			}
		case *http2.DataFrame:
			if f.StreamEnded() {
				r.end(framer, f.StreamID, int(r.requests.Add(1)))
			}
		}
	}
}

// answer ends a stream with status 200 and a header of that value, whatever bytes it has.
func answerHTTP2(f *http2.Framer, stream uint32, value string) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	encoder.WriteField(hpack.HeaderField{Name: "x-odd", Value: value})
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
}

// What a receiver that speaks HTTP/2 says that it did not take is sent once more, and never again in the same attempt.
func TestHTTP2Refusals(t *testing.T) {
	t.Parallel()
	answer := func(f *http2.Framer, stream uint32) { answerHTTP2(f, stream, "fine") }
	goAway := func(f *http2.Framer, _ uint32) { f.WriteGoAway(0, http2.ErrCodeNo, nil) }
	reset := func(code http2.ErrCode) func(*http2.Framer, uint32) {
		return func(f *http2.Framer, stream uint32) { f.WriteRSTStream(stream, code) }
	}
	noStreams := func(f *http2.Framer) {
		f.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0})
	}
	for _, c := range []struct {
		name     string
		open     func(*http2.Framer)
		ends     []func(*http2.Framer, uint32) // of each request; the last one for all further ones
		reason   models.Reason
		detail   string
		requests int32 // at most, if reason is not ""
	}{
		{"goes away once", nil, []func(*http2.Framer, uint32){goAway, answer}, "", "", 2},
		{"refuses once", nil, []func(*http2.Framer, uint32){reset(http2.ErrCodeRefusedStream), answer}, "", "", 2},
		{"goes away each time", nil, []func(*http2.Framer, uint32){goAway}, models.ReasonReset, "ended the request twice", 2},
		{"refuses each time", nil, []func(*http2.Framer, uint32){reset(http2.ErrCodeRefusedStream)}, models.ReasonReset, "ended the request twice", 2},
		{"misunderstands each time", nil, []func(*http2.Framer, uint32){reset(http2.ErrCodeProtocol)}, models.ReasonReset, "ended the request twice", 2},
		{"allows no requests", noStreams, []func(*http2.Framer, uint32){goAway}, models.ReasonReset, "ended the request twice", 2},
		{"fails", nil, []func(*http2.Framer, uint32){reset(http2.ErrCodeInternal)}, models.ReasonReset, "closed the connection", 1},
		{"cancels", nil, []func(*http2.Framer, uint32){reset(http2.ErrCodeCancel)}, models.ReasonReset, "closed the connection", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &http2Receiver{open: c.open, end: func(f *http2.Framer, stream uint32, n int) { c.ends[min(n, len(c.ends))-1](f, stream) }}
			s, endpoint := r.listen(t)
			a := s.send(t.Context(), sample(), targetOf(endpoint))
			if a.Reason != c.reason || !strings.Contains(a.Detail, c.detail) || !a.begun {
				t.Errorf("reason %q, detail %q, begun %v; want %q, %q", a.Reason, a.Detail, a.begun, c.reason, c.detail)
			}
			if got := r.requests.Load(); got > c.requests || c.reason == "" && got != c.requests {
				t.Errorf("%d requests in one attempt, over %d connections; want %d", got, r.connections.Load(), c.requests)
			}
		})
	}
}

// A connection that the receiver closes in good order, while it is used, costs no attempt.
func TestHTTP2GracefulClose(t *testing.T) {
	t.Parallel()
	r := &http2Receiver{end: func(f *http2.Framer, stream uint32, n int) {
		if n == 2 {
			f.WriteGoAway(stream-2, http2.ErrCodeNo, nil)
			return
		}
		answerHTTP2(f, stream, "fine")
	}}
	s, endpoint := r.listen(t)
	for attempt := range 2 {
		if a := s.send(t.Context(), sample(), targetOf(endpoint)); a.Reason != "" {
			t.Errorf("attempt %d: %s (%s)", attempt+1, a.Reason, a.Detail)
		}
	}
	if requests, connections := r.requests.Load(), r.connections.Load(); requests != 3 || connections != 2 {
		t.Errorf("%d requests over %d connections, want 3 over 2", requests, connections)
	}
}

// A request that was begun stays so, although the transport is connecting again: it may have been received.
func TestHTTP2BegunBeforeAnotherConnection(t *testing.T) {
	t.Parallel()
	r := &http2Receiver{}
	r.end = func(f *http2.Framer, _ uint32, _ int) {
		r.listener.Close()
		f.WriteGoAway(0, http2.ErrCodeNo, nil)
	}
	s, endpoint := r.listen(t)
	if a := s.send(t.Context(), sample(), targetOf(endpoint)); a.Reason != models.ReasonRefused || !a.begun {
		t.Errorf("reason %q (%s), begun %v; want it refused, and begun", a.Reason, a.Detail, a.begun)
	}
}
