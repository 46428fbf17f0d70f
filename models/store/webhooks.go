package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Webhooks returns the webhooks of a stack that are not deleted, oldest first.
func (s *Store) Webhooks(ctx context.Context, stack models.Stack) ([]models.Webhook, error) {
	return all[models.Webhook](s.reader(ctx).Where("stack_key = ? AND deleted_at IS NULL", stack.Key).Order("id"))
}

// Webhook returns one webhook of a stack, also when it is deleted: its log remains.
func (s *Store) Webhook(ctx context.Context, stack models.Stack, id string) (models.Webhook, error) {
	return first[models.Webhook](s.reader(ctx).Where("id = ? AND stack_key = ?", id, stack.Key))
}

// CreateWebhook adds a webhook to a stack. An endpoint that another webhook of the stack has is a *models.Conflict at the
// field "endpoint".
func (s *Store) CreateWebhook(ctx context.Context, by models.Actor, stack models.Stack, form models.WebhookForm) (models.Webhook, error) {
	form.Change = models.ReplaceSecret
	endpoint, err := form.Check()
	if err != nil {
		return models.Webhook{}, err
	}
	now := time.Now()
	w := models.Webhook{ID: models.NewID(now), StackKey: stack.Key, CreatedAt: now, UpdatedAt: now}
	setEndpoint(&w, endpoint)
	setEnabled(&w, form.Enabled, models.DisabledByPerson, now)
	err = s.sealing(ctx, func(tx *gorm.DB) error {
		if err := s.setSecret(&w, form.Secret, now); err != nil {
			return err
		}
		// The stack may have been deleted since the form was shown.
		if _, err := first[models.Stack](tx.Where("key = ? AND deleted_at IS NULL", stack.Key)); err != nil {
			return err
		}
		if err := recordWebhookKeys(tx, w); err != nil {
			return err
		}
		if err := tx.Create(&w).Error; err != nil {
			return err
		}
		return audit(tx, by, webhookRecord(models.WebhookCreated, stack, w, secretWords(w)))
	})
	return w, takenEndpoint(err)
}

// UpdateWebhook changes a webhook as the form says. A new endpoint, a new secret and enabling again make the pending
// deliveries due now: what kept them from arriving may be mended.
func (s *Store) UpdateWebhook(ctx context.Context, by models.Actor, stack models.Stack, id string, form models.WebhookForm) (models.Webhook, error) {
	endpoint, err := form.Check()
	if err != nil {
		return models.Webhook{}, err
	}
	var after models.Webhook
	err = s.sealing(ctx, func(tx *gorm.DB) error {
		// Locked: it is written back whole, and results change it too.
		before, err := first[models.Webhook](locked(tx).Where("id = ? AND stack_key = ? AND deleted_at IS NULL", id, stack.Key))
		if err != nil {
			return err
		}
		if after, err = s.edit(before, endpoint, form); err != nil {
			return err
		}
		if err := recordWebhookKeys(tx, after); err != nil {
			return err
		}
		if err := tx.Save(&after).Error; err != nil {
			return err
		}
		return s.afterEdit(tx, by, stack, before, after)
	})
	if err == nil {
		s.targets.forget()
		s.noteWebhook(after.ID, after.StackKey)
		s.committed()
	}
	return after, takenEndpoint(err)
}

// edit returns the webhook as the form wants it.
func (s *Store) edit(before models.Webhook, endpoint models.Endpoint, form models.WebhookForm) (models.Webhook, error) {
	now := time.Now()
	after := before
	after.UpdatedAt = now
	setEndpoint(&after, endpoint)
	switch {
	case form.Change == models.RemoveSecret:
		form.Secret = ""
		fallthrough
	case form.Change == models.ReplaceSecret:
		if err := s.setSecret(&after, form.Secret, now); err != nil {
			return after, err
		}
	}
	if form.Enabled != before.Enabled {
		setEnabled(&after, form.Enabled, models.DisabledByPerson, now)
	}
	if mended(before, after) {
		mend(&after)
	}
	return after, nil
}

// mend forgets that attempts failed.
func mend(w *models.Webhook) {
	w.Failures, w.FailingSince = 0, time.Time{}
	w.CloseCircuit()
}

// mended reports whether an edit may have removed what made attempts fail.
func mended(before, after models.Webhook) bool {
	return after.EndpointKey != before.EndpointKey || after.SecretChangedAt != before.SecretChangedAt || after.Enabled && !before.Enabled
}

func (s *Store) afterEdit(tx *gorm.DB, by models.Actor, stack models.Stack, before, after models.Webhook) error {
	var records []models.AuditRecord
	if before.EndpointKey != after.EndpointKey || before.Endpoint != after.Endpoint {
		records = append(records, webhookRecord(models.WebhookUpdated, stack, after, before.EndpointHost+" → "+after.EndpointHost))
	}
	if before.SecretChangedAt != after.SecretChangedAt {
		records = append(records, webhookRecord(models.SecretChanged, stack, after, secretWords(before)+" → "+secretWords(after)))
	}
	if before.Enabled != after.Enabled {
		action := models.WebhookDisabled
		if after.Enabled {
			action = models.WebhookEnabled
		}
		records = append(records, webhookRecord(action, stack, after, ""))
	}
	for _, r := range records {
		if err := audit(tx, by, r); err != nil {
			return err
		}
	}
	if before.SecretChangedAt != after.SecretChangedAt {
		if err := auditDropped(tx, by, stack, before, after); err != nil {
			return err
		}
	}
	return hurry(tx, before, after)
}

// hurry makes the pending deliveries due if they may arrive now.
func hurry(tx *gorm.DB, before, after models.Webhook) error {
	if !mended(before, after) {
		return nil
	}
	now := micros(time.Now())
	return tx.Exec(`UPDATE deliveries SET due_at = ? WHERE webhook_id = ? AND status = 'pending' AND lease_owner = '' AND due_at > ?`,
		now, after.ID, now).Error
}

func setEndpoint(w *models.Webhook, e models.Endpoint) {
	w.Endpoint, w.EndpointURL, w.EndpointHost, w.EndpointKey = e.Typed, e.URL, e.Host, e.Key()
}

func setEnabled(w *models.Webhook, enabled bool, why models.DisabledWhy, now time.Time) {
	w.Enabled, w.DisabledWhy, w.DisabledAt = enabled, "", time.Time{}
	if !enabled {
		w.DisabledWhy, w.DisabledAt = why, now
	}
}

// setSecret makes a secret, or none, the only one.
func (s *Store) setSecret(w *models.Webhook, secret string, now time.Time) (err error) {
	w.NextSecret, w.PreviousSecret = models.SpareSecret{}, models.SpareSecret{}
	w.SecretSealed, w.SecretFingerprint, w.SecretChangedAt = nil, s.keys.fingerprint(secret), now
	if secret != "" {
		w.SecretSealed, err = s.keys.seal(webhookSecret, w.ID, secret)
	}
	return err
}

// Secret opens the webhook's secret without a record: for signing. People are shown it through RevealSecret.
func (s *Store) Secret(w models.Webhook) (string, error) {
	return s.keys.open(webhookSecret, w.ID, w.SecretSealed)
}

// RevealSecret returns the webhook's secret for a person or a program to see, and records that it was viewed.
func (s *Store) RevealSecret(ctx context.Context, by models.Actor, stack models.Stack, id string) (secret string, err error) {
	return s.reveal(ctx, by, stack, id, func(w models.Webhook) (models.SpareSecret, error) {
		return models.SpareSecret{Sealed: w.SecretSealed, Fingerprint: w.SecretFingerprint}, nil
	})
}

// RevealNextSecret is RevealSecret for the prepared one with that fingerprint.
func (s *Store) RevealNextSecret(ctx context.Context, by models.Actor, stack models.Stack, id, next string) (secret string, err error) {
	return s.reveal(ctx, by, stack, id, func(w models.Webhook) (models.SpareSecret, error) { return w.NextSecret, w.HasNext(next) })
}

// reveal returns the secret that which names, "" if there is none, and records the view by its fingerprint.
func (s *Store) reveal(ctx context.Context, by models.Actor, stack models.Stack, id string, which func(models.Webhook) (models.SpareSecret, error)) (secret string, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		w, err := first[models.Webhook](tx.Where("id = ? AND stack_key = ? AND deleted_at IS NULL", id, stack.Key))
		if err != nil {
			return err
		}
		named, err := which(w)
		if err != nil {
			return err
		}
		if secret, err = s.keys.open(webhookSecret, w.ID, named.Sealed); err != nil || secret == "" {
			return err
		}
		return audit(tx, by, webhookRecord(models.SecretRevealed, stack, w, named.Fingerprint))
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

func webhookRecord(action models.Action, stack models.Stack, w models.Webhook, detail string) models.AuditRecord {
	return models.AuditRecord{Action: action, StackKey: stack.Key, StackID: stack.ID, WebhookID: w.ID, Subject: w.EndpointHost, Detail: detail}
}

func secretWords(w models.Webhook) string {
	if !w.HasSecret() {
		return "no secret"
	}
	return strings.TrimSpace("secret " + w.SecretFingerprint)
}

func takenEndpoint(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return &models.Conflict{Field: "endpoint", Detail: "Another webhook of this stack sends to this endpoint. Edit that one, or use another URL."}
	}
	return err
}
