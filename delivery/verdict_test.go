package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"stackhook/models"
)

func TestJudgeStatus(t *testing.T) {
	t.Parallel()
	for code := range 1000 {
		want := models.ReasonProtocol
		switch {
		case code == 410:
			want = models.ReasonGone
		case code/100 == 2:
			want = ""
		case code/100 == 3:
			want = models.ReasonRedirect
		case code/100 == 4:
			want = models.Reason4xx
		case code/100 == 5:
			want = models.Reason5xx
		}
		if got := judgeStatus(code); got != want {
			t.Errorf("%d: got %q, want %q", code, got, want)
		}
		if detail := explainStatus(code, want); (detail == "") != (want == "") || want != "" && !strings.Contains(detail, fmt.Sprint(code)) {
			t.Errorf("%d: detail %q", code, detail)
		}
	}
}

func TestJudgeError(t *testing.T) {
	t.Parallel()
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	unknown := errors.New("unknown")
	for _, c := range []struct {
		name string
		err  error
		at   phase
		want models.Reason
	}{
		{"name not found", &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, connecting, models.ReasonDNS},
		{"look-up timed out", &net.DNSError{IsTimeout: true}, connecting, models.ReasonDNS},
		{"look-up failed", &net.DNSError{IsTemporary: true}, connecting, models.ReasonDNS},
		{"refused", op(syscall.ECONNREFUSED), connecting, models.ReasonRefused},
		{"no route to the host", op(syscall.EHOSTUNREACH), connecting, models.ReasonUnreachable},
		{"no route to the network", op(syscall.ENETUNREACH), connecting, models.ReasonUnreachable},
		{"no address of that family here", op(syscall.EADDRNOTAVAIL), connecting, models.ReasonUnreachable},
		{"forbidden by a firewall", op(syscall.EACCES), connecting, models.ReasonUnreachable},
		{"no suitable address", &net.OpError{Op: "dial", Err: &net.AddrError{Err: "no suitable address"}}, connecting, models.ReasonUnreachable},
		{"kernel gave up connecting", op(syscall.ETIMEDOUT), connecting, models.ReasonTimeout},
		{"dialer's deadline", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, connecting, models.ReasonTimeout},
		{"attempt's deadline", context.DeadlineExceeded, waiting, models.ReasonTimeout},
		{"deadline within headers", context.DeadlineExceeded, answering, models.ReasonTimeout},
		{"cut off", context.Canceled, waiting, models.ReasonInterrupted},
		{"cut off while dialling", &net.OpError{Op: "dial", Err: context.Canceled}, connecting, models.ReasonInterrupted},
		{"blocked", &net.OpError{Op: "dial", Err: &blockedError{[]netip.Addr{netip.MustParseAddr("::1")}}}, connecting, models.ReasonBlocked},
		{"out of files", op(syscall.EMFILE), connecting, models.ReasonInternal},
		{"machine out of files", op(syscall.ENFILE), connecting, models.ReasonInternal},
		{"out of memory", op(syscall.ENOMEM), connecting, models.ReasonInternal},
		{"reset", op(syscall.ECONNRESET), waiting, models.ReasonReset},
		{"reset in the handshake", op(syscall.ECONNRESET), handshaking, models.ReasonReset},
		{"aborted", op(syscall.ECONNABORTED), waiting, models.ReasonReset},
		{"written into a closed connection", op(syscall.EPIPE), waiting, models.ReasonReset},
		{"closed", io.EOF, waiting, models.ReasonReset},
		{"closed in the status line", io.ErrUnexpectedEOF, answering, models.ReasonReset},
		{"closed in the handshake", io.EOF, handshaking, models.ReasonReset},
		{"idle connection closed", unknown, waiting, models.ReasonReset},
		{"stream cancelled", streamError{Code: 0x8}, waiting, models.ReasonReset},
		{"stream broke the protocol", streamError{Code: 0x1}, waiting, models.ReasonProtocol},
		{"headers cannot be unpacked", fmt.Errorf("wrapped: %w", streamError{Code: 0x9}), waiting, models.ReasonProtocol},
		{"malformed answer", unknown, answering, models.ReasonProtocol},
		{"certificate", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, handshaking, models.ReasonTLS},
		{"no TLS spoken", tls.RecordHeaderError{}, handshaking, models.ReasonTLS},
		{"alert", &net.OpError{Op: "remote error", Err: tls.AlertError(40)}, handshaking, models.ReasonTLS},
		{"unknown while connecting", unknown, connecting, models.ReasonUnreachable},
	} {
		if got := judgeError(c.err, c.at); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
