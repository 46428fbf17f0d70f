package delivery

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
)

// badReceivers answer in ways that HTTP does not know or that would bind us. Time is the bubble's.
var badReceivers = []struct {
	name   string
	serve  func(net.Conn)
	reason models.Reason
	code   int
	body   string
	cut    bool
	took   time.Duration // at least; at most a second more
	detail string        // part of it
}{
	{name: "hangs", serve: untilClosed, reason: models.ReasonTimeout, took: 10 * time.Second, detail: "did not answer within 10s"},
	{name: "hangs within headers", serve: func(conn net.Conn) {
		answeringWith("HTTP/1.1 200 OK\r\nX-A")(conn)
		untilClosed(conn)
	}, reason: models.ReasonTimeout, took: 10 * time.Second, detail: "its headers did not end within 10s"},
	{name: "closes at once", serve: func(net.Conn) {}, reason: models.ReasonReset, detail: "closed the connection before it answered"},
	{name: "closes after the request", serve: answeringWith(""), reason: models.ReasonReset},
	{name: "closes within the status line", serve: answeringWith("HTTP/1.1 20"), reason: models.ReasonProtocol},
	{name: "200 byte by byte", serve: func(conn net.Conn) {
		answeringWith("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")(conn)
		for range 1000 {
			time.Sleep(1100 * time.Millisecond) // the bubble's time: this receiver is slow
			if _, err := io.WriteString(conn, "a"); err != nil {
				return
			}
		}
	}, code: 200, body: "aaaaaaaaa", cut: true, took: 10 * time.Second},
	{name: "200 with a body that breaks off", serve: answeringWith("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), code: 200, body: "ok", cut: true},
	{name: "200 with broken chunks", serve: answeringWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nnonsense"), code: 200, body: "ok", cut: true},
	{name: "500 with a body that breaks off", serve: answeringWith("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno"), reason: models.Reason5xx, code: 500, body: "no", cut: true},
	{name: "200 without a length", serve: answeringWith("HTTP/1.0 200 OK\r\n\r\nok"), code: 200, body: "ok"},
	{name: "another protocol", serve: answeringWith("SSH-2.0-OpenSSH_9.6\r\n\r\n"), reason: models.ReasonProtocol, detail: "is not a valid HTTP response"},
	{name: "no status code", serve: answeringWith("HTTP/1.1 OK\r\n\r\n"), reason: models.ReasonProtocol},
	{name: "header without a colon", serve: answeringWith("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), reason: models.ReasonProtocol},
	{name: "control characters in a header", serve: answeringWith("HTTP/1.1 200 OK\r\nX-Odd: \x1b[31m\r\n\r\n"), reason: models.ReasonProtocol},
	{name: "two lengths", serve: answeringWith("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"), reason: models.ReasonProtocol},
	{name: "status 700", serve: answeringWith("HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n"), reason: models.ReasonProtocol, code: 700, detail: "700, which is no status"},
	{name: "status 099", serve: answeringWith("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"), reason: models.ReasonProtocol, code: 99},
	{name: "switches protocols and hangs", serve: func(conn net.Conn) {
		answeringWith("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")(conn)
		untilClosed(conn)
	}, reason: models.ReasonProtocol, code: 101},
	{name: "1xx, then 200", serve: answeringWith("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), code: 200, body: "ok"},
	{name: "1xx without end", serve: func(conn net.Conn) {
		for answer := answeringWith("HTTP/1.1 103 Early Hints\r\n\r\n"); ; {
			answer(conn)
			if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"); err != nil {
				return
			}
			answer = func(net.Conn) {}
		}
	}, reason: models.ReasonProtocol},
	{name: "1xx slowly, without end", serve: func(conn net.Conn) {
		answeringWith("")(conn)
		for {
			time.Sleep(time.Second)
			if _, err := io.WriteString(conn, "HTTP/1.1 102 Processing\r\n\r\n"); err != nil {
				return
			}
		}
	}, reason: models.ReasonTimeout, took: 10 * time.Second},
	{name: "headers without end", serve: func(conn net.Conn) {
		answeringWith("HTTP/1.1 200 OK\r\n")(conn)
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("a", 100)); err != nil {
				return
			}
		}
	}, reason: models.ReasonProtocol},
	{name: "header line without end", serve: func(conn net.Conn) {
		answeringWith("HTTP/1.1 200 OK\r\nX: ")(conn)
		for {
			if _, err := io.WriteString(conn, strings.Repeat("a", 1000)); err != nil {
				return
			}
		}
	}, reason: models.ReasonProtocol},
}

func TestBadReceivers(t *testing.T) {
	t.Parallel()
	for _, c := range badReceivers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newTestSender(t)
				overPipe(t, s, c.serve)
				a := s.send(t.Context(), sample(), targetOf("http://example.com/hook"))
				if a.Reason != c.reason || a.Code != c.code || string(a.Exchange.ResponseBody) != c.body || a.Exchange.Cut != c.cut {
					t.Errorf("reason %q, code %d, body %q, cut %v; want %q, %d, %q, %v", a.Reason, a.Code, a.Exchange.ResponseBody, a.Exchange.Cut, c.reason, c.code, c.body, c.cut)
				}
				if a.Total < c.took || a.Total > c.took+time.Second {
					t.Errorf("took %v, want %v", a.Total, c.took)
				}
				if !strings.Contains(a.Detail, c.detail) || (a.Detail == "") != (a.Reason == "") {
					t.Errorf("detail %q, want %q in it", a.Detail, c.detail)
				}
			})
		})
	}
}

// A gigabyte is not read: what leaves the receiver is little more than what is kept, and the connection is closed.
func TestLongBodyIsNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var written atomic.Int64
		s := newTestSender(t)
		overPipe(t, s, func(conn net.Conn) {
			answeringWith(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 1<<30))(conn)
			for chunk := bytes.Repeat([]byte("x"), 1<<10); ; {
				n, err := conn.Write(chunk)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		a := s.send(t.Context(), sample(), targetOf("http://example.com/"))
		synctest.Wait()
		if a.Reason != "" || len(a.Exchange.ResponseBody) != 16<<10 || !a.Exchange.Cut {
			t.Errorf("reason %q, %d bytes kept, cut %v", a.Reason, len(a.Exchange.ResponseBody), a.Exchange.Cut)
		}
		if n := written.Load(); n > 64<<10 {
			t.Errorf("%d bytes were read", n)
		}
	})
}

// A body that ends within the bound leaves the connection for the next request.
func TestBodyBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size        int
		cut         bool
		connections int // that two requests take
	}{{0, false, 1}, {1, false, 1}, {maxBody, false, 1}, {maxBody + 1, true, 1}, {maxBody + 2, true, 2}} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestSender(t)
			var connections atomic.Int32
			overPipe(t, s, func(conn net.Conn) {
				connections.Add(1)
				for {
					if _, _, err := readRequest(conn); err != nil {
						return
					}
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", c.size, strings.Repeat("x", c.size))
				}
			})
			for range 2 {
				a := s.send(t.Context(), sample(), targetOf("http://example.com/"))
				if len(a.Exchange.ResponseBody) != min(c.size, maxBody) || a.Exchange.Cut != c.cut {
					t.Errorf("%d bytes: %d kept, cut %v", c.size, len(a.Exchange.ResponseBody), a.Exchange.Cut)
				}
				synctest.Wait()
			}
			if n := int(connections.Load()); n != c.connections {
				t.Errorf("%d bytes: %d connections, want %d", c.size, n, c.connections)
			}
		})
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	bomb := compress(bytes.Repeat([]byte{0}, 100<<20))
	endless := bytes.Repeat(compress(nil), 10_000) // empty members: much to read, nothing comes out
	var unfinished bytes.Buffer
	z := gzip.NewWriter(&unfinished)
	io.WriteString(z, "hello")
	z.Flush()
	for _, c := range []struct {
		name     string
		encoding string
		raw      []byte
		body     string
		cut      bool
	}{
		{"small", "gzip", compress([]byte("hello")), "hello", false},
		{"by its old name", "X-Gzip", compress([]byte("hello")), "hello", false},
		{"bomb", "gzip", bomb, strings.Repeat("\x00", maxBody), true},
		{"empty members", "gzip", endless, "", true},
		{"broken off", "gzip", unfinished.Bytes(), "hello", true},
		{"not gzip at all", "gzip", []byte("hello"), "hello", false},
		{"another coding stays as it is", "br", []byte("\x0b\x02\x80"), "\x0b\x02\x80", false},
		{"gzip that does not say so", "", compress([]byte("a")), string(compress([]byte("a"))), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newTestSender(t)
				overPipe(t, s, answeringWith(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", c.encoding, len(c.raw), c.raw)))
				a := s.send(t.Context(), sample(), targetOf("http://example.com/"))
				x := a.Exchange
				if a.Reason != "" || string(x.ResponseBody) != c.body || x.Cut != c.cut {
					t.Errorf("reason %q, %d bytes, cut %v; want %d bytes, cut %v", a.Reason, len(x.ResponseBody), x.Cut, len(c.body), c.cut)
				}
			})
		})
	}
}

func compress(data []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(data)
	z.Close()
	return out.Bytes()
}

func TestHeaderBounds(t *testing.T) {
	t.Parallel()
	many := &strings.Builder{}
	for i := range 100 {
		fmt.Fprintf(many, "A-%02d: %d\r\n", i, i)
	}
	for _, c := range []struct {
		name, headers string
		kept          int
		cut           bool
		has           models.Header
	}{
		{"bytes beyond ASCII", "X-Odd: \xff\u202e\r\n", 1, false, models.Header{Name: "X-Odd", Value: "\xff\u202e"}},
		{"repeated", "Set-Cookie: a\r\nSet-Cookie: b\r\n", 2, false, models.Header{Name: "Set-Cookie", Value: "b"}},
		{"just fits", "X-Long: " + strings.Repeat("a", 1024) + "\r\n", 1, false, models.Header{Name: "X-Long", Value: strings.Repeat("a", 1024)}},
		{"too long", "X-Long: " + strings.Repeat("a", 1025) + "\r\n", 1, true, models.Header{Name: "X-Long", Value: strings.Repeat("a", 1024)}},
		{"too many, but what tells is kept", many.String() + "Retry-After: 7\r\nLocation: /x\r\n", 40, true, models.Header{Name: "Retry-After", Value: "7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newTestSender(t)
				overPipe(t, s, answeringWith("HTTP/1.1 204 No Content\r\n"+c.headers+"\r\n"))
				a := s.send(t.Context(), sample(), targetOf("http://example.com/"))
				kept := a.Exchange.ResponseHeaders
				if a.Code != 204 || len(kept) != c.kept || a.Exchange.HeadersCut != c.cut {
					t.Errorf("code %d, %d headers kept, cut %v; want %d, %v", a.Code, len(kept), a.Exchange.HeadersCut, c.kept, c.cut)
				}
				found := false
				for _, h := range kept {
					found = found || h == c.has
				}
				if !found {
					t.Errorf("%q is not among %q", c.has, kept)
				}
			})
		})
	}
}

// The end of the context cuts an attempt off, and it is known whether its request had begun.
func TestSendCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestSender(t)
		overPipe(t, s, untilClosed)
		a := s.send(endsAfter(t, 3*time.Second), sample(), targetOf("http://example.com/"))
		if a.Reason != models.ReasonInterrupted || a.reached != waiting || a.Total != 3*time.Second || !strings.Contains(a.Detail, "may have been received") {
			t.Errorf("%+v", a)
		}
		s.close() // else the next attempt could be given what is left of the first
		s.transport.DialContext = hangingDial
		if a := s.send(endsAfter(t, time.Second), sample(), targetOf("http://example.com/")); a.Reason != models.ReasonInterrupted || a.reached != connecting {
			t.Errorf("%+v", a)
		}
	})
}
