package store

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// writeHealth keeps on the webhooks' rows how their receivers do: the circuit, and what leads to disabling. Tests do not count
// for it.
func (g *group) writeHealth(results []ended) error {
	trouble := map[string]bool{}
	for _, r := range results {
		if !r.Test && (r.outcome.Status != models.Delivered || !g.store.calm.has(r.WebhookID, g.now)) {
			trouble[r.WebhookID] = true
		}
	}
	if len(trouble) == 0 {
		return nil
	}
	readHealth(&g.trip, slices.Sorted(maps.Keys(trouble)), &g.health)
	if err := g.sendRows(); err != nil {
		return err
	}
	at := map[string]int{}
	for i, w := range g.health {
		at[w.ID] = i
	}
	before := slices.Clone(g.health)
	for _, r := range results {
		i, there := at[r.WebhookID]
		if !there || r.Test || g.health[i].Deleted() {
			continue
		}
		if err := g.noteResult(&g.health[i], r); err != nil {
			return err
		}
	}
	g.saveHealth(before, g.health)
	return nil
}

// noteResult notes one result, and disables the webhook if it says so.
func (g *group) noteResult(w *models.Webhook, r ended) error {
	when := r.attempt.StartedAt.Add(r.attempt.Total)
	if r.outcome.Status == models.Delivered {
		w.Succeeded(when)
		return nil
	}
	if r.attempt.StartedAt.Before(w.UpdatedAt) {
		return nil // it tells of the webhook as it was before somebody changed it, perhaps because of that
	}
	// A probe that was given up for lost moves nothing: the circuit waits for another one.
	w.FailedAt(when, r.outcome.Reason, !r.outcome.Probe.IsZero() && r.outcome.Probe.UnixMicro() == w.OpenUntil.UnixMicro())
	switch {
	case !w.Enabled:
		return nil
	case r.outcome.Disable != "":
		return g.disable(w, r, r.outcome.Disable, "The receiver answered 410 Gone to delivery "+r.ID)
	case !r.outcome.Reason.BlamesReceiver() || !w.FailingFor(when, r.outcome.DisableAfter):
		return nil
	}
	spread, err := spreadFailures(g.tx, w.ID, when, r.outcome)
	if err != nil || !spread {
		return err
	}
	ours, err := probablyOurs(g.tx, when)
	if err != nil || ours {
		return err
	}
	return g.disable(w, r, models.DisabledByFailing, fmt.Sprintf("Nothing arrived for %v, %d attempts failed in a row; the last was delivery %s (%s)",
		r.outcome.DisableAfter, w.Failures, r.ID, r.outcome.Reason))
}

// spreadFailures reports whether a failure within DisableAfter is at least models.DisableSpread older than the one now. Of
// the deliveries only those are looked at that were young enough for an attempt then. One that was redelivered may be
// older: overlooking that disables nothing.
func spreadFailures(tx *gorm.DB, webhook string, now time.Time, o Outcome) (bool, error) {
	var old bool
	begin := now.Add(-o.DisableAfter)
	err := tx.Raw(`SELECT EXISTS (SELECT 1 FROM deliveries d JOIN attempts a ON a.delivery_id = d.id
		WHERE d.webhook_id = ? AND d.status IN ('failed', 'pending') AND NOT d.test AND d.id >= ? AND a.started_at BETWEEN ? AND ? AND a.reason <> '' AND a.reason NOT IN ?)`,
		webhook, models.LeastID(begin.Add(-o.Expire-expireLate)), micros(begin), micros(now.Add(-models.DisableSpread)), models.Faultless()).Scan(&old).Error
	return old, err
}

// expireLate is more than a delivery expires late.
const expireLate = time.Hour

// probablyOurs reports whether so many webhooks fail that the fault is probably on this side. Then none is disabled.
func probablyOurs(tx *gorm.DB, now time.Time) (bool, error) {
	var count struct{ Tried, Failing int }
	err := tx.Raw(`SELECT COUNT(*) AS tried, COUNT(failing_since) AS failing FROM webhooks WHERE deleted_at IS NULL AND tried_at >= ?`,
		micros(now.Add(-time.Hour))).Scan(&count).Error
	return models.ProbablyOurFault(count.Tried, count.Failing), err
}

func (g *group) disable(w *models.Webhook, r ended, why models.DisabledWhy, detail string) error {
	w.Enabled, w.DisabledWhy, w.DisabledAt = false, why, g.now
	err := g.tx.Exec(`UPDATE webhooks SET enabled = ?, disabled_why = ?, disabled_at = ? WHERE id = ?`, false, why, micros(g.now), w.ID).Error
	if err != nil {
		return err
	}
	stack, err := first[models.Stack](g.tx.Where("key = ?", r.StackKey))
	if err != nil {
		return err
	}
	g.forget, r.disabled = true, why
	g.counts.disabled[why]++
	return audit(g.tx, models.Actor{Kind: models.ActorSystem, Name: "Stackhook"}, webhookRecord(models.WebhookDisabled, stack, *w, detail))
}

// saveHealth writes how the webhooks do now.
func (g *group) saveHealth(before, after []models.Webhook) {
	for i, w := range after {
		g.forget = g.forget || before[i].OpenUntil != w.OpenUntil
		if before[i].CircuitOpen() && !w.OpenUntil.After(g.now) { // what waits behind it may go, or the next probe
			g.nudge, g.tell = true, true
		}
	}
	inEach(&g.trip, after, healthTypes, func(w *models.Webhook) []any {
		return []any{w.ID, w.Failures, micros(w.FailingSince), micros(w.LastDeliveredAt), micros(w.OpenUntil), w.Probes, micros(w.TriedAt)}
	}, func(n int) string {
		return built(statementKey{"health", n}, func() string {
			return `WITH r (id, failures, failing_since, last_delivered_at, open_until, probes, tried_at) AS (` + rowsOf(healthTypes, n) + `)
				UPDATE webhooks SET failures = r.failures, failing_since = r.failing_since, last_delivered_at = r.last_delivered_at,
					open_until = r.open_until, probes = r.probes, tried_at = r.tried_at
				FROM r WHERE webhooks.id = r.id`
		})
	}, nil)
}

// healthTypes are those of saveHealth's columns.
const healthTypes = "tiiiiii"
