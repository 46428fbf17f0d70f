package models

import (
	"crypto/rand"
	"encoding/base64"
	"time"
	"unicode/utf8"
)

// InletKind names another system that tells of runs by itself, as addresses and the database spell it.
type InletKind string

// InletHCP takes the run notifications of HCP Terraform and Terraform Enterprise, see hcp.go.
const InletHCP InletKind = "hcp-terraform"

// Inlet lets such a system report the runs of one stack. There is one of a kind in a stack; to turn it off is to remove it.
type Inlet struct {
	ID               string `gorm:"primaryKey"` // a ULID
	StackKey         int64
	Kind             InletKind
	TokenSealed      []byte    // signs what comes in
	TokenFingerprint string    // tells tokens apart without telling them
	TokenChangedAt   time.Time `gorm:"serializer:micros"`
	CreatedAt        time.Time `gorm:"serializer:micros;autoCreateTime:false"`
}

// InletTokenPrefix starts every token of an inlet that is generated here, so that scanners for leaked credentials can know it.
const InletTokenPrefix = "shi_"

// MinInletToken is the shortest token of an inlet, in characters. Its signatures can be guessed against on a machine far away.
const MinInletToken = 16

// GenerateInletToken returns a strong token: InletTokenPrefix and the base64 of 32 random bytes.
func GenerateInletToken() string {
	key := make([]byte, 32)
	rand.Read(key) // never fails: crypto/rand ends the process instead
	return InletTokenPrefix + base64.RawURLEncoding.EncodeToString(key)
}

// CheckInletToken returns what is wrong with the token of an inlet as typed.
func CheckInletToken(token string) error {
	var bad Invalid
	switch {
	case !utf8.ValidString(token):
		bad.Add("secret", "The token is not valid UTF-8 text. Leave the field empty to have one made.")
	case hasControl(token):
		bad.Add("secret", "Leave out line breaks and control characters.")
	case utf8.RuneCountInString(token) < MinInletToken:
		bad.Add("secret", "Use at least %d characters, or leave the field empty to have a token made.", MinInletToken)
	case len(token) > MaxSecret:
		bad.Add("secret", "Use at most %d bytes; this token has %d.", MaxSecret, len(token))
	}
	return bad.Err()
}

// NotificationOutcome is what was made of a notification.
type NotificationOutcome string

// The outcomes of notifications.
const (
	NotificationStarted  NotificationOutcome = "started"  // it started a run
	NotificationRecorded NotificationOutcome = "recorded" // it moved a run on
	NotificationRepeated NotificationOutcome = "repeated" // the run is in that state already
	NotificationLate     NotificationOutcome = "late"     // the run has gone further since
	NotificationEnded    NotificationOutcome = "ended"    // the run had ended before it came
	NotificationVerified NotificationOutcome = "verified" // the other system looked whether the inlet answers
	NotificationKept     NotificationOutcome = "kept"     // it says nothing about the state of a run that is known here
)

// NotificationOutcomes are all of them.
func NotificationOutcomes() []NotificationOutcome {
	return []NotificationOutcome{
		NotificationStarted, NotificationRecorded, NotificationRepeated, NotificationLate, NotificationEnded, NotificationVerified, NotificationKept,
	}
}

// MaxNotificationBody is how much of the body of a notification is kept: ten times what is usual.
const MaxNotificationBody = 16 << 10

// InletNotification is one notification that came in with a right signature, and what was made of it.
type InletNotification struct {
	Key        int64 `gorm:"primaryKey;autoIncrement"`
	StackKey   int64
	Kind       InletKind
	ReceivedAt time.Time `gorm:"serializer:micros"`
	Trigger    string    // what set it off, in the other system's words
	RunStatus  string    // of the run there
	TheirRun   string    // the run's id there
	RunURL     string    // of the run there; "" unless it is one that a page may lead to
	Workspace  string    // with its organization: "acme-org/network"
	Message    string
	RunID      string // the run's id here, "" if it is about none
	Outcome    NotificationOutcome
	State      State  // that it means, "" if it means none
	Body       []byte // as it came, at most MaxNotificationBody
}
