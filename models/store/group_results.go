package store

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"stackhook/models"
)

// resultWish is what an attempt brought.
type resultWish struct {
	owner    string
	attempt  models.Attempt
	outcome  Outcome
	disabled models.DisabledWhy // why the webhook was, by this
}

// ended is an attempt whose delivery is known.
type ended struct {
	*resultWish
	ID, WebhookID string
	StackKey      int64
	Test          bool
	run           int64
	first         bool // it was the delivery's first attempt
}

// results returns the results of the group, one for each delivery: further ones are put off.
func (g *group) results() []*resultWish {
	var results []*resultWish
	seen := map[string]bool{}
	for _, m := range g.members {
		switch {
		case m.result == nil:
		case seen[m.result.attempt.DeliveryID]:
			g.putOff = append(g.putOff, m)
		default:
			seen[m.result.attempt.DeliveryID] = true
			m.result.disabled = "" // a group may be tried again
			results = append(results, m.result)
		}
	}
	return results
}

// endCurrent ends the attempts that are the newest of a pending delivery and whose lease is the owner's, which is nearly
// all of them. Once that was sent, the map holds those that were.
func (g *group) endCurrent(results []*resultWish) map[string]ended {
	byID := map[string]*resultWish{}
	for _, r := range results {
		byID[r.attempt.DeliveryID] = r
	}
	sorted := slices.SortedFunc(slices.Values(results), func(a, b *resultWish) int {
		return cmp.Compare(a.attempt.DeliveryID, b.attempt.DeliveryID)
	})
	current := map[string]ended{}
	inEach(&g.trip, sorted, endTypes, endValues, endStatement, func(r row) error {
		var e ended
		if err := r.Scan(&e.ID, &e.WebhookID, &e.StackKey, &e.Test, &e.run, &e.first); err != nil {
			return err
		}
		e.resultWish = byID[e.ID]
		current[e.ID] = e
		g.counts.attempt(e.outcome.Reason, e.attempt.Total)
		g.counts.delivery(models.Delivery{
			WebhookID: e.WebhookID, StackKey: e.StackKey, Test: e.Test, Status: e.outcome.Status, Reason: e.outcome.Reason,
		}, e.attempt.Total)
		return nil
	})
	return current
}

// keepFirsts lets the first attempts that failed in this group still be under way for its reports: those are judged by the
// webhooks as they were before, and one whose turn has come may have been disabled by that, or its circuit opened.
func (g *group) keepFirsts(current map[string]ended) {
	for _, e := range current {
		if e.first && e.run != 0 && e.outcome.Status != models.Delivered {
			g.firsts[runWebhook{e.run, e.WebhookID}] = true
		}
	}
}

// endColumns are what endValues returns, of endTypes, see table.
const (
	endColumns = "id, attempt, owner, status, reason, code, duration, due_at, first_ended_at, first_delivered_at, ended_at"
	endTypes   = "titttiiiiii"
)

// endStatement updates so many deliveries. The status is compared in a way that no index has: PostgreSQL would go through
// all pending deliveries rather than look each one up.
func endStatement(rows int) string {
	return built(statementKey{"end", rows}, func() string {
		return "WITH r (" + endColumns + ") AS (" + rowsOf(endTypes, rows) + `)
			UPDATE deliveries SET status = r.status, reason = r.reason, code = r.code, duration = r.duration, due_at = r.due_at,
				lease_owner = '', tries = tries + 1, first_ended_at = COALESCE(deliveries.first_ended_at, r.first_ended_at),
				first_delivered_at = COALESCE(deliveries.first_delivered_at, r.first_delivered_at), ended_at = r.ended_at
			FROM r WHERE deliveries.id = r.id AND deliveries.attempt = r.attempt AND deliveries.lease_owner = r.owner AND deliveries.status || '' = 'pending'
			RETURNING deliveries.id, deliveries.webhook_id, deliveries.stack_key, deliveries.test, deliveries.run_key,
				deliveries.tries = 1 AND deliveries.redelivered_at IS NULL`
	})
}

func endValues(result **resultWish) []any {
	r := *result
	a, o := r.attempt, r.outcome
	at := micros(a.StartedAt.Add(a.Total))
	var delivered, over any
	if o.Status == models.Delivered {
		delivered = at
	}
	if o.Status != models.Pending {
		over = at
	}
	return []any{
		a.DeliveryID, a.Number, r.owner, string(o.Status), string(o.Reason), a.Code, int64(a.Total), micros(o.DueAt), at, delivered, over,
	}
}

// order returns the results in the order in which they came, the late ones last, once they are recorded.
func (g *group) order(results []*resultWish, current map[string]ended) (known []ended, err error) {
	var late []*resultWish
	for _, r := range results {
		if e, ok := current[r.attempt.DeliveryID]; ok {
			known = append(known, e)
		} else {
			late = append(late, r)
		}
	}
	for _, r := range late {
		e, err := g.endLate(r)
		if err != nil {
			return nil, err
		}
		if e != nil {
			known = append(known, *e)
		}
	}
	return known, nil
}

func insertAttempts(trip *trip, results map[string]ended) {
	attempts := make([]models.Attempt, 0, len(results))
	for _, e := range results {
		attempts = append(attempts, e.attempt)
	}
	slices.SortFunc(attempts, func(a, b models.Attempt) int { return cmp.Compare(a.DeliveryID, b.DeliveryID) })
	attemptRows.insert(trip, attempts)
}

// endLate records a result whose delivery went on without it. It changes the delivery only if it is a success: the
// receiver then has it, whoever else is still trying. It returns nil where there is nothing to say of the webhook.
func (g *group) endLate(r *resultWish) (*ended, error) {
	d, err := first[models.Delivery](locked(g.tx).Where("id = ?", r.attempt.DeliveryID))
	if errors.Is(err, models.ErrNotFound) {
		return nil, nil // it was purged meanwhile: there is no row to keep the attempt in
	}
	if err != nil {
		return nil, err
	}
	recorded, err := all[models.Attempt](g.tx.Where("delivery_id = ? AND number = ?", d.ID, r.attempt.Number))
	same := len(recorded) > 0 && recorded[0].Reason == r.attempt.Reason
	if err != nil || same && r.attempt.Reason != models.ReasonInterrupted {
		return nil, err // recorded already, by a commit that its caller did not wait for
	}
	insertAttempts(&g.trip, map[string]ended{d.ID: {resultWish: r}})
	if err := g.trip.send(); err != nil {
		return nil, err
	}
	if same {
		return nil, nil // whoever took it for lost knew less of it, but counted it
	}
	g.counts.attempt(r.attempt.Reason, r.attempt.Total)
	current := d.Attempt == r.attempt.Number && d.LeaseOwner == r.owner
	if current || r.outcome.Status == models.Delivered {
		before := d.Status
		conclude(&d, r.attempt, r.outcome, current)
		if before == models.Pending {
			g.counts.delivery(d, r.attempt.Total)
		}
		if err := g.tx.Save(&d).Error; err != nil {
			return nil, err
		}
	}
	return &ended{resultWish: r, ID: d.ID, WebhookID: d.WebhookID, StackKey: d.StackKey, Test: d.Test}, nil
}

// conclude puts the result into the delivery.
func conclude(d *models.Delivery, a models.Attempt, o Outcome, current bool) {
	at := a.StartedAt.Add(a.Total)
	if current {
		d.LeaseOwner, d.Tries = "", d.Tries+1
		if d.FirstEndedAt.IsZero() {
			d.FirstEndedAt = at
		}
	}
	if o.Status == models.Delivered && d.FirstDelivered.IsZero() {
		d.FirstDelivered = at
	}
	if d.Status != models.Pending && o.Status != models.Delivered {
		return // it ended while the request was in flight, by a deletion: that reason stays
	}
	d.Status, d.Reason, d.Code, d.Duration, d.DueAt = o.Status, o.Reason, a.Code, a.Total, o.DueAt
	if o.Status != models.Pending {
		d.DueAt, d.EndedAt = time.Time{}, at // and not another's lease: with that it hands its number back
	}
}
