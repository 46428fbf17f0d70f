package store

import (
	"gorm.io/gorm"

	"stackhook/models"
)

// about makes the search one in an index that begins with that column.
func (q *search) about(column string, value any) {
	q.prefix, q.values = append([]string{column}, q.prefix...), append([]any{value}, q.values...)
}

// searchWebhook looks in the log of one webhook, if the viewer reads its stack.
func (f DeliveryFilter) searchWebhook(db *gorm.DB, v models.Viewer, q *search) error {
	webhooks, err := all[models.Webhook](db.Select("stack_key").Where("id = ?", f.Webhook))
	if err != nil {
		return err
	}
	q.about("webhook_id", f.Webhook)
	if len(webhooks) == 0 {
		q.nothing = true
	} else if stack := webhooks[0].StackKey; f.Stack != nil {
		q.nothing = f.Stack.Key != stack
	} else {
		q.nothing = !v.Sees(stack)
	}
	return nil
}

// searchRun looks in the deliveries of the runs with that id, of which each stack may have one.
func (f DeliveryFilter) searchRun(db *gorm.DB, v models.Viewer, q *search) error {
	if f.Webhook != "" {
		q.rest = append(q.rest, where("webhook_id = ?", f.Webhook))
	}
	stacks := visible(db.Table("stacks"), v)
	if f.Stack != nil {
		stacks = db.Table("stacks").Where("key = ? AND deleted_at IS NULL", f.Stack.Key)
	}
	runs, err := all[models.Run](db.Table("(?) AS s", stacks.Select("key")).Select("runs.key").Joins("CROSS JOIN runs").
		Where("runs.stack_key = s.key AND runs.id = ?", f.Run))
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		f.searchTest(db, v, q)
		return nil
	}
	q.prefix, q.values, q.sorted = []string{"run_key"}, []any{nil}, true
	for _, r := range runs {
		q.lanes = append(q.lanes, r.Key)
	}
	return nil
}

// searchTest looks for the test delivery whose run has that id. The runs of tests are not stored; the delivery is made in the
// moment after its run's id.
func (f DeliveryFilter) searchTest(db *gorm.DB, v models.Viewer, q *search) {
	q.from(f.Run)
	q.below(models.LeastID(models.IDTime(f.Run).Add(commitWithin)))
	q.during = append(q.during, q.rest...)
	q.during, q.rest = append(q.during, where("+run_key IS NULL AND run_id = ?", f.Run)), nil
	if f.Stack != nil {
		q.during = append(q.during, where("+stack_key = ?", f.Stack.Key))
	} else if !v.AllStacks() {
		q.during = append(q.during, where("+"+amongKeys[int64](db, "stack_key", "?"), keyList(db, readable(v))))
	}
}

// readable are the keys of the stacks of a viewer who does not see all.
func readable(v models.Viewer) []int64 {
	if v.Token != nil {
		return []int64{v.Token.StackKey}
	}
	return v.Grants
}

// across looks in the logs of all stacks that the viewer sees.
func (q *search) across(db *gorm.DB, v models.Viewer) error {
	if v.AllStacks() && len(q.prefix) == 0 {
		// The rows of a deleted stack are there until they are purged, and nobody sees them.
		purging, err := all[models.Stack](db.Select("key").Where("deleted_at IS NOT NULL").Limit(1))
		if err != nil || len(purging) == 0 {
			return err
		}
	}
	stacks, err := all[models.Stack](visible(db, v).Select("key").Limit(mostLanes + 1))
	if err != nil {
		return err
	}
	switch {
	case len(stacks) == 0:
		q.nothing = true
	case len(stacks) <= mostLanes:
		q.about("stack_key", nil)
		for _, s := range stacks {
			q.lanes = append(q.lanes, s.Key)
		}
	case len(q.rest) == 0:
		q.about("stack_key", nil)
		q.many = &v
	default:
		q.amongAll(db, v)
	}
	return nil
}

// amongAll looks at the deliveries of all stacks.
func (q *search) amongAll(db *gorm.DB, v models.Viewer) {
	for i, column := range q.prefix {
		q.rest = append(q.rest, where(column+" = ?", q.values[i]))
	}
	q.prefix, q.values, q.partly = nil, nil, ""
	q.rest = append(q.rest, where("+stack_key IN (SELECT key FROM stacks WHERE deleted_at IS NULL)"))
	if !v.AllStacks() {
		q.rest = append(q.rest, where("+"+amongKeys[int64](db, "stack_key", "?"), keyList(db, readable(v))))
	}
}
