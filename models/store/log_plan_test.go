package store_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// crowd is a log of two stacks with more deliveries than a page looks at.
type crowd struct {
	*store.Store
	a, b models.Stack
	w    models.Webhook // of a
	run  models.Run     // of a
}

const crowded = store.MaxLooked + 5_000

// fillCrowd gives stack a so many deliveries, nearly all delivered with 204, and b half of them later. Their ids end with their number.
func fillCrowd(t *testing.T, s *store.Store) crowd {
	t.Helper()
	c := crowd{Store: s, a: storetest.Stack(t, s, "a"), b: storetest.Stack(t, s, "b")}
	c.w = storetest.Webhook(t, s, c.a, "https://example.com/", "")
	c.run = storetest.Run(t, s, c.a).Run
	c.add(t, c.a, c.w, c.run, crowded, `CASE WHEN i % 100 = 0 THEN 'failed' ELSE 'delivered' END, CASE WHEN i % 100 = 0 THEN 'status_5xx' ELSE '' END,
		CASE WHEN i % 200 = 0 THEN 500 WHEN i % 100 = 0 THEN 503 ELSE 204 END`)
	w := storetest.Webhook(t, s, c.b, "https://example.com/", "")
	c.add(t, c.b, w, storetest.Run(t, s, c.b).Run, store.MaxLooked/2+100, `'delivered', '', 200`)
	return c
}

// crowdTime begins the ids: it is of the year 2020.
const crowdTime = "01DXF6DT0"

// id is that of the i-th delivery of the stack whose letter it is.
func (c crowd) id(stack string, i int) string { return fmt.Sprintf("%s%s%016d", crowdTime, stack, i) }

// add writes deliveries of one event past the store. Outcome is SQL for their status, reason and code.
func (c crowd) add(t *testing.T, stack models.Stack, w models.Webhook, run models.Run, n int, outcome string) {
	t.Helper()
	events, err := c.Events(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	err = store.Exec(c.Store, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO deliveries (id, stack_key, webhook_id, event_id, run_key, run_id, state, state_version, test, silent, attempt, tries, lease_owner,
			duration, expire_from, redelivered_by, created_at, status, reason, code)
		SELECT ? || substr(CAST(10000000000000000 + i AS TEXT), 2), CAST(? AS BIGINT), ?, ?, NULL, ?, 'QUEUED', i, TRUE, FALSE, 1, 1, '',
			1000000, 1, '', 1577836800000000 + i, `+outcome+` FROM n`,
		n, crowdTime+strings.ToUpper(stack.ID), stack.Key, w.ID, events[0].ID, run.ID)
	if err == nil {
		err = store.Exec(c.Store, "ANALYZE")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Each filter that an index serves is read from it in order, without a look at other rows and without a sort; the others
// from the index of what the log is about.
func TestLogsAreReadFromTheirIndexes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := fillCrowd(t, s)
		reader := models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{c.a.Key, c.b.Key}}
		from, to := time.UnixMicro(1577836800000000), time.UnixMicro(1577836800000000).Add(time.Hour)
		for _, x := range []struct {
			what   string
			v      models.Viewer
			filter store.DeliveryFilter
			index  string
		}{
			{"a stack", administrator, store.DeliveryFilter{Stack: &c.a}, "deliveries_stack"},
			{"a stack by status", administrator, store.DeliveryFilter{Stack: &c.a, Status: models.Failed}, "deliveries_stack_status"},
			{"a stack by code", administrator, store.DeliveryFilter{Stack: &c.a, Code: 503}, "deliveries_stack_code"},
			{"a stack by time", administrator, store.DeliveryFilter{Stack: &c.a, From: from, To: to}, "deliveries_stack"},
			{"a stack by status and time", administrator, store.DeliveryFilter{Stack: &c.a, Status: models.Failed, From: from}, "deliveries_stack_status"},
			{"a stack by id", administrator, store.DeliveryFilter{Stack: &c.a, ID: c.id("A", 77)[:20]}, "deliveries_stack"},
			{"a webhook", administrator, store.DeliveryFilter{Stack: &c.a, Webhook: c.w.ID}, "deliveries_webhook"},
			{"a webhook by status", administrator, store.DeliveryFilter{Webhook: c.w.ID, Status: models.Failed}, "deliveries_webhook_status"},
			{"a webhook by code", administrator, store.DeliveryFilter{Webhook: c.w.ID, Code: 500}, "deliveries_webhook_code"},
			{"a webhook by time", administrator, store.DeliveryFilter{Webhook: c.w.ID, To: to}, "deliveries_webhook"},
			{"everything", administrator, store.DeliveryFilter{}, "deliveries"},
			{"everything by id", administrator, store.DeliveryFilter{ID: c.id("A", 77)}, "deliveries"},
			{"everything by status", administrator, store.DeliveryFilter{Status: models.Failed}, "deliveries_stack_status"},
			{"everything by code", administrator, store.DeliveryFilter{Code: 503}, "deliveries_stack_code"},
			{"two stacks", reader, store.DeliveryFilter{}, "deliveries_stack"},
			{"two stacks by status", reader, store.DeliveryFilter{Status: models.Pending}, "deliveries_stack_status"},
			{"a webhook by reason", reader, store.DeliveryFilter{Webhook: c.w.ID, Reason: models.ReasonTimeout}, "deliveries_webhook"},
			{"a stack by a code of nearly all", reader, store.DeliveryFilter{Stack: &c.a, Code: 204}, "deliveries_stack"},
			{"a stack by class and status", reader, store.DeliveryFilter{Stack: &c.a, CodeClass: 4, Status: models.Failed}, "deliveries_stack_status"},
		} {
			for _, page := range []store.Page{{}, {Older: c.id("A", 9_000)}, {Newer: c.id("A", 9_000)}} {
				plans, err := store.LogPlans(t.Context(), s, x.v, x.filter, page)
				if err != nil || len(plans) == 0 {
					t.Fatalf("%s: %v, %v", x.what, plans, err)
				}
				for _, plan := range plans {
					if !readsFrom(plan, x.index) {
						t.Errorf("%s, page %+v: not from %s alone\n%s", x.what, page, x.index, plan)
					}
				}
			}
		}
	})
}

// The list of stacks reads of each as many deliveries as it shows.
func TestSummariesAreReadFromTheirIndex(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := fillCrowd(t, s)
		idle := storetest.Stack(t, s, "idle")
		for _, text := range []string{"UPDATE deliveries SET test = FALSE", "ANALYZE"} {
			if err := store.Exec(s, text); err != nil {
				t.Fatal(err)
			}
		}
		plans, err := store.SummaryPlans(t.Context(), s, c.a, c.b, idle)
		if err != nil || len(plans) != 1 {
			t.Fatal(plans, err)
		}
		// It sorts what it found.
		found := regexp.MustCompile(`INDEX deliveries_stack \(stack_key=\?\)|Backward using deliveries_stack on deliveries`)
		if !found.MatchString(plans[0]) || regexp.MustCompile(`SCAN d|Seq Scan on deliveries`).MatchString(plans[0]) {
			t.Error(plans[0])
		}
	})
}

// Where many deliveries failed, a database may take the log of a whole stack for shorter than the stretch of its failures.
func TestALogByStatusAndTimeIsReadFromItsIndex(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := fillCrowd(t, s)
		if err := store.Exec(s, "UPDATE deliveries SET status = 'failed' WHERE state_version % 4 = 0"); err != nil {
			t.Fatal(err)
		}
		if err := store.Exec(s, "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		reader := models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{c.a.Key, c.b.Key}}
		from := time.UnixMicro(1577836800000000)
		for _, f := range []store.DeliveryFilter{
			{Status: models.Failed, From: from.Add(3 * time.Millisecond), To: from.Add(9 * time.Millisecond)},
			{Status: models.Failed, State: models.Planning},
			{Status: models.Failed, Reason: models.Reason5xx},
		} {
			plans, err := store.LogPlans(t.Context(), s, reader, f, store.Page{})
			if err != nil || len(plans) == 0 {
				t.Fatalf("%v, %v", plans, err)
			}
			for _, plan := range plans {
				if !readsFrom(plan, "deliveries_stack_status") {
					t.Errorf("%+v: %s", f, plan)
				}
			}
		}
	})
}

// A page that is not full ends where its stretch of the index does: it reads nothing of the other statuses or codes, of which
// there may be any number.
func TestAPageEndsWithItsStretch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := fillCrowd(t, s)
		err := store.Exec(s, `UPDATE deliveries SET status = CASE WHEN state_version % 4 = 0 THEN 'failed' ELSE 'skipped' END,
			code = CASE WHEN state_version % 4 = 0 THEN 404 ELSE 500 END WHERE state_version % 2 = 0`)
		if err == nil {
			err = store.Exec(s, "ANALYZE")
		}
		if err != nil {
			t.Fatal(err)
		}
		reader := models.Viewer{User: &models.User{Role: models.Reader}, Grants: []int64{c.a.Key, c.b.Key}}
		for _, f := range []store.DeliveryFilter{
			{Stack: &c.a, Status: models.Pending},
			{Webhook: c.w.ID, Status: models.Pending},
			{Status: models.Pending},
			{Stack: &c.a, Code: 403},
			{Stack: &c.a, Code: 499},
		} {
			for _, page := range []store.Page{{}, {Older: c.id("A", 2)}, {Newer: c.id("A", 2)}} {
				plans, err := store.LogPlans(t.Context(), s, reader, f, page)
				if err != nil || len(plans) == 0 {
					t.Fatalf("%v, %v", plans, err)
				}
				for _, plan := range plans {
					if n := buffers(plan); n > 20 {
						t.Errorf("%+v, %+v: %d buffers\n%s", f, page, n, plan)
					}
				}
			}
		}
	})
}

// buffers is how many blocks PostgreSQL says that it read, 0 for SQLite, which does not say.
func buffers(plan string) (n int) {
	line := regexp.MustCompile(`Buffers:.*`).FindString(plan)
	for _, found := range regexp.MustCompile(`=(\d+)`).FindAllStringSubmatch(line, -1) {
		some, _ := strconv.Atoi(found[1])
		n += some
	}
	return n
}

// readsFrom reports whether a plan reads deliveries from that index and sorts nothing. The index of ids is called otherwise
// by each database.
func readsFrom(plan, index string) bool {
	names := []string{index + " "}
	if index == "deliveries" {
		names = []string{"sqlite_autoindex_deliveries_1", "deliveries_pkey "}
	}
	found := false
	for _, name := range names {
		found = found || strings.Contains(plan+" ", "INDEX "+name) || strings.Contains(plan, "using "+name)
	}
	for _, bad := range []string{"TEMP B-TREE", "Sort", "Seq Scan on deliveries", "Bitmap", "SCAN deliveries\n"} {
		found = found && !strings.Contains(plan+"\n", bad)
	}
	return found
}

// A log of a run reads its deliveries only, however many its stack has.
func TestALogOfARunReadsItsDeliveriesOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := fillCrowd(t, s)
		run := storetest.Run(t, s, c.a).Run
		test, err := s.SendTest(t.Context(), storetest.Shell, c.a, c.w.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []store.DeliveryFilter{
			{Run: run.ID}, {Run: run.ID, Stack: &c.a}, {Run: run.ID, Stack: &c.a, Webhook: c.w.ID}, {Run: run.ID, Status: models.Failed}, {Run: run.ID, Code: 204, ID: "01"},
		} {
			plans, err := store.LogPlans(t.Context(), s, administrator, f, store.Page{Older: models.NewID(time.Now())})
			if err != nil || len(plans) != 1 || !strings.Contains(plans[0], "deliveries_run") {
				t.Errorf("%+v: %v, %v", f, plans, err)
			}
		}
		plans, err := store.LogPlans(t.Context(), s, administrator, store.DeliveryFilter{Run: test.RunID, Stack: &c.a}, store.Page{})
		if err != nil || len(plans) != 1 || !readsFrom(plans[0], "deliveries") {
			t.Errorf("a test's: %v, %v", plans, err)
		}
	})
}
