package models

import (
	"strings"
	"time"
)

// A secret can be replaced in steps, so that its receiver refuses nothing: a new one is prepared, which signs nothing but
// tests; it is promoted to the current one, and the one before signs beside it; that one is retired once the receiver no
// longer needs it.

// SpareSecret is a secret of a webhook beside the current one, the zero SpareSecret if there is none.
type SpareSecret struct {
	Sealed      []byte // as Webhook.SecretSealed
	Fingerprint string
	At          time.Time `gorm:"serializer:micros"` // since when it is there
}

// Known reports whether there is one.
func (s SpareSecret) Known() bool { return len(s.Sealed) > 0 }

// MayPrepare returns why no secret can be prepared by somebody who takes the one with a fingerprint, "" for none, for the
// current one.
func (w Webhook) MayPrepare(current string) error {
	switch {
	case w.NextSecret.Known():
		return nothingDone("Another secret is prepared already: " + w.NextSecret.Fingerprint + ". Promote or discard that one first.")
	case w.PreviousSecret.Known():
		return nothingDone("The previous secret, " + w.PreviousSecret.Fingerprint + ", still signs too. Retire it first.")
	}
	return w.MayReplace(current)
}

// MayReplace returns why the current secret cannot be replaced by somebody who takes the one with a fingerprint for it.
func (w Webhook) MayReplace(current string) error {
	switch {
	case w.SecretFingerprint == current:
		return nil
	case !w.HasSecret():
		return nothingDone("The secret was removed meanwhile.")
	}
	return nothingDone("The secret was replaced meanwhile: the current one is " + w.SecretFingerprint + ".")
}

// HasNext returns why there is nothing to do with the prepared secret that has a fingerprint.
func (w Webhook) HasNext(next string) error {
	switch {
	case w.NextSecret.Known() && w.NextSecret.Fingerprint == next:
		return nil
	case w.NextSecret.Known():
		return nothingDone("Another secret is prepared now: " + w.NextSecret.Fingerprint + ".")
	case next != "" && w.SecretFingerprint == next:
		return nothingDone("The secret " + next + " was promoted already: it is the current one.")
	}
	return nothingDone("No secret is prepared any more: it was discarded, or the current one was replaced.")
}

// HasPrevious returns why there is nothing to retire with a fingerprint.
func (w Webhook) HasPrevious(previous string) error {
	switch {
	case w.PreviousSecret.Known() && w.PreviousSecret.Fingerprint == previous:
		return nil
	case w.PreviousSecret.Known():
		return nothingDone("Another secret is the previous one now: " + w.PreviousSecret.Fingerprint + ".")
	}
	return nothingDone("The previous secret was retired already.")
}

func nothingDone(why string) error { return &Refused{Reason: why + " Nothing was done."} }

// Promote makes the prepared secret the current one. The current one, if there is one, becomes the previous.
func (w *Webhook) Promote(now time.Time) {
	w.PreviousSecret = SpareSecret{}
	if w.HasSecret() {
		w.PreviousSecret = SpareSecret{w.SecretSealed, w.SecretFingerprint, now}
	}
	w.SecretSealed, w.SecretFingerprint, w.SecretChangedAt = w.NextSecret.Sealed, w.NextSecret.Fingerprint, w.NextSecret.At
	w.NextSecret = SpareSecret{}
}

// Signers returns the fingerprints of the secrets that signed the attempt, that of X-Signature first; none if there was
// no secret, or if it is not known.
func (a Attempt) Signers() []string { return strings.Fields(a.SignedBy) }
