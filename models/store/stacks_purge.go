package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// leftovers are what a deleted stack leaves behind beside its deliveries, children before parents. Each takes the stack's
// key and a number of rows.
var leftovers = []string{
	`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE stack_key = ? LIMIT ?)`,
	`DELETE FROM runs WHERE key IN (SELECT key FROM runs WHERE stack_key = ? LIMIT ?)`,
	`DELETE FROM redeliveries WHERE key IN (SELECT key FROM redeliveries WHERE stack_key = ? LIMIT ?)`,
	`DELETE FROM inlet_notifications WHERE key IN (SELECT key FROM inlet_notifications WHERE stack_key = ? LIMIT ?)`,
	`DELETE FROM webhooks WHERE id IN (SELECT id FROM webhooks WHERE stack_key = ? LIMIT ?)`,
}

// PurgeStacks removes at most most rows of one kind that stacks left behind which were deleted before a time, in one
// transaction, and returns how many it removed: 0 when nothing is left. What was being committed while its stack was
// deleted must have ended by now, or it is left over for ever.
func (s *Store) PurgeStacks(ctx context.Context, before time.Time, most int) (removed int64, err error) {
	err = s.purge(ctx, func(tx *gorm.DB) error {
		stack, err := first[models.Stack](tx.Where("deleted_at < ?", micros(before)).Order("key"))
		if errors.Is(err, models.ErrNotFound) {
			removed = 0
			return nil
		}
		if err == nil {
			removed, err = purgeStack(tx, stack.Key, most)
		}
		return err
	})
	return removed, err
}

// purgeStack removes one kind of rows, and at last the stack.
func purgeStack(tx *gorm.DB, key int64, most int) (removed int64, err error) {
	if removed, err = purgeStackDeliveries(tx, key, most); removed > 0 || err != nil {
		return removed, err
	}
	for _, sql := range leftovers {
		if done := tx.Exec(sql, key, most); done.RowsAffected > 0 || done.Error != nil {
			return done.RowsAffected, done.Error
		}
	}
	return 1, execEach(tx, key, `DELETE FROM tokens WHERE stack_key = ?`, `DELETE FROM grants WHERE stack_key = ?`, `DELETE FROM inlets WHERE stack_key = ?`,
		`DELETE FROM stacks WHERE key = ?`)
}

// purgeStackDeliveries removes deliveries with their attempts. The rows are chosen once: a second query for the first few
// may find others.
func purgeStackDeliveries(tx *gorm.DB, key int64, most int) (int64, error) {
	next, err := all[models.Delivery](locked(tx).Select("id").Where("stack_key = ?", key).Order("id").Limit(most))
	if err != nil || len(next) == 0 {
		return 0, err
	}
	return int64(len(next)), dropDeliveries(tx, deliveryIDs(next))
}

// dropDeliveries removes deliveries with their attempts.
func dropDeliveries(tx *gorm.DB, ids []string) error {
	for _, part := range [][2]string{{"attempts", "delivery_id"}, {"deliveries", "id"}} {
		if err := tx.Exec("DELETE FROM "+part[0]+" WHERE ?", among(tx, part[1], ids)).Error; err != nil {
			return err
		}
	}
	return nil
}

func execEach(tx *gorm.DB, key int64, statements ...string) error {
	for _, sql := range statements {
		if err := tx.Exec(sql, key).Error; err != nil {
			return err
		}
	}
	return nil
}
