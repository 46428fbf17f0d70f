package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

const (
	// FailuresLookedThrough is how many failed deliveries are grouped at most, the newest: 10,000 take some 8 ms.
	FailuresLookedThrough = 10_000
	// FailureGroups is how many groups are returned at most.
	FailureGroups = 100
)

// Failures are failed deliveries by what went wrong, those that failed last if there are too many. Tests are left out.
type Failures struct {
	Groups []FailureGroup // the largest first
	More   bool           // there are more groups
	// Back is when the newest ended that was not looked at, zero if all of that time were.
	Back time.Time
	// Any reports whether there is any failed delivery, however old.
	Any bool
}

// FailureGroup is the failed deliveries of one webhook that ended for one reason.
type FailureGroup struct {
	WebhookID    string
	Endpoint     string
	EndpointHost string
	StackID      string
	StackName    string
	Reason       models.Reason
	Code         int // where it says more than the reason, else 0
	Count        int
	FirstAt      time.Time       `gorm:"serializer:micros"` // when the first of them ended, and the last
	LastAt       time.Time       `gorm:"serializer:micros"`
	NewestID     string          // of the newest event
	Newest       models.Delivery `gorm:"-"` // zero if it was removed meanwhile
}

// Failures groups the deliveries that ended as failed from then on, of a stack, or if that is nil of all that the viewer
// reads.
func (s *Store) Failures(ctx context.Context, v models.Viewer, stack *models.Stack, from time.Time) (Failures, error) {
	return s.failuresAmong(ctx, v, stack, from, FailuresLookedThrough)
}

func (s *Store) failuresAmong(ctx context.Context, v models.Viewer, stack *models.Stack, from time.Time, most int) (f Failures, err error) {
	keys := failureScope(v, stack)
	if f.Back, err = s.tooOld(ctx, keys, from, most); err != nil {
		return f, err
	}
	if !f.Back.IsZero() {
		from = f.Back.Add(time.Microsecond)
	}
	if f.Groups, err = s.failureGroups(ctx, keys, from); err != nil {
		return f, err
	}
	if f.More = len(f.Groups) > FailureGroups; f.More {
		f.Groups = f.Groups[:FailureGroups]
	}
	if f.Any = len(f.Groups) > 0; !f.Any {
		f.Any, err = s.anyFailure(ctx, keys)
		return f, err
	}
	return f, s.newestOfGroups(ctx, f.Groups)
}

// failureScope returns the keys of the stacks whose failures are asked for, nil for all.
func failureScope(v models.Viewer, stack *models.Stack) []int64 {
	switch {
	case stack != nil:
		return []int64{stack.Key}
	case v.AllStacks():
		return nil
	case v.Token != nil:
		return []int64{v.Token.StackKey}
	}
	return append([]int64{}, v.Grants...)
}

// isFailure is a condition as the indexes of failures say it, and what is left of it: those have tests, too.
const isFailure = "status = 'failed' AND NOT test"

// tooOld returns when the newest failure from then on ended that is one too many, zero if there is none. Of several stacks each
// has its part, and the one that has used it up first is where all end: the databases would sort all that several have.
func (s *Store) tooOld(ctx context.Context, keys []int64, from time.Time, most int) (time.Time, error) {
	const head = "SELECT ended_at FROM deliveries WHERE " + isFailure + " AND ended_at >= ?"
	tail := fmt.Sprintf(" ORDER BY ended_at DESC LIMIT 1 OFFSET %d", max(most/max(len(keys), 1), 1))
	text, values := head+tail, []any{from.UnixMicro()}
	if keys != nil {
		text = "SELECT MAX(at) FROM (SELECT (" + head + " AND stack_key = stacks.key" + tail + ") AS at FROM stacks WHERE " + amongKeys[int64](s.read, "key", "?") + ") AS old"
		values = append(values, keyList(s.read, keys))
	}
	var at *int64
	if err := s.reader(ctx).Raw(text, values...).Scan(&at).Error; err != nil || at == nil {
		return time.Time{}, unavailable(err)
	}
	return fromMicros(*at), nil
}

// anyFailure reports whether there is a failed delivery, however old.
func (s *Store) anyFailure(ctx context.Context, keys []int64) (any bool, err error) {
	q := s.reader(ctx).Table("deliveries").Select("1").Where(isFailure)
	if keys != nil {
		q = q.Where(among(s.read, "stack_key", keys))
	}
	err = s.reader(ctx).Raw("SELECT EXISTS (?)", q).Scan(&any).Error
	return any, unavailable(err)
}

// coded are the reasons of which a code says more. Beside another one it is that of an earlier attempt.
var coded = []models.Reason{models.ReasonRedirect, models.Reason4xx, models.Reason5xx, models.ReasonGone}

func (s *Store) failureGroups(ctx context.Context, keys []int64, from time.Time) ([]FailureGroup, error) {
	return all[FailureGroup](s.reader(ctx).Table("(?) AS grouped", groupedFailures(s.reader(ctx), keys, from)).
		Select("grouped.*, webhooks.endpoint, webhooks.endpoint_host, stacks.id AS stack_id, stacks.name AS stack_name").
		Joins("JOIN webhooks ON webhooks.id = grouped.webhook_id").
		Joins("JOIN stacks ON stacks.key = webhooks.stack_key AND stacks.deleted_at IS NULL").
		Order("grouped.count DESC, grouped.newest_id DESC").Limit(FailureGroups + 1))
}

// groupedFailures reads failures that ended from then on. Their number is bounded twice: an inner query that has a limit is
// not put in the order of the groups, for which a database would read all failures there are.
func groupedFailures(db *gorm.DB, keys []int64, from time.Time) *gorm.DB {
	q := db.Table("deliveries").Select("webhook_id, reason, code, ended_at, id").Where(isFailure).
		Where("ended_at >= ?", from.UnixMicro()).Limit(2 * FailuresLookedThrough)
	if keys != nil {
		q = q.Where(among(db, "stack_key", keys))
	}
	return db.Table("(?) AS deliveries", q).Select(`webhook_id, reason, CASE WHEN reason IN ? THEN code ELSE 0 END AS code,
		COUNT(*) AS count, MIN(ended_at) AS first_at, MAX(ended_at) AS last_at, MAX(id) AS newest_id`, coded).Group("1, 2, 3")
}

// newestOfGroups adds the newest delivery of each group.
func (s *Store) newestOfGroups(ctx context.Context, groups []FailureGroup) error {
	newest := make([]string, len(groups))
	for i, g := range groups {
		newest[i] = g.NewestID
	}
	found, err := all[models.Delivery](s.reader(ctx).Where("id IN ?", append(newest, "")))
	if err != nil {
		return err
	}
	for _, d := range found {
		groups[slices.Index(newest, d.ID)].Newest = d
	}
	return nil
}
