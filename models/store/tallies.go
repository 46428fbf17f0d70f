package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Charts read counters, never the deliveries: for each webhook, for each stack and for all of them together a row for each
// step of each span, see tallier. Rows of one step are kept as long as its span, so they stay few.

// tallyTable is one of the two tables of counters.
type tallyTable struct {
	name string
	key  []string // columns that a row is known by
	rest []string // the others that are no counts
}

var (
	webhookTallies = tallyTable{"tallies", []string{"webhook_id", "step", "at", "shard"}, []string{"stack_key"}}
	stackTallies   = tallyTable{"stack_tallies", []string{"stack_key", "step", "at", "shard"}, nil}
	tallyCounts    = append([]string{"delivered", "failed", "skipped"}, tookColumns()...)
)

// allStacks is the key of the counters of all stacks together, those of deleted ones among them.
const allStacks = 0

func tookColumns() []string {
	var columns []string
	for i := range (models.Tally{}).Took {
		columns = append(columns, "took"+string(rune('a'+i)))
	}
	return columns
}

// add is a statement that adds so many rows to what is there. The key comes first of each, then the rest and the counts.
func (t tallyTable) add(n int) string {
	return built(statementKey{t.name, n}, func() string {
		var sets []string
		for _, c := range tallyCounts {
			sets = append(sets, c+" = "+t.name+"."+c+" + excluded."+c)
		}
		columns := slices.Concat(t.key, t.rest, tallyCounts)
		types := strings.Repeat("i", len(columns))
		if t.key[0] == "webhook_id" {
			types = "t" + types[1:]
		}
		return "INSERT INTO " + t.name + " (" + strings.Join(columns, ", ") + ") " + rowsOf(types, n) +
			" ON CONFLICT (" + strings.Join(t.key, ", ") + ") DO UPDATE SET " + strings.Join(sets, ", ")
	})
}

// TallyScope is whose deliveries are counted: a webhook's, a stack's, or, with neither, those of all stacks that the
// viewer reads.
type TallyScope struct {
	Webhook string // id
	Stack   *models.Stack
}

// Tallies returns a tally for each step of the span up to now, oldest first, of the deliveries that the viewer may read.
func (s *Store) Tallies(ctx context.Context, v models.Viewer, of TallyScope, span models.Span, now time.Time) ([]models.Tally, error) {
	stacks := append([]int64{}, v.Grants...)
	switch {
	case of.Stack != nil:
		stacks = []int64{of.Stack.Key}
	case v.AllStacks():
		stacks = []int64{allStacks}
	case v.Token != nil:
		stacks = []int64{v.Token.StackKey}
	}
	switch {
	case len(stacks) == 0:
		return s.tallies(ctx, stackTallies, span, now, "1 = 0")
	case of.Webhook == "":
		return s.tallies(ctx, stackTallies, span, now, "stack_key IN ?", stacks)
	case stacks[0] == allStacks:
		return s.tallies(ctx, webhookTallies, span, now, "webhook_id = ?", of.Webhook)
	}
	return s.tallies(ctx, webhookTallies, span, now, "webhook_id = ? AND stack_key IN ?", of.Webhook, stacks)
}

// tallies adds the rows of each step that meet the condition.
func (s *Store) tallies(ctx context.Context, from tallyTable, span models.Span, now time.Time, condition string, values ...any) ([]models.Tally, error) {
	s.tallier.settle(ctx)
	first, last := span.Begin(now)
	tallies := make([]models.Tally, span.Of)
	for i := range tallies {
		tallies[i].At = first.Add(time.Duration(i) * span.Step)
	}
	sums := []string{"at"}
	for _, c := range tallyCounts {
		sums = append(sums, "CAST(SUM("+c+") AS bigint)")
	}
	rows, err := s.reader(ctx).Table(from.name).Select(strings.Join(sums, ", ")).Group("at").Where(condition, values...).
		Where("step = ? AND at >= ? AND at <= ?", int64(span.Step/time.Second), first.Unix(), last.Unix()).Rows()
	switch {
	case holdsNoText(err):
		return tallies, nil
	case err != nil:
		return nil, unavailable(err)
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		var t models.Tally
		into := []any{&at, &t.Delivered, &t.Failed, &t.Skipped}
		for i := range t.Took {
			into = append(into, &t.Took[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, unavailable(err)
		}
		tallies[int(time.Unix(at, 0).Sub(first)/span.Step)].Add(t)
	}
	return tallies, unavailable(rows.Err())
}

// PurgeTallies removes at most most rows of steps that no span shows any more, and returns how many.
func (s *Store) PurgeTallies(ctx context.Context, now time.Time, most int) (removed int, err error) {
	for _, table := range []tallyTable{webhookTallies, stackTallies} {
		key := strings.Join(table.key, ", ")
		for _, span := range models.Spans {
			if removed >= most {
				return removed, nil
			}
			first, _ := span.Begin(now)
			err = s.purge(ctx, func(tx *gorm.DB) error {
				done := tx.Exec(`DELETE FROM `+table.name+` WHERE (`+key+`) IN (
					SELECT `+key+` FROM `+table.name+` WHERE step = ? AND at < ? ORDER BY at LIMIT ?)`,
					int64(span.Step/time.Second), first.Unix(), most-removed)
				removed += int(done.RowsAffected)
				return done.Error
			})
			if err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}
