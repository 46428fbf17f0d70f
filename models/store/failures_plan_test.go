package store

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// planOf says how SQLite goes about a query.
func planOf(t *testing.T, s *Store, q *gorm.DB) string {
	t.Helper()
	var plan []struct{ Detail string }
	if err := s.read.Raw("EXPLAIN QUERY PLAN "+q.Statement.SQL.String(), q.Statement.Vars...).Scan(&plan).Error; err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, step := range plan {
		steps = append(steps, step.Detail)
	}
	return strings.Join(steps, "; ")
}

// TestFailuresAreReadByTheirIndexes keeps the plans of the view of failures, however many deliveries there are.
func TestFailuresAreReadByTheirIndexes(t *testing.T) {
	t.Parallel()
	s, err := Open(context.Background(), Options{Database: filepath.Join(t.TempDir(), "a.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dry := s.read.Session(&gorm.Session{DryRun: true})
	for what, c := range map[string]struct {
		q    *gorm.DB
		want string
	}{
		"groups of all":     {groupedFailures(dry, nil, time.Now()), "INDEX deliveries_failed (ended_at>?)"},
		"groups of a stack": {groupedFailures(dry, []int64{1}, time.Now()), "INDEX deliveries_stack_failed (stack_key=? AND ended_at>?)"},
		"groups of some":    {groupedFailures(dry, []int64{1, 2}, time.Now()), "INDEX deliveries_stack_failed (stack_key=? AND ended_at>?)"},
	} {
		if plan := planOf(t, s, c.q.Find(&[]models.Delivery{})); !strings.Contains(plan, c.want) || strings.Contains(plan, "FOR ORDER BY") {
			t.Errorf("%s: %s, want %s", what, plan, c.want)
		}
	}
}
