package models

import "time"

// ActorKind is what kind of somebody did something.
type ActorKind string

// The kinds of actors.
const (
	ActorUser   ActorKind = "user"
	ActorToken  ActorKind = "token"
	ActorShell  ActorKind = "shell"  // somebody with a shell on the machine
	ActorSystem ActorKind = "system" // Stackhook itself
	ActorNobody ActorKind = "nobody" // not signed in
)

// Actor is who did something and from where. The name is kept as it was then.
type Actor struct {
	Kind    ActorKind
	ID      int64 // the user's, 0 otherwise
	Name    string
	Address string
}

// Action is what was done.
type Action string

// The actions that leave an audit record.
const (
	StackCreated     Action = "stack.created"
	StackUpdated     Action = "stack.updated"
	StackDeleted     Action = "stack.deleted"
	WebhookCreated   Action = "webhook.created"
	WebhookUpdated   Action = "webhook.updated"
	WebhookEnabled   Action = "webhook.enabled"
	WebhookDisabled  Action = "webhook.disabled"
	WebhookDeleted   Action = "webhook.deleted"
	SecretRevealed   Action = "secret.revealed"
	SecretChanged    Action = "secret.changed"
	SecretPrepared   Action = "secret.prepared"
	SecretDiscarded  Action = "secret.discarded" // a prepared one
	SecretPromoted   Action = "secret.promoted"  // a prepared one
	SecretRetired    Action = "secret.retired"   // a previous one
	SecretReplaced   Action = "secret.replaced"  // at once
	DeliveryRepeated Action = "delivery.redelivered"
	TestSent         Action = "delivery.test"
	RedeliveryStart  Action = "redelivery.started"
	RedeliveryCancel Action = "redelivery.canceled"
	UserCreated      Action = "user.created"
	UserUpdated      Action = "user.updated"
	UserLinkCreated  Action = "user.link_created"
	PasswordSet      Action = "user.password_set"
	GrantCreated     Action = "grant.created"
	GrantRevoked     Action = "grant.revoked"
	TokenCreated     Action = "token.created"
	TokenRevoked     Action = "token.revoked"
	SignedIn         Action = "session.signed_in"
	SignedOut        Action = "session.signed_out"
	SignInFailed     Action = "session.failed"
	SessionsEnded    Action = "session.ended" // by their person, from another one
	KeyRotated       Action = "key.rotated"   // of the keys that seal the secrets
	KeysPruned       Action = "key.pruned"
	InletCreated     Action = "inlet.created"
	InletChanged     Action = "inlet.token_changed"
	InletRemoved     Action = "inlet.removed"
)

// Actions are all of them.
func Actions() []Action {
	return []Action{
		StackCreated, StackUpdated, StackDeleted, WebhookCreated, WebhookUpdated, WebhookEnabled, WebhookDisabled, WebhookDeleted,
		SecretRevealed, SecretChanged, SecretPrepared, SecretDiscarded, SecretPromoted, SecretRetired, SecretReplaced,
		DeliveryRepeated, TestSent, UserCreated, UserUpdated, UserLinkCreated, PasswordSet,
		GrantCreated, GrantRevoked, TokenCreated, TokenRevoked, SignedIn, SignedOut, SignInFailed, SessionsEnded,
		KeyRotated, KeysPruned, InletCreated, InletChanged, InletRemoved,
	}
}

// AuditRecord is one line of the append-only audit log. It never holds a secret, nor an endpoint's path or query.
type AuditRecord struct {
	ID        string    `gorm:"primaryKey"` // a ULID
	At        time.Time `gorm:"serializer:micros"`
	Actor     Actor     `gorm:"embedded;embeddedPrefix:actor_"`
	Action    Action
	StackKey  int64  `gorm:"serializer:nullzero"`
	StackID   string // as it was then
	WebhookID string
	Subject   string // what it was done to, in words: a host, a user's email, a token's name
	Detail    string // what changed, in words
}
