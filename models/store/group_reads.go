package store

import (
	"encoding/json"
	"strings"
	"time"

	"stackhook/models"
)

// What nearly every group reads is read past GORM, as its rows are written.

// readReports reads the stacks of reports, as they are at the moment of the commit.
func (g *group) readReports() {
	starts := 0
	for _, m := range g.members {
		switch {
		case m.state != nil:
			g.reported = append(g.reported, m.state.name.stack)
		case m.start != nil:
			g.reported = append(g.reported, m.start.stack)
			starts++
		}
	}
	n := len(g.reported)
	if n == 0 {
		return
	}
	g.events, g.deliveries, g.handed = make([]models.Event, 0, n), make([]models.Delivery, 0, n), make([]Job, 0, n)
	g.reported = unique(g.reported)
	g.readStacks(g.reported)
	if starts > 0 {
		g.takeKeys(starts)
	}
}

// lockRuns reads, and locks, the runs that reports name. A start without an id of its own names none. The ids and the
// stacks are compared apart from each other, so other runs may come too, which does no harm.
func (g *group) lockRuns() {
	names := g.names()
	if len(names) == 0 {
		return
	}
	text := `SELECT ` + strings.Join(runRows.columns, ", ") + ` FROM runs WHERE ` + g.amongRuns("stack_key", "id") + ` ORDER BY key`
	if onPostgres(g.tx) {
		text += " FOR " + noKeyUpdate
	}
	g.trip.add(text, g.runLists(names), func(r row) error {
		run, err := scanRun(r)
		g.runs[runName{run.StackKey, run.ID}] = &groupRun{Run: run}
		return err
	})
}

// names returns the runs that reports name.
func (g *group) names() []runName {
	var names []runName
	for _, m := range g.members {
		switch {
		case m.state != nil:
			names = append(names, m.state.name)
		case m.start != nil && m.start.report.ID != nil:
			names = append(names, runName{m.start.stack, *m.start.report.ID})
		}
	}
	return names
}

// amongRuns is the condition of runLists.
func (g *group) amongRuns(stack, id string) string {
	return amongKeys[int64](g.tx, stack, "$1") + " AND " + amongKeys[string](g.tx, id, "$2")
}

func (g *group) runLists(names []runName) []any {
	var stacks []int64
	var ids []string
	for _, n := range names {
		stacks, ids = append(stacks, n.stack), append(ids, n.id)
	}
	return []any{tripKeys(g.tx, unique(stacks)), tripKeys(g.tx, unique(ids))}
}

func scanRun(r row) (models.Run, error) {
	var run models.Run
	var kind, state, delta string
	var received, updated int64
	c := &run.Commit
	err := r.Scan(&run.Key, &run.StackKey, &run.ID, &kind, &run.Branch, &run.TriggeredBy, &c.AuthorLogin, &c.AuthorName, &c.Hash,
		&c.Message, &c.Timestamp, &c.URL, &run.CreatedAt, &state, &run.StateVersion, &run.StateAt, &delta, &received, &updated)
	run.Type, run.State, run.ReceivedAt, run.UpdatedAt = models.RunType(kind), models.State(state), orZero(received), orZero(updated)
	if err == nil && delta != "" {
		err = json.Unmarshal([]byte(delta), &run.Delta)
	}
	return run, err
}

// scanDelivery reads the columns of deliveryRows.
func scanDelivery(r row) (models.Delivery, error) {
	var d models.Delivery
	var state, status, reason string
	var code, attempt, tries, duration int64
	var due, claimed, firstEnded, firstDelivered, expire, ended, redelivered, created int64
	err := r.Scan(&d.ID, &d.StackKey, &d.WebhookID, &d.EventID, &d.RunKey, &d.RunID, &state, &d.StateVersion, &d.Test, &d.OnlySecret, &d.Silent,
		&status, &reason, &code, &attempt, &tries, &due, &d.LeaseOwner, &claimed, &firstEnded, &firstDelivered,
		&duration, &expire, &ended, &redelivered, &d.RedeliveredBy, &created)
	d.State, d.Status, d.Reason = models.State(state), models.Status(status), models.Reason(reason)
	d.Code, d.Attempt, d.Tries, d.Duration = int(code), int(attempt), int(tries), time.Duration(duration)
	d.DueAt, d.ClaimedAt, d.FirstEndedAt, d.FirstDelivered = orZero(due), orZero(claimed), orZero(firstEnded), orZero(firstDelivered)
	d.ExpireFrom, d.EndedAt, d.RedeliveredAt, d.CreatedAt = orZero(expire), orZero(ended), orZero(redelivered), orZero(created)
	return d, err
}

// readStacks reads those of the stacks that are not deleted, and locks them against being deleted: what removes the rows of a
// deleted stack sees those of this group.
func (g *group) readStacks(keys []int64) {
	text := `SELECT key, id, name, description, labels FROM stacks WHERE ` + amongKeys[int64](g.tx, "key", "$1") + ` AND deleted_at IS NULL`
	if onPostgres(g.tx) {
		text += " ORDER BY key FOR SHARE"
	}
	g.trip.add(text, []any{tripKeys(g.tx, keys)}, func(r row) error {
		var s models.Stack
		var labels string
		err := r.Scan(&s.Key, &s.ID, &s.Name, &s.Description, &labels)
		if err == nil && labels != "" {
			err = json.Unmarshal([]byte(labels), &s.Labels)
		}
		g.stacks[s.Key] = s
		return err
	})
}

// readWebhooks reads the webhooks of the reports' stacks: of each only what a new delivery depends on. It comes after
// readFirsts: who sees that a first attempt has ended sees what that did to its webhook, too.
func (g *group) readWebhooks() {
	if len(g.reported) == 0 {
		return
	}
	text := `SELECT id, stack_key, enabled, open_until FROM webhooks WHERE ` + amongKeys[int64](g.tx, "stack_key", "$1") +
		` AND deleted_at IS NULL ORDER BY id`
	g.trip.add(text, []any{tripKeys(g.tx, g.reported)}, func(r row) error {
		var w models.Webhook
		var open int64
		err := r.Scan(&w.ID, &w.StackKey, &w.Enabled, &open)
		w.OpenUntil = orZero(open)
		g.webhooks[w.StackKey] = append(g.webhooks[w.StackKey], w)
		return err
	})
}

// takeKeys takes keys for so many runs, before their rows are written: what refers to them is written with them. Keys that
// are not used are gaps.
func (g *group) takeKeys(n int) {
	if onPostgres(g.tx) {
		g.trip.add(`SELECT nextval(s) FROM (SELECT pg_get_serial_sequence('runs', 'key')::regclass AS s OFFSET 0) AS q, generate_series(1, $1::bigint)`, []any{int64(n)}, func(r row) error {
			var key int64
			err := r.Scan(&key)
			g.keys = append(g.keys, key)
			return err
		})
		return
	}
	g.trip.add(`SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0)`, nil, func(r row) error {
		var last int64
		err := r.Scan(&last)
		for i := range n {
			g.keys = append(g.keys, last+1+int64(i))
		}
		return err
	})
}

// readFirsts reads which first attempts of the named runs have not ended: those of the group's own results have, see keepFirsts.
func (g *group) readFirsts() {
	names := g.names()
	if len(names) == 0 {
		return
	}
	text := `SELECT DISTINCT d.run_key, d.webhook_id FROM runs r JOIN deliveries d ON d.run_key = r.key
		WHERE ` + g.amongRuns("r.stack_key", "r.id") + ` AND d.status = 'pending' AND d.first_ended_at IS NULL`
	g.trip.add(text, g.runLists(names), func(r row) error {
		var first runWebhook
		err := r.Scan(&first.run, &first.webhook)
		g.firsts[first] = true
		return err
	})
}

// readHealth reads, and locks, what the webhooks' rows say of how their receivers do. UpdatedAt is zero where nobody changed
// the webhook since it was added: whatever the clocks say, no attempt is older than that.
func readHealth(trip *trip, ids []string, webhooks *[]models.Webhook) {
	text := `SELECT id, stack_key, endpoint_host, enabled, failures, failing_since, last_delivered_at, open_until, probes, tried_at,
		NULLIF(updated_at, created_at), deleted_at FROM webhooks WHERE ` + amongKeys[string](trip.tx, "id", "$1") + ` ORDER BY id`
	if onPostgres(trip.tx) {
		text += " FOR " + noKeyUpdate
	}
	trip.add(text, []any{tripKeys(trip.tx, ids)}, func(r row) error {
		var w models.Webhook
		var failures, failing, last, open, probes, tried, updated, deleted int64
		err := r.Scan(&w.ID, &w.StackKey, &w.EndpointHost, &w.Enabled, &failures, &failing, &last, &open, &probes, &tried, &updated, &deleted)
		w.Failures, w.Probes = int(failures), int(probes)
		w.FailingSince, w.LastDeliveredAt, w.OpenUntil, w.TriedAt = orZero(failing), orZero(last), orZero(open), orZero(tried)
		w.UpdatedAt, w.DeletedAt = orZero(updated), orZero(deleted)
		*webhooks = append(*webhooks, w)
		return err
	})
}

// orZero returns an instant of which 0 is none.
func orZero(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return fromMicros(n)
}
