package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Each step of a replacement names the fingerprint of the secret that it is about. Where that is not how things are any more,
// as when somebody else was faster or a form was sent twice, it is a *models.Refused, and nothing is done.

// PrepareSecret stores a secret beside the current one, to be promoted later.
func (s *Store) PrepareSecret(ctx context.Context, by models.Actor, stack models.Stack, id, current, secret string) error {
	return s.replacing(ctx, by, stack, id, func(tx *gorm.DB, w *models.Webhook, now time.Time) (r change, err error) {
		if err := w.MayPrepare(current); err != nil {
			return r, err
		}
		if w.NextSecret, err = s.sealNew(*w, secret, now); err != nil {
			return r, err
		}
		return change{models.SecretPrepared, "", w.NextSecret.Fingerprint, ""}, nil
	})
}

// PromoteSecret makes the prepared secret the current one. The one before signs too, until it is retired.
func (s *Store) PromoteSecret(ctx context.Context, by models.Actor, stack models.Stack, id, next string) error {
	return s.replacing(ctx, by, stack, id, func(_ *gorm.DB, w *models.Webhook, now time.Time) (change, error) {
		before := w.SecretFingerprint
		if err := w.HasNext(next); err != nil {
			return change{}, err
		}
		w.Promote(now)
		return change{models.SecretPromoted, before, w.SecretFingerprint, ""}, nil
	})
}

// DiscardSecret wipes the prepared secret.
func (s *Store) DiscardSecret(ctx context.Context, by models.Actor, stack models.Stack, id, next string) error {
	return s.replacing(ctx, by, stack, id, func(_ *gorm.DB, w *models.Webhook, _ time.Time) (change, error) {
		err := w.HasNext(next)
		w.NextSecret = models.SpareSecret{}
		return change{models.SecretDiscarded, next, "", ""}, err
	})
}

// RetireSecret wipes the previous secret: the current one signs alone.
func (s *Store) RetireSecret(ctx context.Context, by models.Actor, stack models.Stack, id, previous string) error {
	return s.replacing(ctx, by, stack, id, func(_ *gorm.DB, w *models.Webhook, _ time.Time) (change, error) {
		err := w.HasPrevious(previous)
		w.PreviousSecret = models.SpareSecret{}
		return change{models.SecretRetired, previous, "", ""}, err
	})
}

// ReplaceSecret makes a secret the current one at once, and wipes all that there were; why is kept with the record of it.
func (s *Store) ReplaceSecret(ctx context.Context, by models.Actor, stack models.Stack, id, current, secret, why string) error {
	return s.replacing(ctx, by, stack, id, func(tx *gorm.DB, w *models.Webhook, now time.Time) (change, error) {
		if err := w.MayReplace(current); err != nil {
			return change{}, err
		}
		sealed, err := s.sealNew(*w, secret, now)
		w.SecretSealed, w.SecretFingerprint, w.SecretChangedAt = sealed.Sealed, sealed.Fingerprint, now
		w.NextSecret, w.PreviousSecret = models.SpareSecret{}, models.SpareSecret{}
		return change{models.SecretReplaced, current, sealed.Fingerprint, why}, err
	})
}

// change is what a step does, as it is recorded: fingerprints before and after it, "" for no secret.
type change struct {
	action             models.Action
	before, after, why string
}

func (c change) detail() string {
	detail := fingerprintWords(c.before) + " → " + fingerprintWords(c.after)
	if c.why != "" {
		detail += ", " + c.why
	}
	return detail
}

func fingerprintWords(print string) string {
	if print == "" {
		return "no secret"
	}
	return print
}

// replacing changes the secrets of a webhook and records that.
func (s *Store) replacing(ctx context.Context, by models.Actor, stack models.Stack, id string,
	step func(tx *gorm.DB, w *models.Webhook, now time.Time) (change, error),
) error {
	err := s.sealing(ctx, func(tx *gorm.DB) error {
		// Locked: it is written back whole, and results change it too.
		before, err := first[models.Webhook](locked(tx).Where("id = ? AND stack_key = ? AND deleted_at IS NULL", id, stack.Key))
		if err != nil {
			return err
		}
		after, now := before, time.Now()
		done, err := step(tx, &after, now)
		if err != nil {
			return err
		}
		if mended(before, after) {
			after.UpdatedAt = now
			mend(&after)
		}
		if err := recordWebhookKeys(tx, after); err != nil {
			return err
		}
		if err := tx.Save(&after).Error; err != nil {
			return err
		}
		if err := audit(tx, by, webhookRecord(done.action, stack, after, done.detail())); err != nil {
			return err
		}
		if done.action == models.SecretReplaced {
			if err := auditDropped(tx, by, stack, before, after); err != nil {
				return err
			}
		}
		return hurry(tx, before, after)
	})
	if err == nil {
		s.targets.forget()
		s.committed()
	}
	return err
}

// sealNew seals a secret that is to take the place of the webhook's current one.
func (s *Store) sealNew(w models.Webhook, secret string, now time.Time) (models.SpareSecret, error) {
	spare := models.SpareSecret{Fingerprint: s.keys.fingerprint(secret), At: now}
	err := models.CheckNewSecret(secret)
	if err == nil && spare.Fingerprint == w.SecretFingerprint {
		err = models.Invalid{{Field: "secret", Message: "This is the current secret. Use another one."}}
	}
	if err == nil {
		spare.Sealed, err = s.keys.seal(webhookSecret, w.ID, secret)
	}
	return spare, err
}

// auditDropped records that a change of the current secret ended the others.
func auditDropped(tx *gorm.DB, by models.Actor, stack models.Stack, before, after models.Webhook) error {
	var dropped []change
	if before.NextSecret.Known() && !after.NextSecret.Known() {
		dropped = append(dropped, change{models.SecretDiscarded, before.NextSecret.Fingerprint, "", ""})
	}
	if before.PreviousSecret.Known() && !after.PreviousSecret.Known() {
		dropped = append(dropped, change{models.SecretRetired, before.PreviousSecret.Fingerprint, "", ""})
	}
	for _, c := range dropped {
		if err := audit(tx, by, webhookRecord(c.action, stack, after, c.detail())); err != nil {
			return err
		}
	}
	return nil
}
