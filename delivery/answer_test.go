package delivery

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"stackhook/models"
)

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
				if !slices.Contains(kept, c.has) {
					t.Errorf("%q is not among %q", c.has, kept)
				}
			})
		})
	}
}
