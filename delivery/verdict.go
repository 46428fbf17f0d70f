package delivery

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"

	"stackhook/models"
)

// judgeStatus returns what a final status code means: "" for a success. Nothing after the status line changes it: a
// receiver that answered 200 has the delivery, however its body ends.
func judgeStatus(code int) models.Reason {
	switch {
	case code >= 200 && code <= 299:
		return ""
	case code >= 300 && code <= 399:
		return models.ReasonRedirect
	case code == http.StatusGone:
		return models.ReasonGone
	case code >= 400 && code <= 499:
		return models.Reason4xx
	case code >= 500 && code <= 599:
		return models.Reason5xx
	}
	return models.ReasonProtocol
}

// phase is how far an attempt came. Package net/http has no types for most of its errors, so what one means is told by
// when it came, never by its text.
type phase int

const (
	connecting  phase = iota // looking up the name, then connecting
	handshaking              // securing the connection
	waiting                  // for the first byte of the answer
	answering                // the answer has begun, its headers have not ended
)

// judgeError returns why there is no status line.
func judgeError(err error, reached phase) models.Reason {
	var (
		blocked *blockedError
		lookup  *net.DNSError
		timeout net.Error
		stream  streamError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return models.ReasonInterrupted
	case errors.As(err, &blocked):
		return models.ReasonBlocked
	case errors.As(err, &lookup):
		return models.ReasonDNS
	case isOneOf(err, exhausted):
		return models.ReasonInternal
	case errors.As(err, &timeout) && timeout.Timeout():
		return models.ReasonTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return models.ReasonRefused
	case isOneOf(err, broken):
		return models.ReasonReset
	case errors.As(err, &stream) && slices.Contains(misspoken, stream.Code):
		return models.ReasonProtocol
	}
	switch reached {
	case connecting:
		return models.ReasonUnreachable
	case handshaking:
		return models.ReasonTLS
	case waiting: // such as net/http's "server closed idle connection"
		return models.ReasonReset
	}
	return models.ReasonProtocol
}

var (
	// exhausted is what this machine lacks: open files or memory.
	exhausted = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM}
	// broken is how a connection looks that the other side, or something between, ended.
	broken = []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE}
)

func isOneOf(err error, list []error) bool {
	return slices.ContainsFunc(list, func(e error) bool { return errors.Is(err, e) })
}

// streamError has the fields of the HTTP/2 stream error inside net/http, which is how errors.As recognises that one.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return "stream error" }

// misspoken are the HTTP/2 error codes (RFC 9113, section 7) for an answer that breaks the protocol; with the others a
// stream is closed in good order.
var misspoken = []uint32{
	0x1, // PROTOCOL_ERROR
	0x3, // FLOW_CONTROL_ERROR
	0x5, // STREAM_CLOSED
	0x6, // FRAME_SIZE_ERROR
	0x9, // COMPRESSION_ERROR
}
