package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// SaveSignOn keeps a sign-in while it is under way at the identity provider.
func (s *Store) SaveSignOn(ctx context.Context, try models.SignOn) error {
	return s.transact(ctx, func(tx *gorm.DB) error { return tx.Create(&try).Error })
}

// TakeSignOn returns the sign-in that began with this state in this browser, once. Another's, a used or a late one is not
// found, and another browser's stays where it is: whoever learns of a state cannot spoil it.
func (s *Store) TakeSignOn(ctx context.Context, state, browser string) (models.SignOn, error) {
	var try models.SignOn
	err := s.transact(ctx, func(tx *gorm.DB) (err error) {
		try, err = first[models.SignOn](tx.Where("id = ? AND browser = ? AND expires_at > ?", HashCredential(state), HashCredential(browser), micros(time.Now())))
		if err != nil {
			return err
		}
		done := tx.Exec(`DELETE FROM sign_ons WHERE id = ?`, try.ID)
		if done.Error == nil && done.RowsAffected == 0 { // somebody was faster
			return models.ErrNotFound
		}
		return done.Error
	})
	return try, err
}

// Arrived is somebody who came from the identity provider.
type Arrived struct {
	User models.User
	Kept bool // no group makes them an administrator any more, but they are the last one
}

// SignOn finds or makes the user of somebody whom the identity provider vouches for, and gives and takes what their groups
// say. Who may not come in is a *models.Refused.
func (s *Store) SignOn(ctx context.Context, i models.Identity, rights models.GroupRights, address string) (Arrived, error) {
	var a Arrived
	arrive := func(tx *gorm.DB) (err error) {
		a = Arrived{}
		by := models.Actor{Kind: models.ActorSystem, Name: "single sign-on", Address: address}
		if a.User, err = identify(tx, by, i, rights); err != nil {
			return err
		}
		if !a.User.Active {
			return &models.Refused{Reason: "Your account here is deactivated. An administrator can make it active again."}
		}
		if a.Kept, err = followRole(tx, by, &a.User, rights); err != nil {
			return err
		}
		return followStacks(tx, by, &a.User, rights)
	}
	err := s.transact(ctx, arrive)
	if errors.Is(err, gorm.ErrDuplicatedKey) { // the same person came twice at once, and is there now
		err = s.transact(ctx, arrive)
	}
	return a, s.accessChanged(err)
}

// identify finds the user: by the provider's subject, at the first time by the email address. Whoever is new is added.
func identify(tx *gorm.DB, by models.Actor, i models.Identity, rights models.GroupRights) (models.User, error) {
	i.Email = models.NormalizeEmail(i.Email)
	linked, err := first[models.Linked](tx.Where("issuer = ? AND subject = ?", i.Issuer, i.Subject))
	if err == nil {
		user, err := first[models.User](tx.Where("id = ?", linked.UserID))
		if err != nil {
			return user, err
		}
		return user, followEmail(tx, by, &user, i.Email)
	}
	if !errors.Is(err, models.ErrNotFound) {
		return models.User{}, err
	}
	user, err := first[models.User](tx.Where("email = ?", i.Email))
	if errors.Is(err, models.ErrNotFound) {
		user, err = newcomer(tx, by, i, rights)
	}
	if err != nil {
		return user, err
	}
	return user, link(tx, by, user, i)
}

// newcomer adds somebody as a reader. The first one of all must be an administrator: once there is anybody, the link of the
// first start is worth nothing, and with readers only nobody could change that.
func newcomer(tx *gorm.DB, by models.Actor, i models.Identity, rights models.GroupRights) (models.User, error) {
	var any bool
	if err := tx.Raw(`SELECT EXISTS (SELECT 1 FROM users)`).Scan(&any).Error; err != nil {
		return models.User{}, err
	}
	if !any && !rights.Administrator {
		return models.User{}, &models.Refused{Reason: "Nobody administers this server yet, and your groups do not make you an administrator. Whoever runs it has to set it up first."}
	}
	user := models.User{Email: i.Email, Name: models.CutName(i.Name), Role: models.Reader, Active: true, CreatedAt: time.Now()}
	if !any {
		user.Role, user.RoleByGroup = models.Administrator, true
	}
	if user.Check() != nil {
		return user, &models.Refused{Reason: "The identity provider told an email address that Stackhook cannot take."}
	}
	return user, createUser(tx, by, &user)
}

// link remembers which account at the provider is whose. An address that belongs to somebody who is linked already may have
// been given to another person since: they do not get what was the first one's.
func link(tx *gorm.DB, by models.Actor, user models.User, i models.Identity) error {
	before, err := first[models.Linked](tx.Where("user_id = ? AND issuer = ?", user.ID, i.Issuer))
	if err == nil && before.Subject == i.Subject { // they came twice at once, and are linked since a moment ago
		return nil
	}
	if err == nil {
		return &models.Refused{Reason: "Your email address belongs here to another account of the identity provider. Whoever runs this server can unlink that one: stackhook user unlink --email " + user.Email}
	}
	if !errors.Is(err, models.ErrNotFound) {
		return err
	}
	if err := tx.Create(&models.Linked{Issuer: i.Issuer, Subject: i.Subject, UserID: user.ID, CreatedAt: time.Now()}).Error; err != nil {
		return err
	}
	return audit(tx, by, models.AuditRecord{Action: models.UserUpdated, Subject: user.Email, Detail: "linked to " + i.Subject + " of " + i.Issuer})
}

// followEmail keeps up with an address that the provider changed, unless it is somebody else's here.
func followEmail(tx *gorm.DB, by models.Actor, user *models.User, email string) error {
	if user.Email == email {
		return nil
	}
	_, err := first[models.User](tx.Where("email = ?", email))
	if !errors.Is(err, models.ErrNotFound) {
		return err
	}
	before := user.Email
	if user.Email = email; user.Check() != nil {
		user.Email = before
		return nil
	}
	if err := tx.Exec(`UPDATE users SET email = ? WHERE id = ?`, email, user.ID).Error; err != nil {
		return err
	}
	return audit(tx, by, models.AuditRecord{Action: models.UserUpdated, Subject: email, Detail: fmt.Sprintf("email %s → %s", before, email)})
}

// Unlink forgets which accounts at identity providers are the user's, and returns how many: the next sign-in with the
// user's address links anew. It ends all sessions, which may be those of whoever is unlinked.
func (s *Store) Unlink(ctx context.Context, by models.Actor, user models.User) (forgotten int, err error) {
	err = s.transact(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`DELETE FROM identities WHERE user_id = ?`, user.ID)
		if forgotten = int(done.RowsAffected); done.Error != nil || forgotten == 0 {
			return done.Error
		}
		if err := tx.Exec(`DELETE FROM sessions WHERE user_id = ?`, user.ID).Error; err != nil {
			return err
		}
		return audit(tx, by, models.AuditRecord{Action: models.UserUpdated, Subject: user.Email, Detail: "unlinked from the identity provider"})
	})
	return forgotten, s.accessChanged(err)
}
