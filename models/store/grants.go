package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Grants returns which users were granted which stacks, by user id, in order of the stacks' names.
func (s *Store) Grants(ctx context.Context) (map[int64][]models.Stack, error) {
	type row struct {
		UserID int64
		models.Stack
	}
	var rows []row
	err := s.reader(ctx).Raw(`SELECT g.user_id, ` + columns[models.Stack](s.read, "s") + ` FROM grants g JOIN stacks s ON s.key = g.stack_key
		WHERE s.deleted_at IS NULL ORDER BY s.name, s.id`).Scan(&rows).Error
	grants := map[int64][]models.Stack{}
	for _, r := range rows {
		grants[r.UserID] = append(grants[r.UserID], r.Stack)
	}
	return grants, unavailable(err)
}

// Access is why somebody may read a stack.
type Access struct {
	User    models.User
	Granted bool // for this stack, beside what the role or the access to all stacks gives
	ByGroup bool // the grant came from a group of the identity provider
}

// StackAccess returns who may read the stack, in order of their email addresses.
func (s *Store) StackAccess(ctx context.Context, stack models.Stack) ([]Access, error) {
	type row struct {
		models.User
		Granted, ByGroup bool
	}
	var rows []row
	err := s.reader(ctx).Raw(`SELECT `+columns[models.User](s.read, "u")+`, g.user_id IS NOT NULL AS granted, COALESCE(g.by_group, FALSE) AS by_group
		FROM users u LEFT JOIN grants g ON g.user_id = u.id AND g.stack_key = ?
		WHERE u.active AND (u.role = ? OR u.all_stacks OR g.user_id IS NOT NULL) ORDER BY u.email`,
		stack.Key, models.Administrator).Scan(&rows).Error
	access := make([]Access, len(rows))
	for i, r := range rows {
		access[i] = Access{User: r.User, Granted: r.Granted, ByGroup: r.ByGroup}
	}
	return access, unavailable(err)
}

// GrantStack lets the user read the stack. Granting twice is granting once, and what a group gave is then given by hand.
func (s *Store) GrantStack(ctx context.Context, by models.Actor, user models.User, stack models.Stack) error {
	return s.accessChanged(s.transact(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`INSERT INTO grants (user_id, stack_key, created_at) VALUES (?, ?, ?)
			ON CONFLICT (user_id, stack_key) DO UPDATE SET by_group = FALSE WHERE grants.by_group`,
			user.ID, stack.Key, micros(time.Now()))
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error
		}
		return audit(tx, by, models.AuditRecord{Action: models.GrantCreated, StackKey: stack.Key, StackID: stack.ID, Subject: user.Email})
	}))
}

// RevokeStack takes the grant back. It takes effect with the user's next request.
func (s *Store) RevokeStack(ctx context.Context, by models.Actor, user models.User, stack models.Stack) error {
	return s.accessChanged(s.transact(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`DELETE FROM grants WHERE user_id = ? AND stack_key = ?`, user.ID, stack.Key)
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error
		}
		return audit(tx, by, models.AuditRecord{Action: models.GrantRevoked, StackKey: stack.Key, StackID: stack.ID, Subject: user.Email})
	}))
}
