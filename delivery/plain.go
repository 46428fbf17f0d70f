package delivery

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"stackhook/models"
)

// failure is everything that is known of an attempt without a status line.
type failure struct {
	err     error
	attempt models.Attempt
	host    string
	config  Config
}

// explain says in one line what went wrong, for people: no secret, no URL, and nothing that the receiver wrote.
func explain(f failure) string {
	switch f.attempt.Reason {
	case models.ReasonInterrupted:
		return "Stackhook was shut down before the answer came. The request may have been received."
	case models.ReasonBlocked:
		var blocked *blockedError
		errors.As(f.err, &blocked)
		return blocked.Error()
	case models.ReasonDNS:
		return explainLookup(f)
	case models.ReasonRefused:
		return fmt.Sprintf("%s refused the connection: nothing listens on that port.", f.attempt.Address)
	case models.ReasonUnreachable:
		return fmt.Sprintf("There is no route to %s from this server.", f.peer())
	case models.ReasonReset:
		if errors.Is(f.err, errEndedTwice) {
			return fmt.Sprintf("%s ended the request twice before it answered.", f.peer())
		}
		if f.attempt.Cause == models.CauseBrokenHeaders {
			return fmt.Sprintf("%s began to answer, and closed the connection before its headers ended.", f.peer())
		}
		return fmt.Sprintf("%s closed the connection before it answered.", f.peer())
	case models.ReasonTimeout:
		return explainTimeout(f)
	case models.ReasonTLS:
		return explainTLS(f)
	case models.ReasonProtocol:
		return fmt.Sprintf("What %s answered is not a valid HTTP response.", f.peer())
	}
	return "This server has no open files or memory left for another connection."
}

// peer names the other side by the address that was dialled or, before there was one, by its name.
func (f failure) peer() string {
	if f.attempt.Address != "" {
		return f.attempt.Address
	}
	return f.host
}

func explainLookup(f failure) string {
	switch f.attempt.Cause {
	case models.CauseNoName:
		return fmt.Sprintf("The name %s is not known to DNS.", f.host)
	case models.CauseLateLookup:
		return fmt.Sprintf("The look-up of %s in DNS did not end in time.", f.host)
	}
	return fmt.Sprintf("The look-up of %s in DNS failed.", f.host)
}

func explainTimeout(f failure) string {
	switch f.attempt.Cause {
	case models.CauseLateConnect:
		return fmt.Sprintf("%s did not take the connection within %v.", f.peer(), f.config.ConnectTimeout)
	case models.CauseLateHandshake:
		return fmt.Sprintf("%s did not finish the TLS handshake within %v.", f.peer(), f.config.ConnectTimeout)
	case models.CauseLateAnswer:
		return fmt.Sprintf("%s did not answer within %v.", f.peer(), f.config.Timeout)
	}
	return fmt.Sprintf("%s began to answer, but its headers did not end within %v.", f.peer(), f.config.Timeout)
}

func explainTLS(f failure) string {
	switch f.attempt.Cause {
	case models.CauseExpired, models.CauseNotYetValid:
		var invalid x509.CertificateInvalidError
		errors.As(f.err, &invalid)
		return explainValidity(invalid.Cert, f.attempt.Cause)
	case models.CauseOtherName:
		return fmt.Sprintf("The certificate is not for %s.", f.host)
	case models.CauseUntrusted:
		return "The certificate is not signed by an authority that this server trusts, or an intermediate certificate is missing."
	case models.CauseUnfit:
		return "The certificate is not valid for a server."
	case models.CauseNotTLS:
		return fmt.Sprintf("%s does not speak TLS on this port.", f.peer())
	}
	return fmt.Sprintf("%s did not agree on an encrypted connection.", f.peer())
}

// explainValidity says when a certificate was or will be valid; it may be one between the receiver's and the authority's.
func explainValidity(c *x509.Certificate, cause models.Cause) string {
	const day = "2 January 2006"
	if cause == models.CauseNotYetValid {
		return "The certificate is not valid before " + c.NotBefore.UTC().Format(day) + "."
	}
	return "The certificate expired on " + c.NotAfter.UTC().Format(day) + "."
}

// explainStatus says what a status code means; "" for a success.
func explainStatus(code int, reason models.Reason) string {
	if reason == "" {
		return ""
	}
	name := strconv.Itoa(code)
	if text := http.StatusText(code); text != "" {
		name += " " + text
	}
	switch reason {
	case models.ReasonRedirect:
		return "The receiver answered " + name + ". Redirects are not followed: if Location is where it moved, set the endpoint to that."
	case models.ReasonGone:
		return "The receiver answered " + name + ": it wants no more deliveries."
	case models.ReasonProtocol:
		return "The receiver answered " + name + ", which is no status that ends a request."
	}
	return "The receiver answered " + name + "."
}
