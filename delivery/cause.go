package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"stackhook/models"
)

// causeOf returns what exactly it is that judgeError found.
func causeOf(err error, reason models.Reason, reached phase) models.Cause {
	switch reason {
	case models.ReasonDNS:
		return causeOfLookup(err)
	case models.ReasonTimeout:
		return map[phase]models.Cause{
			connecting: models.CauseLateConnect, handshaking: models.CauseLateHandshake,
			waiting: models.CauseLateAnswer, answering: models.CauseLateHeaders,
		}[reached]
	case models.ReasonReset:
		if reached == answering {
			return models.CauseBrokenHeaders
		}
	case models.ReasonTLS:
		return causeOfTLS(err, time.Now())
	}
	return ""
}

func causeOfLookup(err error) models.Cause {
	var lookup *net.DNSError
	errors.As(err, &lookup)
	switch {
	case lookup.IsNotFound:
		return models.CauseNoName
	case lookup.IsTimeout:
		return models.CauseLateLookup
	}
	return ""
}

func causeOfTLS(err error, now time.Time) models.Cause {
	var (
		invalid   x509.CertificateInvalidError
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return models.CauseNotYetValid
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return models.CauseExpired
	case errors.As(err, &name):
		return models.CauseOtherName
	case errors.As(err, &authority):
		return models.CauseUntrusted
	case errors.As(err, &record):
		return models.CauseNotTLS
	case certificateOf(err) != nil:
		return models.CauseUnfit
	}
	return ""
}
