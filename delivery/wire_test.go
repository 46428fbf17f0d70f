package delivery

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// What is recorded of a request is what goes over the wire, to the byte: pages show it as sent, and a command that sends
// it again is made of it.
func TestRecordedHeadersAreTheBytesThatWereWritten(t *testing.T) {
	t.Parallel()
	for _, test := range []bool{false, true} {
		for _, secret := range []string{"", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
			var raw bytes.Buffer
			s := newTestSender(t)
			overPipe(t, s, func(conn net.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
				}
				if err != nil {
					t.Error(err)
				}
				io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			})
			job, target := sample(), targetOf("http://example.com:8080/a%2fb?c='d'")
			job.Delivery.Test, target.Secret = test, secret
			a := s.send(t.Context(), job, target)
			want := "POST /a%2fb?c='d' HTTP/1.1\r\n"
			for _, h := range a.Exchange.RequestHeaders {
				want += fmt.Sprintf("%s: %s\r\n", h.Name, h.Value)
			}
			want += "\r\n" + string(job.Payload)
			if a.Code != http.StatusNoContent || raw.String() != want {
				t.Errorf("test %v, secret %q: recorded\n%q, sent\n%q", test, secret, want, raw.String())
			}
		}
	}
}
