package store

import (
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// followRole makes somebody an administrator whom a group makes one, and takes that back when no group does any more. A new
// role ends all sessions, as by hand. The last active administrator stays one, and kept says so: otherwise a change at the
// provider could leave nobody who may do anything here.
func followRole(tx *gorm.DB, by models.Actor, user *models.User, rights models.GroupRights) (kept bool, err error) {
	var role models.Role
	var byGroup bool
	switch {
	case !rights.MapsRole:
		return false, nil
	case rights.Administrator && user.Role != models.Administrator:
		role, byGroup = models.Administrator, true
	case !rights.Administrator && user.RoleByGroup:
		role, byGroup = models.Reader, false
	default:
		return false, nil
	}
	if role == models.Reader {
		var others bool
		err := tx.Raw(`SELECT EXISTS (SELECT 1 FROM users WHERE role = ? AND active AND id <> ?)`, models.Administrator, user.ID).Scan(&others).Error
		if err != nil || !others {
			return err == nil, err
		}
	}
	before := user.Role
	user.Role, user.RoleByGroup = role, byGroup
	if err := tx.Exec(`UPDATE users SET role = ?, role_by_group = ? WHERE id = ?`, role, byGroup, user.ID).Error; err != nil {
		return false, err
	}
	if err := tx.Exec(`DELETE FROM sessions WHERE user_id = ?`, user.ID).Error; err != nil {
		return false, err
	}
	return false, audit(tx, by, models.AuditRecord{Action: models.UserUpdated, Subject: user.Email, Detail: string(before) + " → " + string(role) + " by groups"})
}

// followStacks gives what groups give, and takes back what they gave and do not give any more.
func followStacks(tx *gorm.DB, by models.Actor, user *models.User, rights models.GroupRights) error {
	if !rights.MapsStacks {
		return nil
	}
	if err := followAllStacks(tx, by, user, rights.AllStacks); err != nil {
		return err
	}
	given := map[int64]bool{}
	if len(rights.Stacks) > 0 {
		stacks, err := all[models.Stack](tx.Where("id IN ? AND deleted_at IS NULL", rights.Stacks).Order("id"))
		if err != nil {
			return err
		}
		for _, stack := range stacks {
			given[stack.Key] = true
			done := tx.Exec(`INSERT INTO grants (user_id, stack_key, created_at, by_group) VALUES (?, ?, ?, TRUE) ON CONFLICT DO NOTHING`,
				user.ID, stack.Key, micros(time.Now()))
			if done.Error != nil {
				return done.Error
			}
			if err := auditFollowed(tx, by, models.GrantCreated, user, stack, done.RowsAffected > 0); err != nil {
				return err
			}
		}
	}
	return withdraw(tx, by, user, given)
}

// withdraw takes the grants back that groups gave, but for those that they still give.
func withdraw(tx *gorm.DB, by models.Actor, user *models.User, given map[int64]bool) error {
	granted, err := all[models.Stack](tx.Where("key IN (SELECT stack_key FROM grants WHERE user_id = ? AND by_group)", user.ID).Order("id"))
	if err != nil {
		return err
	}
	for _, stack := range granted {
		if given[stack.Key] {
			continue
		}
		if err := tx.Exec(`DELETE FROM grants WHERE user_id = ? AND stack_key = ?`, user.ID, stack.Key).Error; err != nil {
			return err
		}
		if err := auditFollowed(tx, by, models.GrantRevoked, user, stack, true); err != nil {
			return err
		}
	}
	return nil
}

func auditFollowed(tx *gorm.DB, by models.Actor, action models.Action, user *models.User, stack models.Stack, changed bool) error {
	if !changed {
		return nil
	}
	return audit(tx, by, models.AuditRecord{Action: action, StackKey: stack.Key, StackID: stack.ID, Subject: user.Email, Detail: "by groups"})
}

func followAllStacks(tx *gorm.DB, by models.Actor, user *models.User, gives bool) error {
	if gives == user.AllStacks || !gives && !user.AllStacksByGroup {
		return nil
	}
	user.AllStacks, user.AllStacksByGroup = gives, gives
	if err := tx.Exec(`UPDATE users SET all_stacks = ?, all_stacks_by_group = ? WHERE id = ?`, gives, gives, user.ID).Error; err != nil {
		return err
	}
	words := "all stacks false → true by groups"
	if !gives {
		words = "all stacks true → false by groups"
	}
	return audit(tx, by, models.AuditRecord{Action: models.UserUpdated, Subject: user.Email, Detail: words})
}
