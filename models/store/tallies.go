package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Charts read counters, never the deliveries: for each webhook a row for each step of each span, see tallier. Rows of one
// step are kept as long as its span, so they stay few.

// tallyColumns are those of the table: what a row is of, and its counts.
var (
	tallyKey    = []string{"webhook_id", "step", "at", "shard", "stack_key"}
	tallyCounts = append([]string{"delivered", "failed", "skipped"}, tookColumns()...)
	tallyTypes  = "tiiii" + strings.Repeat("i", len(tallyCounts))
)

func tookColumns() []string {
	var columns []string
	for i := range (models.Tally{}).Took {
		columns = append(columns, "took"+string(rune('a'+i)))
	}
	return columns
}

// tallyStatement adds so many rows to what is there.
func tallyStatement(n int) string {
	return built(statementKey{"tallies", n}, func() string {
		var sets []string
		for _, c := range tallyCounts {
			sets = append(sets, c+" = tallies."+c+" + excluded."+c)
		}
		return "INSERT INTO tallies (" + strings.Join(slices.Concat(tallyKey, tallyCounts), ", ") + ") " + rowsOf(tallyTypes, n) +
			" ON CONFLICT (webhook_id, step, at, shard) DO UPDATE SET " + strings.Join(sets, ", ")
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
	condition, values := "1 = 1", []any{}
	switch {
	case of.Stack != nil:
		condition, values = "stack_key = ?", []any{of.Stack.Key}
	case v.AllStacks():
	case v.Token != nil:
		condition, values = "stack_key = ?", []any{v.Token.StackKey}
	default:
		condition, values = "stack_key IN ?", []any{append([]int64{0}, v.Grants...)}
	}
	if of.Webhook != "" {
		condition, values = condition+" AND webhook_id = ?", append(values, of.Webhook)
	}
	return s.tallies(ctx, span, now, condition, values...)
}

// tallies adds the rows of each step that meet the condition.
func (s *Store) tallies(ctx context.Context, span models.Span, now time.Time, condition string, values ...any) ([]models.Tally, error) {
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
	rows, err := s.reader(ctx).Table("tallies").Select(strings.Join(sums, ", ")).Group("at").Where(condition, values...).
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
	for _, span := range models.Spans {
		if removed >= most {
			break
		}
		first, _ := span.Begin(now)
		err = s.purge(ctx, func(tx *gorm.DB) error {
			step := int64(span.Step / time.Second)
			done := tx.Exec(`DELETE FROM tallies WHERE (webhook_id, step, at, shard) IN (
				SELECT webhook_id, step, at, shard FROM tallies WHERE step = ? AND at < ? ORDER BY at LIMIT ?)`,
				step, first.Unix(), most-removed)
			removed += int(done.RowsAffected)
			return done.Error
		})
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}
