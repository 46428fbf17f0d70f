package models

import "time"

// Webhook sends every run state change of one stack to one endpoint.
type Webhook struct {
	ID       string `gorm:"primaryKey"` // a ULID
	StackKey int64
	// Endpoint as typed, EndpointURL as sent, EndpointHost as named in logs; see type Endpoint.
	Endpoint     string
	EndpointURL  string
	EndpointHost string
	EndpointKey  string // unique within the stack among webhooks that are not deleted
	// SecretSealed is the encrypted secret, nil when there is none. Only models/store opens it.
	SecretSealed      []byte
	SecretFingerprint string    // tells two secrets apart without giving them away: 8 hex digits of a keyed hash
	SecretChangedAt   time.Time `gorm:"serializer:micros"`
	// NextSecret is prepared to become the current one, PreviousSecret was it before and still signs; see replacement.go.
	NextSecret     SpareSecret `gorm:"embedded;embeddedPrefix:next_secret_"`
	PreviousSecret SpareSecret `gorm:"embedded;embeddedPrefix:previous_secret_"`
	Enabled        bool
	DisabledWhy    DisabledWhy
	DisabledAt     time.Time `gorm:"serializer:micros"`
	// Failures counts failed attempts since the last success, those with Faultless reasons left out; FailingSince is when
	// the first of them ended.
	Failures     int
	FailingSince time.Time `gorm:"serializer:micros"`
	// The circuit: zero OpenUntil is closed. While it is open nothing is sent but, once OpenUntil has come, one probe,
	// which moves OpenUntil on. Probes counts those that failed since it opened.
	OpenUntil       time.Time `gorm:"serializer:micros"`
	Probes          int
	TriedAt         time.Time `gorm:"serializer:micros"` // when the last attempt that says something of the receiver ended
	LastDeliveredAt time.Time `gorm:"serializer:micros"`
	CreatedAt       time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	UpdatedAt       time.Time `gorm:"serializer:micros;autoUpdateTime:false"`
	DeletedAt       time.Time `gorm:"serializer:micros"`
}

// HasSecret reports whether the webhook has a secret.
func (w Webhook) HasSecret() bool { return len(w.SecretSealed) > 0 }

// CircuitOpen reports whether deliveries wait because attempts keep failing.
func (w Webhook) CircuitOpen() bool { return !w.OpenUntil.IsZero() }

// Deleted reports whether the webhook was deleted; its log remains.
func (w Webhook) Deleted() bool { return !w.DeletedAt.IsZero() }

// DisabledWhy says why a webhook is disabled; "" while it is enabled.
type DisabledWhy string

// Why a webhook is disabled.
const (
	DisabledByPerson  DisabledWhy = "person"  // an administrator switched it off
	DisabledByGone    DisabledWhy = "gone"    // its receiver answered 410 Gone
	DisabledByFailing DisabledWhy = "failing" // nothing arrived for STACKHOOK_DISABLE_AFTER
)

// SecretChange says what an edit does to a webhook's secret.
type SecretChange int

// What an edit does to the secret.
const (
	KeepSecret SecretChange = iota
	ReplaceSecret
	RemoveSecret
)

// WebhookForm is what an administrator says about a webhook, when adding and when editing it.
type WebhookForm struct {
	Endpoint string
	Secret   string       // the new one, for ReplaceSecret
	Change   SecretChange // ignored when adding: there an empty secret is none
	Enabled  bool
}

// Check returns what is wrong with the form, and the endpoint that it names.
func (f WebhookForm) Check() (Endpoint, error) {
	var bad Invalid
	endpoint, err := ParseEndpoint(f.Endpoint)
	if e, is := err.(Invalid); is {
		bad = append(bad, e...)
	}
	if f.Change != RemoveSecret {
		if e, is := CheckSecret(f.Secret).(Invalid); is {
			bad = append(bad, e...)
		}
	}
	return endpoint, bad.Err()
}
