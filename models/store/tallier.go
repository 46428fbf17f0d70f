package store

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

const (
	// tallyEvery is how long counts are gathered. Written with what they count, four rows for each webhook, they would cost
	// a busy engine a sixth of its speed. So whatever ends the process at once takes this much out of the charts, and
	// nothing else: no promise is kept by them.
	tallyEvery = time.Second
	// tallyMost is how many rows one transaction writes: its callers wait for all of them.
	tallyMost = 1000
	// settleWithin is how long a page waits for what was just counted.
	settleWithin = 200 * time.Millisecond
	// shards is how many rows there are of a webhook's step. Each process counts in its own, more or less: two replicas
	// that count in the same one wait for each other's commit.
	shards = 16
)

// tallied is whose deliveries are counted: a webhook's; without one, a stack's; without that, all.
type tallied struct {
	webhook string
	stack   int64
}

func (t tallied) table() tallyTable {
	if t.webhook == "" {
		return stackTallies
	}
	return webhookTallies
}

// tallyStep is what a row counts.
type tallyStep struct {
	tallied
	step time.Duration
	at   time.Time // when it began
}

// tallier gathers the counts of what ended and writes them.
type tallier struct {
	store *Store
	shard int64

	mu   sync.Mutex
	next *gathered
	last *gathered // being written, or written

	work  chan struct{} // holds one nudge
	hurry chan struct{} // holds one
	quit  chan struct{}
	end   sync.Once
	done  sync.WaitGroup
}

// gathered is what is written at once.
type gathered struct {
	counts map[tallyStep]*models.Tally
	tried  chan struct{} // closed once that was tried
}

func newGathered() *gathered {
	return &gathered{map[tallyStep]*models.Tally{}, make(chan struct{})}
}

func (g *gathered) add(of tallyStep, tally *models.Tally) {
	if g.counts[of] == nil {
		g.counts[of] = new(models.Tally)
	}
	g.counts[of].Add(*tally)
}

func newTallier(s *Store) *tallier {
	nothing := newGathered()
	close(nothing.tried)
	t := &tallier{
		store: s, shard: rand.Int64N(shards), next: newGathered(), last: nothing,
		work: make(chan struct{}, 1), hurry: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	t.done.Go(t.loop)
	return t
}

// close writes what is left.
func (t *tallier) close() {
	t.end.Do(func() { close(t.quit) })
	t.done.Wait()
}

// add counts what a durable transaction ended at that time.
func (t *tallier) add(ended map[tallied]*models.Tally, at time.Time) {
	if len(ended) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for of, tally := range ended {
		for _, span := range models.Spans {
			step := tallyStep{of, span.Step, at.UTC().Truncate(span.Step)}
			t.next.add(step, tally)
			step.webhook = ""
			t.next.add(step, tally)
			step.stack = allStacks
			t.next.add(step, tally)
		}
	}
	signal(t.work)
}

// settle waits until what was counted is written, or could not be; a moment at most.
func (t *tallier) settle(ctx context.Context) {
	t.mu.Lock()
	wait := t.last
	if len(t.next.counts) > 0 {
		wait = t.next
		signal(t.hurry)
	}
	t.mu.Unlock()
	select {
	case <-wait.tried:
	case <-time.After(settleWithin):
	case <-ctx.Done():
	}
}

func (t *tallier) loop() {
	for quit := false; !quit; {
		select {
		case <-t.work:
			select {
			case <-time.After(tallyEvery):
			case <-t.hurry:
			case <-t.quit:
			}
		case <-t.quit:
			quit = true
		}
		t.write()
	}
}

// write makes durable what was gathered. What cannot be written is kept for the next time.
func (t *tallier) write() {
	t.mu.Lock()
	g := t.next
	t.next, t.last = newGathered(), g
	t.mu.Unlock()
	defer close(g.tried)
	// In one order for all processes: none waits for a row of another that waits for its.
	steps := slices.SortedFunc(maps.Keys(g.counts), tallyStep.compare)
	for len(steps) > 0 {
		some := steps[:min(tallyMost, len(steps))]
		if i := slices.IndexFunc(some, func(s tallyStep) bool { return s.table().name != some[0].table().name }); i > 0 {
			some = some[:i]
		}
		if t.commit(g, some) != nil {
			break
		}
		steps = steps[len(some):]
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, of := range steps {
		t.next.add(of, g.counts[of])
		signal(t.work)
	}
}

func (s tallyStep) compare(other tallyStep) int {
	return cmp.Or(cmp.Compare(s.webhook, other.webhook), cmp.Compare(s.stack, other.stack), cmp.Compare(s.step, other.step), s.at.Compare(other.at))
}

// signal leaves one nudge, unless one is there.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// commit adds the counts of some steps to their rows of one table, with the next group.
func (t *tallier) commit(g *gathered, some []tallyStep) error {
	table := some[0].table()
	rows := make([][]any, 0, len(some))
	for _, of := range some {
		tally := g.counts[of]
		row := []any{of.stack, int64(of.step / time.Second), of.at.Unix(), t.shard}
		if of.webhook != "" {
			row = append([]any{of.webhook}, append(row[1:], of.stack)...)
		}
		row = append(row, tally.Delivered, tally.Failed, tally.Skipped)
		for _, n := range tally.Took {
			row = append(row, n)
		}
		rows = append(rows, row)
	}
	return t.store.commit(context.Background(), wish{do: func(tx *gorm.DB) error {
		for batch := range batches(rows) {
			if err := tx.Exec(table.add(len(batch)), slices.Concat(batch...)...).Error; err != nil {
				return err
			}
		}
		return nil
	}})
}
