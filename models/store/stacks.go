package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Stack returns the stack with that id. If the viewer may not see it, it is not found, as if it did not exist.
func (s *Store) Stack(ctx context.Context, v models.Viewer, id string) (models.Stack, error) {
	return seenStack(v)(first[models.Stack](s.reader(ctx).Where("id = ? AND deleted_at IS NULL", id)))
}

// RecentStack is Stack for programs: what another process changed in the last second may not be seen.
func (s *Store) RecentStack(ctx context.Context, v models.Viewer, id string) (models.Stack, error) {
	return seenStack(v)(s.stacks.get(id, believed, func() (models.Stack, error) {
		return first[models.Stack](s.quickReader(ctx).Where("id = ? AND deleted_at IS NULL", id))
	}))
}

// believed is how old what every request of a program reads may be, where another process changed it.
const believed = time.Second

// seenStack hides a stack that the viewer may not see.
func seenStack(v models.Viewer) func(models.Stack, error) (models.Stack, error) {
	return func(stack models.Stack, err error) (models.Stack, error) {
		if err == nil && !v.Sees(stack.Key) {
			return models.Stack{}, models.ErrNotFound
		}
		return stack, err
	}
}

// forgetStacks is called with each change of a stack, which may end its webhooks, tokens and inlets too.
func (s *Store) forgetStacks() {
	s.stacks.forget()
	s.targets.forget()
	s.tokens.forget()
	s.inlets.forget()
}

// Stacks returns the stacks that the viewer sees, in order of their names.
func (s *Store) Stacks(ctx context.Context, v models.Viewer) ([]models.Stack, error) {
	return all[models.Stack](visible(s.reader(ctx), v).Order("name, id"))
}

// visible narrows a query on stacks to those that the viewer sees.
func visible(q *gorm.DB, v models.Viewer) *gorm.DB {
	q = q.Where("deleted_at IS NULL")
	switch {
	case v.AllStacks():
		return q
	case v.Token != nil:
		return q.Where("key = ?", v.Token.StackKey)
	}
	return q.Where("key IN ?", append([]int64{0}, v.Grants...)) // 0 is no stack: an empty list is not SQL
}

// CreateStack adds a stack. An id that is taken is a *models.Conflict at the field "id".
func (s *Store) CreateStack(ctx context.Context, by models.Actor, stack models.Stack) (models.Stack, error) {
	if err := stack.Check(); err != nil {
		return models.Stack{}, err
	}
	stack.CreatedAt = time.Now()
	err := s.transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&stack).Error; err != nil {
			return err
		}
		return audit(tx, by, models.AuditRecord{Action: models.StackCreated, StackKey: stack.Key, StackID: stack.ID, Subject: stack.Name})
	})
	return stack, takenStack(err)
}

// UpdateStack changes name, description, labels and id. Payloads that are stored keep what was true then.
func (s *Store) UpdateStack(ctx context.Context, by models.Actor, stack models.Stack) error {
	defer s.forgetStacks()
	if err := stack.Check(); err != nil {
		return err
	}
	err := s.transact(ctx, func(tx *gorm.DB) error {
		before, err := first[models.Stack](tx.Where("key = ? AND deleted_at IS NULL", stack.Key))
		if err != nil {
			return err
		}
		if err := tx.Select("id", "name", "description", "labels").Where("key = ?", stack.Key).Updates(&stack).Error; err != nil {
			return err
		}
		return audit(tx, by, models.AuditRecord{
			Action: models.StackUpdated, StackKey: stack.Key, StackID: stack.ID, Subject: stack.Name,
			Detail: fmt.Sprintf("%s (%s) → %s (%s)", before.Name, before.ID, stack.Name, stack.ID),
		})
	})
	return takenStack(s.stacksChanged(err))
}

func takenStack(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return &models.Conflict{Field: "id", Detail: "Another stack has this id. Choose another one."}
	}
	return err
}

// DeleteStack makes the stack unseen at once: it and its webhooks are marked, its tokens revoked, nothing is sent any
// more. What belonged to it goes in batches, see PurgeStacks.
func (s *Store) DeleteStack(ctx context.Context, by models.Actor, stack models.Stack) error {
	defer s.forgetStacks()
	return s.stacksChanged(s.transact(ctx, func(tx *gorm.DB) error {
		now := micros(time.Now())
		done := tx.Exec(`UPDATE stacks SET deleted_at = ? WHERE key = ? AND deleted_at IS NULL`, now, stack.Key)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return models.ErrNotFound
		}
		if err := tx.Exec(`UPDATE webhooks SET deleted_at = ?, `+noSecrets+` WHERE stack_key = ? AND deleted_at IS NULL`, now, stack.Key).Error; err != nil {
			return err
		}
		if err := tx.Exec(`UPDATE tokens SET revoked_at = ? WHERE stack_key = ? AND revoked_at IS NULL`, now, stack.Key).Error; err != nil {
			return err
		}
		if err := execEach(tx, stack.Key, `DELETE FROM grants WHERE stack_key = ?`, `DELETE FROM inlets WHERE stack_key = ?`); err != nil {
			return err
		}
		return audit(tx, by, models.AuditRecord{Action: models.StackDeleted, StackKey: stack.Key, StackID: stack.ID, Subject: stack.Name})
	}))
}
