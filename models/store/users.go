package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Users returns everybody who may sign in or could, in order of their email addresses.
func (s *Store) Users(ctx context.Context) ([]models.User, error) {
	return all[models.User](s.reader(ctx).Order("email"))
}

// User returns the user with that id.
func (s *Store) User(ctx context.Context, id int64) (models.User, error) {
	return first[models.User](s.reader(ctx).Where("id = ?", id))
}

// UserByEmail returns the user with that address, however it is written.
func (s *Store) UserByEmail(ctx context.Context, email string) (models.User, error) {
	return first[models.User](s.reader(ctx).Where("email = ?", models.NormalizeEmail(email)))
}

// HasUsers reports whether anybody was ever added; until then the server is being set up.
func (s *Store) HasUsers(ctx context.Context) (bool, error) {
	var has bool
	err := s.reader(ctx).Raw(`SELECT EXISTS (SELECT 1 FROM users)`).Scan(&has).Error
	return has, unavailable(err)
}

// CreateUser adds a user. password may be "": then a one-time link lets them set one, see CreateLink. An address that is
// taken is a *models.Conflict at the field "email".
func (s *Store) CreateUser(ctx context.Context, by models.Actor, user models.User, password string) (models.User, error) {
	user, err := newUser(user, password, passwordOptional)
	if err != nil {
		return models.User{}, err
	}
	err = s.transact(ctx, func(tx *gorm.DB) error { return createUser(tx, by, &user) })
	return user, takenEmail(err)
}

const (
	passwordOptional = false
	passwordRequired = true
)

// newUser completes and checks a user before the transaction: hashing a password takes long.
func newUser(user models.User, password string, required bool) (models.User, error) {
	user.Email, user.Active, user.CreatedAt = models.NormalizeEmail(user.Email), true, time.Now()
	var bad models.Invalid
	if invalid, is := user.Check().(models.Invalid); is {
		bad = append(bad, invalid...)
	}
	if password != "" || required {
		if invalid, is := models.CheckPassword(password).(models.Invalid); is {
			bad = append(bad, invalid...)
		}
	}
	if err := bad.Err(); err != nil || password == "" {
		return user, err
	}
	hash, err := models.HashPassword(password)
	user.PasswordHash = hash
	return user, err
}

func createUser(tx *gorm.DB, by models.Actor, user *models.User) error {
	if err := tx.Create(user).Error; err != nil {
		return err
	}
	return audit(tx, by, models.AuditRecord{Action: models.UserCreated, Subject: user.Email, Detail: string(user.Role)})
}

func takenEmail(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return &models.Conflict{Field: "email", Detail: "Somebody with this email address is here already."}
	}
	return err
}

// UpdateUser changes name, role, the access to all stacks and whether the user is active. Whoever is deactivated or gets
// another role is signed out everywhere. What is changed by hand no longer follows groups. The last active administrator stays one: otherwise it is a *models.Refused.
func (s *Store) UpdateUser(ctx context.Context, by models.Actor, user models.User) error {
	if err := user.Check(); err != nil {
		return err
	}
	return s.accessChanged(s.transact(ctx, func(tx *gorm.DB) error {
		before, err := first[models.User](tx.Where("id = ?", user.ID))
		if err != nil {
			return err
		}
		user.RoleByGroup = before.RoleByGroup && user.Role == before.Role
		user.AllStacksByGroup = before.AllStacksByGroup && user.AllStacks == before.AllStacks
		if err := tx.Select("name", "role", "role_by_group", "all_stacks", "all_stacks_by_group", "active").Where("id = ?", user.ID).Updates(&user).Error; err != nil {
			return err
		}
		if before.Role == models.Administrator && before.Active { // whoever was none cannot have been the last one
			if err := keepAdministrator(tx); err != nil {
				return err
			}
		}
		if before.Role != user.Role || !user.Active {
			if err := tx.Exec(`DELETE FROM sessions WHERE user_id = ?`, user.ID).Error; err != nil {
				return err
			}
		}
		return audit(tx, by, models.AuditRecord{Action: models.UserUpdated, Subject: user.Email, Detail: fmt.Sprintf(
			"%s, active %t, all stacks %t → %s, active %t, all stacks %t",
			before.Role, before.Active, before.AllStacks, user.Role, user.Active, user.AllStacks)})
	}))
}

func keepAdministrator(tx *gorm.DB) error {
	var left bool
	err := tx.Raw(`SELECT EXISTS (SELECT 1 FROM users WHERE role = ? AND active)`, models.Administrator).Scan(&left).Error
	if err == nil && !left {
		return &models.Refused{Reason: "This is the last active administrator. Make somebody else one first."}
	}
	return err
}

// SetPassword gives a user a new password and ends all sessions.
func (s *Store) SetPassword(ctx context.Context, by models.Actor, user models.User, password string) error {
	if err := models.CheckPassword(password); err != nil {
		return err
	}
	hash, err := models.HashPassword(password)
	if err != nil {
		return err
	}
	return s.accessChanged(s.transact(ctx, func(tx *gorm.DB) error { return setPassword(tx, by, user, hash) }))
}

func setPassword(tx *gorm.DB, by models.Actor, user models.User, hash string) error {
	if err := tx.Exec(`UPDATE users SET password_hash = ? WHERE id = ?`, hash, user.ID).Error; err != nil {
		return err
	}
	if err := tx.Exec(`DELETE FROM sessions WHERE user_id = ?`, user.ID).Error; err != nil {
		return err
	}
	// A link that is still out would let whoever finds it set yet another password.
	if err := tx.Exec(`DELETE FROM links WHERE user_id = ? AND used_at IS NULL`, user.ID).Error; err != nil {
		return err
	}
	return audit(tx, by, models.AuditRecord{Action: models.PasswordSet, Subject: user.Email})
}
