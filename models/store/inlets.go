package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Inlet returns the inlet of that kind of a stack.
func (s *Store) Inlet(ctx context.Context, stack models.Stack, kind models.InletKind) (models.Inlet, error) {
	return first[models.Inlet](s.reader(ctx).Where("stack_key = ? AND kind = ?", stack.Key, kind))
}

// CreateInlet adds an inlet to a stack that has none of that kind.
func (s *Store) CreateInlet(ctx context.Context, by models.Actor, stack models.Stack, kind models.InletKind, token string) (models.Inlet, error) {
	now := time.Now()
	inlet := models.Inlet{ID: models.NewID(now), StackKey: stack.Key, Kind: kind, CreatedAt: now}
	err := s.storeInlet(ctx, &inlet, token, now, func(tx *gorm.DB) error {
		// The stack may have been deleted since the form was shown.
		if _, err := first[models.Stack](tx.Where("key = ? AND deleted_at IS NULL", stack.Key)); err != nil {
			return err
		}
		if err := tx.Create(&inlet).Error; err != nil {
			return err
		}
		return audit(tx, by, inletRecord(models.InletCreated, stack, inlet, "token "+inlet.TokenFingerprint))
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = &models.Refused{Reason: "This inlet is there already, so nothing was done. Its token was shown to whoever made it; replace it if it is lost."}
	}
	return inlet, err
}

// ReplaceInletToken gives an inlet another token, at once. current is the fingerprint of the one that it is to replace: if it is no
// more, as when a form was sent twice, nothing is done.
func (s *Store) ReplaceInletToken(ctx context.Context, by models.Actor, stack models.Stack, kind models.InletKind, current, token string) (models.Inlet, error) {
	inlet, err := s.Inlet(ctx, stack, kind)
	if err != nil {
		return inlet, err
	}
	err = s.storeInlet(ctx, &inlet, token, time.Now(), func(tx *gorm.DB) error {
		done := tx.Exec(`UPDATE inlets SET token_sealed = ?, token_fingerprint = ?, token_changed_at = ? WHERE id = ? AND token_fingerprint = ?`,
			inlet.TokenSealed, inlet.TokenFingerprint, micros(inlet.TokenChangedAt), inlet.ID, current)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return &models.Refused{Reason: "The token was replaced meanwhile, so nothing was done. Look at the inlet again."}
		}
		return audit(tx, by, inletRecord(models.InletChanged, stack, inlet, current+" → "+inlet.TokenFingerprint))
	})
	return inlet, err
}

// storeInlet seals a token for the inlet, and stores both.
func (s *Store) storeInlet(ctx context.Context, inlet *models.Inlet, token string, now time.Time, store func(tx *gorm.DB) error) error {
	if err := models.CheckInletToken(token); err != nil {
		return err
	}
	defer s.inlets.forget()
	return s.sealing(ctx, func(tx *gorm.DB) (err error) {
		if inlet.TokenSealed, err = s.keys.seal(inletToken, inlet.ID, token); err != nil {
			return err
		}
		inlet.TokenFingerprint, inlet.TokenChangedAt = s.keys.fingerprint(token), now
		if err := recordKeys(tx, inlet.TokenSealed); err != nil {
			return err
		}
		return store(tx)
	})
}

// RemoveInlet turns an inlet off: its token goes. What came in by it stays.
func (s *Store) RemoveInlet(ctx context.Context, by models.Actor, stack models.Stack, kind models.InletKind) error {
	defer s.inlets.forget()
	return s.transact(ctx, func(tx *gorm.DB) error {
		inlet, err := first[models.Inlet](locked(tx).Where("stack_key = ? AND kind = ?", stack.Key, kind))
		if err != nil {
			return err
		}
		if err := tx.Exec(`DELETE FROM inlets WHERE id = ?`, inlet.ID).Error; err != nil {
			return err
		}
		return audit(tx, by, inletRecord(models.InletRemoved, stack, inlet, "token "+inlet.TokenFingerprint))
	})
}

func inletRecord(action models.Action, stack models.Stack, inlet models.Inlet, detail string) models.AuditRecord {
	return models.AuditRecord{Action: action, StackKey: stack.Key, StackID: stack.ID, Subject: string(inlet.Kind), Detail: detail}
}

// OpenInlet is an inlet that something comes in by, with its stack.
type OpenInlet struct {
	Stack models.Stack
	Token string
}

// OpenInlet returns the inlet of that kind of the stack with that id, for whoever can sign with its token. What another process
// changed in the last second may not be seen. That there is none is remembered as well as that there is one, so that how long it
// takes does not tell.
func (s *Store) OpenInlet(ctx context.Context, kind models.InletKind, stack string) (OpenInlet, error) {
	if len(stack) > models.MaxStackID { // anybody may ask, and what was asked is kept for a moment
		return OpenInlet{}, models.ErrNotFound
	}
	open, err := s.inlets.get(string(kind)+"/"+stack, believed, func() (OpenInlet, error) {
		open, err := s.openInlet(ctx, kind, stack)
		if errors.Is(err, models.ErrNotFound) {
			return OpenInlet{}, nil
		}
		return open, err
	})
	if err == nil && open.Token == "" {
		err = models.ErrNotFound
	}
	return open, err
}

func (s *Store) openInlet(ctx context.Context, kind models.InletKind, stack string) (open OpenInlet, err error) {
	if open.Stack, err = first[models.Stack](s.quickReader(ctx).Where("id = ? AND deleted_at IS NULL", stack)); err != nil {
		return open, err
	}
	inlet, err := first[models.Inlet](s.quickReader(ctx).Where("stack_key = ? AND kind = ?", open.Stack.Key, kind))
	if err != nil {
		return open, err
	}
	open.Token, err = s.keys.open(inletToken, inlet.ID, inlet.TokenSealed)
	return open, err
}
