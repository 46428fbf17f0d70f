package models

import (
	"slices"
	"time"
)

// Status is what became of a delivery.
type Status string

// The statuses. Pending deliveries wait for an attempt or are in flight; the others are ends, from which only a
// redelivery leads back.
const (
	Pending   Status = "pending"
	Delivered Status = "delivered"
	Failed    Status = "failed"
	Skipped   Status = "skipped"
)

// Statuses returns all statuses, in the order in which pages name them.
func Statuses() []Status { return []Status{Delivered, Pending, Failed, Skipped} }

// Known reports whether s is one of the statuses.
func (s Status) Known() bool { return slices.Contains(Statuses(), s) }

// Reason is why an attempt or a delivery failed, or why a delivery was skipped; "" for a success.
type Reason string

// The closed list of reasons, for the database, logs, API and pages.
const (
	ReasonDNS         Reason = "dns"             // the host's name has no address
	ReasonRefused     Reason = "refused"         // nobody listens there
	ReasonUnreachable Reason = "unreachable"     // no route to the host or network
	ReasonReset       Reason = "reset"           // the connection was closed before a status line
	ReasonTimeout     Reason = "timeout"         // no status line in time
	ReasonTLS         Reason = "tls"             // no trusted encrypted connection
	ReasonBlocked     Reason = "blocked_address" // all addresses are ones that endpoints may not have
	ReasonRedirect    Reason = "redirect"        // 3xx: never followed
	Reason4xx         Reason = "status_4xx"
	Reason5xx         Reason = "status_5xx"
	ReasonGone        Reason = "gone"        // 410: the receiver wants no more
	ReasonProtocol    Reason = "protocol"    // not HTTP, or a final status outside 200–599
	ReasonInterrupted Reason = "interrupted" // cut by a crash: may have been received
	ReasonInternal    Reason = "internal"    // our fault

	// For ends without an attempt.
	ReasonExpired         Reason = "expired"
	ReasonWebhookDeleted  Reason = "webhook_deleted"
	ReasonWebhookDisabled Reason = "webhook_disabled" // every skipped delivery
)

// Reasons returns the closed list.
func Reasons() []Reason {
	return append(AttemptReasons(), ReasonExpired, ReasonWebhookDeleted, ReasonWebhookDisabled)
}

// AttemptReasons returns those of attempts.
func AttemptReasons() []Reason {
	return []Reason{
		ReasonDNS, ReasonRefused, ReasonUnreachable, ReasonReset, ReasonTimeout, ReasonTLS, ReasonBlocked, ReasonRedirect,
		Reason4xx, Reason5xx, ReasonGone, ReasonProtocol, ReasonInterrupted, ReasonInternal,
	}
}

// Cause is what exactly a Reason means in one attempt, where that makes a difference to what helps; "" elsewhere.
type Cause string

// The closed list of causes, after their reasons.
const (
	// Of ReasonDNS; it is "" if the look-up failed.
	CauseNoName     Cause = "no_name"     // DNS knows no such name
	CauseLateLookup Cause = "late_lookup" // the look-up did not end in time
	// Of ReasonTimeout: what did not end in time.
	CauseLateConnect   Cause = "late_connect"
	CauseLateHandshake Cause = "late_handshake"
	CauseLateAnswer    Cause = "late_answer"  // there was no first byte
	CauseLateHeaders   Cause = "late_headers" // the first byte came, the end of the headers did not
	// Of ReasonReset; it is "" if the connection was closed before the first byte.
	CauseBrokenHeaders Cause = "broken_headers"
	// Of ReasonTLS; it is "" if the two sides did not agree.
	CauseExpired     Cause = "certificate_expired"
	CauseNotYetValid Cause = "certificate_not_yet_valid"
	CauseOtherName   Cause = "certificate_other_name"
	CauseUntrusted   Cause = "certificate_untrusted" // of an unknown authority, or one in between is missing
	CauseUnfit       Cause = "certificate_unfit"     // not one for a server, or broken
	CauseNotTLS      Cause = "not_tls"               // the port speaks something else
)

// Causes returns the causes that a reason can have, beside "".
func Causes(reason Reason) []Cause {
	switch reason {
	case ReasonDNS:
		return []Cause{CauseNoName, CauseLateLookup}
	case ReasonTimeout:
		return []Cause{CauseLateConnect, CauseLateHandshake, CauseLateAnswer, CauseLateHeaders}
	case ReasonReset:
		return []Cause{CauseBrokenHeaders}
	case ReasonTLS:
		return []Cause{CauseExpired, CauseNotYetValid, CauseOtherName, CauseUntrusted, CauseUnfit, CauseNotTLS}
	}
	return nil
}

// Delivery is one event for one webhook.
type Delivery struct {
	ID           string `gorm:"primaryKey"` // a ULID: the webhook-id header, the same on every attempt
	StackKey     int64
	WebhookID    string
	EventID      string
	RunKey       int64 `gorm:"serializer:nullzero"` // 0 for a test delivery
	RunID        string
	State        State
	StateVersion int64
	Test         bool
	// OnlySecret is the fingerprint of the one secret that signs it: of a test of a prepared one. "" is for the webhook's own.
	OnlySecret string
	// Silent: it was skipped when its event happened, and so is not in the API's answer to that event.
	Silent bool
	Status Status
	Reason Reason // of the end, or of the last attempt while pending
	Code   int    // status code of the last attempt that had one
	// Attempt is the number of the newest attempt. It only grows, and it fences: a result with another number is late.
	Attempt int
	// Tries counts the ended attempts within the retry schedule; a redelivery sets it back to 0.
	Tries int
	// DueAt is when a pending delivery is to be looked at: the time of its next attempt or, while LeaseOwner sends it,
	// the end of that lease. So one index finds both what is due and what a crash left behind.
	DueAt          time.Time     `gorm:"serializer:micros"`
	LeaseOwner     string        // the process that sends it now, "" if none
	ClaimedAt      time.Time     `gorm:"serializer:micros"`                           // when the newest attempt was given its number
	FirstEndedAt   time.Time     `gorm:"serializer:micros"`                           // when the first attempt ended: later states may go then
	FirstDelivered time.Time     `gorm:"column:first_delivered_at;serializer:micros"` // never changes once set
	Duration       time.Duration // of the last attempt, stored in nanoseconds
	ExpireFrom     time.Time     `gorm:"serializer:micros"` // the event, or the last redelivery: expiry counts from here
	EndedAt        time.Time     `gorm:"serializer:micros"`
	RedeliveredAt  time.Time     `gorm:"serializer:micros"`
	RedeliveredBy  string        // the name of who asked last
	CreatedAt      time.Time     `gorm:"serializer:micros;autoCreateTime:false"`
}

// InFlight reports whether an attempt is running at the given time.
func (d Delivery) InFlight(now time.Time) bool {
	return d.Status == Pending && d.LeaseOwner != "" && d.DueAt.After(now)
}

// Attempt is one HTTP request of a delivery and what came back. What cannot be known, because the attempt ended before
// it, is zero.
type Attempt struct {
	DeliveryID string    `gorm:"primaryKey"`
	Number     int       `gorm:"primaryKey;autoIncrement:false"`
	StartedAt  time.Time `gorm:"serializer:micros"`
	Reason     Reason    // "" for a success
	Cause      Cause
	// Detail says in one line what the Reason means here: an error message of ours, never one with a secret.
	Detail string
	Code   int
	URL    string // the endpoint as it was when the attempt started
	// SignedBy are the fingerprints of the secrets that signed it, see Signers.
	SignedBy string
	// Address is the address and port dialled; Protocol as in "HTTP/2.0"; TLSVersion as in "TLS 1.3".
	Address    string
	Reused     bool // an idle connection was used: no DNS, connect or TLS
	Protocol   string
	TLSVersion string
	// CertificateExpiresAt is the end of the receiver's certificate, also when it was the reason of the failure.
	CertificateExpiresAt time.Time `gorm:"serializer:micros"`
	// Durations of the phases, 0 where a phase did not happen. FirstByte counts from the request being written.
	DNS, Connect, TLS, FirstByte, Body, Total time.Duration
	Exchange                                  Exchange `gorm:"embedded"`
}

// Exchange is what went over the wire in one attempt, beside the payload.
type Exchange struct {
	RequestHeaders  []Header `gorm:"serializer:headers"`
	ResponseHeaders []Header `gorm:"serializer:headers"`
	// ResponseBody holds the first bytes of the body, exactly as received (gzip undone); Cut says that there was more,
	// or that it broke off.
	ResponseBody []byte
	Cut          bool
	// HeadersCut says that there were more headers than are kept, or longer ones.
	HeadersCut bool
}

// Header is one header line. Values are bytes as received: a page must show them safely.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
