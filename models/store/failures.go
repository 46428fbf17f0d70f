package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

const (
	// FailuresLookedThrough is how many failed deliveries are grouped at most, the newest: 20,000 take some 50 ms.
	FailuresLookedThrough = 20_000
	// FailureGroups is how many groups are returned at most.
	FailureGroups = 100
)

// Failures are failed deliveries by what went wrong.
type Failures struct {
	Groups []FailureGroup // the largest first
	More   bool           // there are more groups
	// Back is the time of the oldest event whose deliveries were looked through, zero if that were all there are.
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

func (s *Store) failuresAmong(ctx context.Context, v models.Viewer, stack *models.Stack, from time.Time, most int) (Failures, error) {
	keys := failureScope(v, stack)
	newest, err := s.newestFailures(ctx, keys, most+1)
	if err != nil || len(newest) == 0 {
		return Failures{}, err
	}
	f := Failures{Any: true}
	if len(newest) > most {
		oldest, err := first[models.Delivery](s.reader(ctx).Select("created_at").Where("id = ?", newest[most-1]))
		if err != nil && !errors.Is(err, models.ErrNotFound) { // removed meanwhile
			return Failures{}, err
		}
		f.Back, newest = oldest.CreatedAt, newest[:most]
	}
	if f.Groups, err = s.failureGroups(ctx, keys, from, newest[len(newest)-1]); err != nil {
		return Failures{}, err
	}
	if f.More = len(f.Groups) > FailureGroups; f.More {
		f.Groups = f.Groups[:FailureGroups]
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

const isFailed = "status = 'failed' AND status <> 'delivered'" // as the indexes say

// newestFailures returns the ids of the newest failed deliveries of these stacks, newest first. It asks for each stack by
// itself: a database that is asked for several sorts all their failures to find the newest.
func (s *Store) newestFailures(ctx context.Context, keys []int64, most int) ([]string, error) {
	if keys == nil {
		return ids(failed(s.reader(ctx), most))
	}
	var newest []string
	least := ""
	for _, key := range keys {
		found, err := ids(failed(s.reader(ctx), most).Where("stack_key = ? AND id > ?", key, least))
		if err != nil {
			return nil, err
		}
		newest = append(newest, found...)
		slices.SortFunc(newest, func(a, b string) int { return -cmp.Compare(a, b) })
		if len(newest) >= most {
			newest = newest[:most]
			least = newest[most-1]
		}
	}
	return newest, nil
}

func failed(db *gorm.DB, most int) *gorm.DB {
	return db.Table("deliveries").Select("id").Where(isFailed).Order("id DESC").Limit(most)
}

func ids(q *gorm.DB) ([]string, error) {
	var found []string
	err := q.Find(&found).Error
	return found, unavailable(err)
}

// coded are the reasons of which a code says more. Beside another one it is that of an earlier attempt.
var coded = []models.Reason{models.ReasonRedirect, models.Reason4xx, models.Reason5xx, models.ReasonGone}

func (s *Store) failureGroups(ctx context.Context, keys []int64, from time.Time, least string) ([]FailureGroup, error) {
	return all[FailureGroup](s.reader(ctx).Table("(?) AS grouped", groupedFailures(s.reader(ctx), keys, from, least)).
		Select("grouped.*, webhooks.endpoint, webhooks.endpoint_host, stacks.id AS stack_id, stacks.name AS stack_name").
		Joins("JOIN webhooks ON webhooks.id = grouped.webhook_id").
		Joins("JOIN stacks ON stacks.key = webhooks.stack_key AND stacks.deleted_at IS NULL").
		Order("grouped.count DESC, grouped.newest_id DESC").Limit(FailureGroups + 1))
}

// groupedFailures reads failures from an id on. Their number is bounded twice: an inner query that has a limit is not put
// in the order of the groups, for which a database would read all failures there are.
func groupedFailures(db *gorm.DB, keys []int64, from time.Time, least string) *gorm.DB {
	q := db.Table("deliveries").Select("webhook_id, reason, code, ended_at, id").Where(isFailed).
		Where("id >= ? AND ended_at >= ?", least, from.UnixMicro()).Limit(2 * FailuresLookedThrough)
	if keys != nil {
		q = q.Where("stack_key IN ?", keys)
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
