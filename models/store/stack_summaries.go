package store

import (
	"context"

	"gorm.io/gorm"

	"stackhook/models"
)

// StackStripLength is how many of the last deliveries a stack's row shows.
const StackStripLength = 30

// StackSummary is a stack's line in the list of stacks.
type StackSummary struct {
	Stack    models.Stack
	Webhooks []models.Webhook
	Last     []models.Status // of the last StackStripLength deliveries, oldest first
	Run      *models.Run     // the newest one, nil if there is none
}

// StackSummaries returns the stacks that the viewer sees, in order of their names, with how they stand. It asks once for each
// kind of thing, however many stacks there are.
func (s *Store) StackSummaries(ctx context.Context, v models.Viewer) ([]StackSummary, error) {
	stacks, err := s.Stacks(ctx, v)
	if err != nil || len(stacks) == 0 {
		return nil, err
	}
	return summarize(s.reader(ctx), stacks)
}

func summarize(db *gorm.DB, stacks []models.Stack) ([]StackSummary, error) {
	summaries := make([]StackSummary, len(stacks))
	of := map[int64]*StackSummary{}
	var keys []int64
	for i, stack := range stacks {
		summaries[i].Stack = stack
		of[stack.Key] = &summaries[i]
		keys = append(keys, stack.Key)
	}
	webhooks, err := all[models.Webhook](db.Where(among(db, "stack_key", keys)).Where("deleted_at IS NULL").Order("stack_key, id"))
	if err != nil {
		return nil, err
	}
	for _, w := range webhooks {
		of[w.StackKey].Webhooks = append(of[w.StackKey].Webhooks, w)
	}
	last, err := all[models.Delivery](lastOfEach(db, keys))
	if err != nil {
		return nil, err
	}
	for _, d := range last {
		of[d.StackKey].Last = append(of[d.StackKey].Last, d.Status)
	}
	runs, err := all[models.Run](db.Where("key IN (?)",
		db.Table("stacks AS s").Select("(SELECT MAX(key) FROM runs WHERE stack_key = s.key)").Where(among(db, "s.key", keys))))
	for i, r := range runs {
		of[r.StackKey].Run = &runs[i]
	}
	return summaries, err
}

// lastOfEach is a query for the last deliveries of stacks, the oldest first. Each database reads so many rows from the index of
// a stack in a way that the other one does not know, or does by reading all of them.
func lastOfEach(db *gorm.DB, stacks []int64) *gorm.DB {
	q := db.Table("stacks AS s").Select("d.stack_key, d.status").Where(among(db, "s.key", stacks)).Order("d.id")
	if onPostgres(db) {
		// Equal keys need no order: PostgreSQL would go through the newest deliveries of all stacks until it has so many of
		// this one, which are all that there are where it is an idle one.
		return q.Joins(`JOIN LATERAL (SELECT id, stack_key, status FROM deliveries WHERE stack_key BETWEEN s.key AND s.key AND NOT test
			ORDER BY stack_key DESC, id DESC LIMIT ?) AS d ON TRUE`, StackStripLength)
	}
	return q.Joins(`JOIN deliveries AS d ON d.id IN (SELECT id FROM deliveries WHERE stack_key = s.key AND NOT test ORDER BY id DESC LIMIT ?)`,
		StackStripLength)
}
