package delivery

import (
	"fmt"
	"io"
	"net"
	"strings"
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
	{name: "headers of 100 KiB", serve: answeringWith("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("a", 1020)+"\r\n", 100) + "\r\n"), reason: models.ReasonProtocol},
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
