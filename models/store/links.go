package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// How long one-time links live: the one printed at the first start, and the ones that administrators hand out.
const (
	setupLinkAge = 24 * time.Hour
	userLinkAge  = 72 * time.Hour
)

// CreateLink makes a one-time link for the user and returns its token, which is not stored. Earlier links of the user
// end.
func (s *Store) CreateLink(ctx context.Context, by models.Actor, user models.User) (token string, err error) {
	token = newCredential()
	now := time.Now()
	link := models.Link{ID: HashCredential(token), UserID: user.ID, CreatedAt: now, ExpiresAt: now.Add(userLinkAge)}
	err = s.transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec(`DELETE FROM links WHERE user_id = ? AND used_at IS NULL`, user.ID).Error; err != nil {
			return err
		}
		if err := tx.Create(&link).Error; err != nil {
			return err
		}
		return audit(tx, by, models.AuditRecord{Action: models.UserLinkCreated, Subject: user.Email})
	})
	return token, err
}

// CreateSetupLink makes the link of the first start; earlier ones end.
func (s *Store) CreateSetupLink(ctx context.Context) (token string, err error) {
	token = newCredential()
	now := time.Now()
	link := models.Link{ID: HashCredential(token), CreatedAt: now, ExpiresAt: now.Add(setupLinkAge)}
	err = s.transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec(`DELETE FROM links WHERE user_id IS NULL AND used_at IS NULL`).Error; err != nil {
			return err
		}
		return tx.Create(&link).Error
	})
	return token, err
}

// Link returns the link that the token opens, with its user; the zero User for the setup link. A used, expired or
// unknown one is not found.
func (s *Store) Link(ctx context.Context, token string) (models.Link, models.User, error) {
	return openLink(s.reader(ctx), token)
}

func openLink(db *gorm.DB, token string) (models.Link, models.User, error) {
	link, err := first[models.Link](db.Where("id = ? AND used_at IS NULL AND expires_at > ?", HashCredential(token), micros(time.Now())))
	if err != nil || link.UserID == 0 {
		return link, models.User{}, err
	}
	user, err := first[models.User](db.Where("id = ? AND active", link.UserID))
	return link, user, err
}

// UseSetupLink uses up the link of the first start: admin becomes the first administrator. It is not found once there is
// any user.
func (s *Store) UseSetupLink(ctx context.Context, token string, admin models.User, password, address string) (models.User, error) {
	admin.Role = models.Administrator
	link, _, err := s.Link(ctx, token)
	if err != nil {
		return models.User{}, err
	}
	if link.UserID != 0 {
		return models.User{}, models.ErrNotFound
	}
	admin, err = newUser(admin, password, passwordRequired)
	if err != nil {
		return models.User{}, err
	}
	err = s.transact(ctx, func(tx *gorm.DB) error {
		if err := burn(tx, link, ` AND NOT EXISTS (SELECT 1 FROM users)`); err != nil {
			return err
		}
		return createUser(tx, models.Actor{Kind: models.ActorNobody, Name: "setup link", Address: address}, &admin)
	})
	return admin, takenEmail(err)
}

// UseLink uses up a person's link: they get the password.
func (s *Store) UseLink(ctx context.Context, token, password, address string) (models.User, error) {
	link, user, err := s.Link(ctx, token)
	if err != nil {
		return models.User{}, err
	}
	if link.UserID == 0 {
		return models.User{}, models.ErrNotFound
	}
	if err := models.CheckPassword(password); err != nil {
		return models.User{}, err
	}
	if user.PasswordHash, err = models.HashPassword(password); err != nil {
		return models.User{}, err
	}
	err = s.transact(ctx, func(tx *gorm.DB) error {
		if err := burn(tx, link, ""); err != nil {
			return err
		}
		by := models.Actor{Kind: models.ActorUser, ID: user.ID, Name: user.Label(), Address: address}
		return setPassword(tx, by, user, user.PasswordHash)
	})
	return user, s.accessChanged(err)
}

// burn marks the link as used; if somebody was faster, or the condition does not hold, it is not found.
func burn(tx *gorm.DB, link models.Link, condition string) error {
	used := tx.Exec(`UPDATE links SET used_at = ? WHERE id = ? AND used_at IS NULL`+condition, micros(time.Now()), link.ID)
	if used.Error == nil && used.RowsAffected == 0 {
		return models.ErrNotFound
	}
	return used.Error
}
