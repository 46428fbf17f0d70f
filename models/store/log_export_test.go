package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"stackhook/models"
)

// Glance is how many deliveries are looked at first, MostLanes how many stacks are merged one by one.
const (
	Glance    = glance
	MostLanes = mostLanes
)

// recorder keeps the queries that it passes on.
type recorder struct {
	gorm.ConnPool
	asked *[]asked
}

type asked struct {
	text   string
	values []any
}

func (r recorder) QueryContext(ctx context.Context, text string, values ...any) (*sql.Rows, error) {
	*r.asked = append(*r.asked, asked{text, values})
	return r.ConnPool.QueryContext(ctx, text, values...)
}

// LogPlans looks for a page of a log and returns how the database would run each of its queries.
func LogPlans(ctx context.Context, s *Store, v models.Viewer, f DeliveryFilter, page Page) (plans []string, err error) {
	return plansOf(ctx, s, func(db *gorm.DB) error {
		q, err := f.search(db, v)
		if err == nil && !q.nothing {
			_, _, err = q.find(db, page)
		}
		return err
	})
}

// SummaryPlans are those of the list of stacks.
func SummaryPlans(ctx context.Context, s *Store, stacks ...models.Stack) (plans []string, err error) {
	return plansOf(ctx, s, func(db *gorm.DB) error {
		_, err := summarize(db, stacks)
		return err
	})
}

// plansOf returns how the database would run each query on deliveries.
func plansOf(ctx context.Context, s *Store, ask func(*gorm.DB) error) (plans []string, err error) {
	var queries []asked
	db := s.read.Session(&gorm.Session{NewDB: true, Context: ctx})
	db.Statement.ConnPool = recorder{db.Statement.ConnPool, &queries}
	if err := ask(db); err != nil {
		return nil, err
	}
	for _, q := range queries {
		if !strings.Contains(q.text, "deliveries") {
			continue
		}
		plan, err := explain(s.read, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.text, err)
		}
		plans = append(plans, q.text+"\n"+plan)
	}
	return plans, nil
}

func explain(db *gorm.DB, q asked) (plan string, err error) {
	word := "EXPLAIN QUERY PLAN "
	if onPostgres(db) {
		word = "EXPLAIN (ANALYZE, BUFFERS, TIMING off) "
	}
	err = inOrder(db, func(db *gorm.DB) error {
		rows, err := db.Statement.ConnPool.QueryContext(context.Background(), word+q.text, q.values...)
		if err != nil {
			return err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		line := make([]any, len(columns)) // the last column says it
		for i := range line {
			line[i] = new(any)
		}
		for rows.Next() {
			if err := rows.Scan(line...); err != nil {
				return err
			}
			plan += fmt.Sprintln(*line[len(line)-1].(*any))
		}
		return rows.Err()
	})
	return plan, err
}

// Insert writes deliveries past the writer.
func Insert(s *Store, rows []models.Delivery) error {
	for some := range slices.Chunk(rows, 100) {
		if err := s.write.Create(&some).Error; err != nil {
			return err
		}
	}
	return nil
}
