package store

import (
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// A page of a delivery log costs the same however many deliveries there are: it reads rows in order of their ids from an
// index that begins with what the log is about, and stops when it is full. What no index tells of a delivery is found by
// looking at each, at most MaxLooked of them a page.

// MaxLooked is how many deliveries a page looks at for what no index tells: that takes some 50 ms.
const MaxLooked = 20_000

// search is how a filter is looked for. Each row of the answer meets all conditions.
type search struct {
	nothing bool // there is nothing to look at

	// The columns that the index begins with, before the ids, and their values. Where the first has several values there are
	// lanes, which are merged: keys of stacks or of runs. Many are all stacks of a viewer, too many for that.
	prefix []string
	values []any
	lanes  []int64
	many   *models.Viewer
	partly string // the condition of the index's rows, as the index says it

	low, high string      // the ids, low included
	during    []condition // what ids tell nearly
	rest      []condition // what each row is looked at for
	sorted    bool        // the index is not in order of ids: it has few rows, which are sorted
	postgres  bool
}

type condition struct {
	text   string
	values []any
}

func where(text string, values ...any) condition { return condition{text, values} }

// afterAll is above all ids, and what it is appended to above all ids that begin so: the character after Z. A blank is below
// all characters of ids: appended to an id it makes a text between that one and the next.
const (
	afterAll = "["
	justOver = " "
)

// mostLanes is how many stacks' logs are merged one by one.
const mostLanes = 50

// search returns how the filter is looked for by a viewer.
func (f DeliveryFilter) search(db *gorm.DB, v models.Viewer) (q search, err error) {
	q.high, q.postgres = afterAll, onPostgres(db)
	f.within(&q)
	f.unindexed(&q)
	switch {
	case f.Run != "":
		f.byStatus(&q)
		f.byCode(&q)
		return q, f.searchRun(db, v, &q)
	case f.indexedCode():
		q.prefix, q.values, q.partly = []string{"code"}, []any{f.Code}, "code NOT IN (0, 200, 204)"
		f.byStatus(&q)
	case f.Status != "" && f.Status != models.Delivered:
		q.prefix, q.values, q.partly = []string{"status"}, []any{f.Status}, "status <> 'delivered'"
		f.byCode(&q)
	default:
		f.byStatus(&q)
		f.byCode(&q)
	}
	switch {
	case f.Webhook != "":
		return q, f.searchWebhook(db, v, &q)
	case f.Stack != nil:
		q.about("stack_key", f.Stack.Key)
		return q, nil
	}
	return q, q.across(db, v)
}

// indexedCode reports whether the index of codes has the one that the filter asks for. Nearly all deliveries end with 200 or
// 204: those it leaves out, so that it costs a delivery nothing.
func (f DeliveryFilter) indexedCode() bool { return f.Code != 0 && f.Code != 200 && f.Code != 204 }

func (f DeliveryFilter) byStatus(q *search) {
	if f.Status != "" {
		q.rest = append(q.rest, where("status = ?", f.Status))
	}
}

func (f DeliveryFilter) byCode(q *search) {
	if f.Code != 0 {
		q.rest = append(q.rest, where("code = ?", f.Code))
	}
}

// unindexed is what no index tells.
func (f DeliveryFilter) unindexed(q *search) {
	if f.State != "" {
		q.rest = append(q.rest, where("state = ?", f.State))
	}
	if f.Reason != "" {
		q.rest = append(q.rest, where("reason = ?", f.Reason))
	}
	if f.CodeClass != 0 {
		q.rest = append(q.rest, where("code >= ? AND code < ?", f.CodeClass*100, (f.CodeClass+1)*100))
	}
	if !f.EndedFrom.IsZero() {
		q.rest = append(q.rest, where("ended_at >= ?", micros(f.EndedFrom)))
	}
}

// clockStep is how far a clock may step back while the ids that a process makes go on from where they were.
const clockStep = time.Second

// within bounds the ids, which begin with the time.
func (f DeliveryFilter) within(q *search) {
	if f.ID != "" {
		q.from(f.ID)
		q.below(f.ID + afterAll)
	}
	if !f.From.IsZero() {
		q.from(models.LeastID(f.From))
		q.during = append(q.during, where("created_at >= ?", micros(f.From)))
	}
	if !f.To.IsZero() {
		q.below(models.LeastID(f.To.Add(clockStep)))
		q.during = append(q.during, where("created_at < ?", micros(f.To)))
	}
}

func (q *search) from(id string)  { q.low = max(q.low, id) }
func (q *search) below(id string) { q.high = min(q.high, id) }

// typed gives a parameter in an array the type of the first column.
func (q search) typed(lane string) string {
	if lane == "?" && q.prefix[0] == "stack_key" {
		return "CAST(? AS bigint)"
	}
	return lane
}

// leg is the query for the ids of one lane that meet all conditions. The bounds are those of a stretch of the index, columns
// and ids together: the database has no other index to choose that is in their order, however it guesses how many rows there
// are of each kind. PostgreSQL ends a stretch only where the first column of its bounds changes: with the first of the index it
// would read on through all other statuses or codes. So that one is an array, which is in no way ordered by ids alone.
func (q search) leg(lane string, laneValues ...any) (text string, values []any) {
	columns, begins := q.prefix, q.values
	id := "id"
	switch {
	case q.sorted:
		id, text, columns, begins = "id || ''", "run_key = "+lane+" AND ", nil, nil
		values = append(values, laneValues...)
	case len(columns) == 0:
	case q.postgres:
		text, columns, begins = q.prefix[0]+" = ANY (ARRAY["+q.typed(lane)+"]) AND ", columns[1:], begins[1:]
		values = append(values, laneValues...)
	default:
		begins = append(slices.Clone(laneValues), begins[1:]...)
	}
	bounded, marks := id, "?"
	if len(columns) > 0 {
		bounded = "(" + strings.Join(columns, ", ") + ", id)"
		marks = "(" + strings.Repeat("?, ", len(columns)) + "?)"
		if !q.postgres {
			marks = "(" + lane + strings.Repeat(", ?", len(columns)) + ")"
		}
	}
	text += bounded + " >= " + marks + " AND " + bounded + " < " + marks
	values = append(append(values, begins...), q.low)
	values = append(append(values, begins...), q.high)
	if q.partly != "" {
		text += " AND " + q.partly
	}
	for _, c := range append(append([]condition{}, q.during...), q.rest...) {
		text += " AND " + c.text
		values = append(values, c.values...)
	}
	return "SELECT id FROM deliveries WHERE " + text, values
}
