package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// SaveSession stores a new session.
func (s *Store) SaveSession(ctx context.Context, session models.Session) error {
	return s.transact(ctx, func(tx *gorm.DB) error { return tx.Save(&session).Error })
}

// SetSessionData changes what the browser's next page is to be told. A session that ended meanwhile stays ended.
func (s *Store) SetSessionData(ctx context.Context, id string, data []byte) error {
	return s.transact(ctx, func(tx *gorm.DB) error { return tx.Exec(`UPDATE sessions SET data = ? WHERE id = ?`, data, id).Error })
}

// Session returns the session with that hashed id, if it has neither ended nor been idle for longer than that.
func (s *Store) Session(ctx context.Context, id string, idle time.Duration) (models.Session, error) {
	now := time.Now()
	return first[models.Session](s.reader(ctx).Where("id = ? AND expires_at > ? AND seen_at > ?", id, micros(now), micros(now.Add(-idle))))
}

// SessionViewer returns the person of a session, with what they were granted, and notes that they were seen. If only
// that note fails, as on a full disk, the viewer comes with the error.
func (s *Store) SessionViewer(ctx context.Context, session models.Session) (models.Viewer, error) {
	v, err := s.SessionHolder(ctx, session)
	if err != nil {
		return models.Viewer{}, err
	}
	if now := time.Now(); now.Sub(session.SeenAt) > seenStep || v.User.SeenAt.Before(session.SeenAt) {
		err = s.transact(ctx, func(tx *gorm.DB) error { return markSeen(tx, session, micros(now)) })
	}
	return v, err
}

// SessionHolder is SessionViewer for what goes on by itself while nobody need be there: it notes nothing.
func (s *Store) SessionHolder(ctx context.Context, session models.Session) (models.Viewer, error) {
	user, err := first[models.User](s.reader(ctx).Where("id = ? AND active", session.UserID))
	if err != nil {
		return models.Viewer{}, err
	}
	v := models.Viewer{User: &user, Session: session.ID}
	err = s.reader(ctx).Raw(`SELECT stack_key FROM grants WHERE user_id = ? ORDER BY stack_key`, user.ID).Scan(&v.Grants).Error
	if err != nil {
		return models.Viewer{}, unavailable(err)
	}
	return v, nil
}

func markSeen(tx *gorm.DB, session models.Session, now any) error {
	if err := tx.Exec(`UPDATE sessions SET seen_at = ? WHERE id = ?`, now, session.ID).Error; err != nil {
		return err
	}
	return tx.Exec(`UPDATE users SET seen_at = ? WHERE id = ?`, now, session.UserID).Error
}

// Sessions returns where a person is signed in, seen last first.
func (s *Store) Sessions(ctx context.Context, user models.User, idle time.Duration) ([]models.Session, error) {
	now := time.Now()
	return all[models.Session](s.reader(ctx).Where("user_id = ? AND expires_at > ? AND seen_at > ?", user.ID, micros(now), micros(now.Add(-idle))).
		Order("seen_at DESC, id"))
}

// EndSession signs a person out of one session of theirs.
func (s *Store) EndSession(ctx context.Context, by models.Actor, user models.User, id string) error {
	return s.accessChanged(s.transact(ctx, func(tx *gorm.DB) error {
		session, err := first[models.Session](tx.Where("id = ? AND user_id = ?", id, user.ID))
		if err != nil {
			return err
		}
		if err := tx.Exec(`DELETE FROM sessions WHERE id = ?`, id).Error; err != nil {
			return err
		}
		return audit(tx, by, models.AuditRecord{Action: models.SessionsEnded, Subject: user.Email, Detail: "the one from " + session.Address})
	}))
}

// EndSessions signs a person out everywhere but in the session with that id, and returns from how many.
func (s *Store) EndSessions(ctx context.Context, by models.Actor, user models.User, but string) (ended int, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`DELETE FROM sessions WHERE user_id = ? AND id <> ?`, user.ID, but)
		if ended = int(done.RowsAffected); done.Error != nil || ended == 0 {
			return done.Error
		}
		return audit(tx, by, models.AuditRecord{Action: models.SessionsEnded, Subject: user.Email, Detail: fmt.Sprintf("all others, %d", ended)})
	})
	return ended, s.accessChanged(err)
}

// DeleteSession ends one session.
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	return s.accessChanged(s.transact(ctx, func(tx *gorm.DB) error { return tx.Exec(`DELETE FROM sessions WHERE id = ?`, id).Error }))
}

// PurgeSessions removes sessions, sign-ins that nobody finished, and links that ended.
func (s *Store) PurgeSessions(ctx context.Context, idle time.Duration) error {
	return s.transact(ctx, func(tx *gorm.DB) error {
		now := time.Now()
		if err := tx.Exec(`DELETE FROM sessions WHERE expires_at < ? OR seen_at < ?`, micros(now), micros(now.Add(-idle))).Error; err != nil {
			return err
		}
		if err := tx.Exec(`DELETE FROM sign_ons WHERE expires_at < ?`, micros(now)).Error; err != nil {
			return err
		}
		return tx.Exec(`DELETE FROM links WHERE expires_at < ?`, micros(now)).Error
	})
}
