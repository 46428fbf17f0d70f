package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// TokenPrefix starts every token, so that scanners for leaked credentials can know it.
const TokenPrefix = "shk_"

// shownPrefix is how much of a token is kept to recognise it by: its prefix and 6 of its 43 characters.
const shownPrefix = len(TokenPrefix) + 6

// CreateToken adds a token and returns its text, which is not stored.
func (s *Store) CreateToken(ctx context.Context, by models.Actor, token models.Token) (text string, created models.Token, err error) {
	if err := token.Check(); err != nil {
		return "", models.Token{}, err
	}
	now := time.Now()
	text = TokenPrefix + newCredential()
	token.ID, token.Hash, token.Prefix = models.NewID(now), HashCredential(text), text[:shownPrefix]
	token.CreatedAt, token.CreatedBy = now, by.Name
	err = s.transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&token).Error; err != nil {
			return err
		}
		return audit(tx, by, models.AuditRecord{Action: models.TokenCreated, StackKey: token.StackKey, Subject: token.Name, Detail: tokenWords(token)})
	})
	return text, token, err
}

func tokenWords(t models.Token) string {
	if t.ExpiresAt.IsZero() {
		return string(t.Scope) + ", never expires"
	}
	return string(t.Scope) + ", expires " + t.ExpiresAt.UTC().Format(time.DateOnly)
}

// Tokens returns all tokens that are not revoked, newest first.
func (s *Store) Tokens(ctx context.Context) ([]models.Token, error) {
	return all[models.Token](s.reader(ctx).Where("revoked_at IS NULL").Order("id DESC"))
}

// ReadingTokens returns the tokens that may view the secrets of a stack's webhooks, newest first.
func (s *Store) ReadingTokens(ctx context.Context, stack models.Stack) ([]models.Token, error) {
	return all[models.Token](s.reader(ctx).Where("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", micros(time.Now())).
		Where("scope IN ? AND (stack_key IS NULL OR stack_key = ?)", []models.Scope{models.ScopeRead, models.ScopeAdmin}, stack.Key).Order("id DESC"))
}

// RevokeToken ends a token at once.
func (s *Store) RevokeToken(ctx context.Context, by models.Actor, id string) error {
	defer s.tokens.forget()
	return s.transact(ctx, func(tx *gorm.DB) error {
		token, err := first[models.Token](tx.Where("id = ? AND revoked_at IS NULL", id))
		if err != nil {
			return err
		}
		if err := tx.Exec(`UPDATE tokens SET revoked_at = ? WHERE id = ?`, micros(time.Now()), id).Error; err != nil {
			return err
		}
		return audit(tx, by, models.AuditRecord{Action: models.TokenRevoked, StackKey: token.StackKey, Subject: token.Name})
	})
}

// TokenViewer returns the viewer that the token's text makes; models.ErrUnauthorized if it is unknown or revoked,
// models.ErrTokenExpired if it has expired. An error
// beside a viewer says that only the note of its use was not stored. A token that another process revoked is believed for
// a second more.
func (s *Store) TokenViewer(ctx context.Context, text string) (models.Viewer, error) {
	hash := HashCredential(text)
	token, err := s.tokens.get(hash, believed, func() (models.Token, error) {
		return first[models.Token](s.quickReader(ctx).Where("hash = ? AND revoked_at IS NULL", hash))
	})
	if errors.Is(err, models.ErrNotFound) {
		return models.Viewer{}, models.ErrUnauthorized
	}
	if err != nil {
		return models.Viewer{}, err
	}
	if token.Expired(time.Now()) {
		return models.Viewer{}, models.ErrTokenExpired
	}
	if now := time.Now(); s.uses.now(token.ID, token.LastUsedAt, now) {
		err = s.transact(ctx, func(tx *gorm.DB) error {
			return tx.Exec(`UPDATE tokens SET last_used_at = ? WHERE id = ?`, micros(now), token.ID).Error
		})
	}
	return models.Viewer{Token: &token}, err
}
