package store

import (
	"maps"
	"math"
	"slices"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// redeliveryOf is one batch of a redelivery.
type redeliveryOf struct {
	*models.Redelivery
	tx   *gorm.DB
	now  time.Time
	done *counts
}

// redeliver makes of the next deliveries as many due as may be sent at once, which it returns, and moves on.
func (b redeliveryOf) redeliver(next toRedeliver) (send []models.Delivery, err error) {
	deliveries, webhooks, over, err := b.load(next.ids)
	if err != nil {
		return nil, err
	}
	before := b.Sent
	met := map[string]*RedeliveryWebhook{}
	for i, id := range next.ids {
		if b.Sent-before == burst(*b.Redelivery) {
			next = toRedeliver{ids: next.ids[:i]}
			break
		}
		b.DoneTo = id
		d, there := deliveries[id]
		if !there {
			if len(b.Chosen) > 0 { // of what a filter let through it was removed since, which nobody asked for by name
				b.Add(models.FateGone)
			}
			continue
		}
		f := fate(d, webhooks[d.WebhookID], over, b.now)
		b.Add(f)
		of := met[d.WebhookID]
		if of == nil {
			of = &RedeliveryWebhook{WebhookID: d.WebhookID}
			met[d.WebhookID] = of
		}
		if f == models.FateSent {
			of.Sent++
			send = append(send, d)
		} else {
			of.Kept++
		}
	}
	if next.to != "" {
		b.DoneTo = next.to
	}
	b.DueAt = b.now.Add(takes(b.Sent-before, b.PerSecond))
	if next.end {
		b.State, b.EndedAt = models.RedeliveryDone, b.now
	}
	if err := b.send(send, webhooks); err != nil {
		return nil, err
	}
	return send, b.count(met)
}

// takes is how long so many take at that speed, in whole microseconds, which the database keeps, and not less.
func takes(n, perSecond int) time.Duration {
	return time.Duration((n*1_000_000+perSecond-1)/perSecond) * time.Microsecond
}

// load reads and locks the deliveries and then their webhooks, in the order of a group's results.
func (b redeliveryOf) load(ids []string) (map[string]models.Delivery, map[string]models.Webhook, map[string]bool, error) {
	deliveries, webhooks := map[string]models.Delivery{}, map[string]models.Webhook{}
	if len(ids) == 0 {
		return deliveries, webhooks, nil, nil
	}
	q := locked(b.tx).Where(among(b.tx, "id", ids))
	if b.StackKey != 0 {
		q = q.Where("stack_key = ?", b.StackKey)
	}
	found, err := all[models.Delivery](q.Order("id"))
	if err != nil {
		return nil, nil, nil, err
	}
	of := []string{}
	for _, d := range found {
		deliveries[d.ID] = d
		of = append(of, d.WebhookID)
	}
	hooks, err := all[models.Webhook](locked(b.tx).Where(among(b.tx, "id", unique(of))).Order("id"))
	if err != nil {
		return nil, nil, nil, err
	}
	for _, w := range hooks {
		webhooks[w.ID] = w
	}
	over, err := overtaken(b.tx, ids, b.SendOvertaken)
	return deliveries, webhooks, over, err
}

// send makes the deliveries due. Of a webhook whose circuit is open the first one of the redelivery is the next probe, as a
// single one would be; the others wait behind it.
func (b redeliveryOf) send(deliveries []models.Delivery, webhooks map[string]models.Webhook) error {
	at := map[int64][]string{}
	probed := map[string]bool{}
	for _, d := range deliveries {
		if d.Status == models.Pending && d.LeaseOwner != "" { // nobody came back from its last attempt
			if err := interrupt(b.tx, &d, b.now, math.MaxInt, b.done); err != nil {
				return err
			}
		}
		due := b.now.UnixMicro()
		if w := webhooks[d.WebhookID]; w.CircuitOpen() && !probed[w.ID] {
			probed[w.ID] = true
			fresh, err := b.first(w)
			if err != nil {
				return err
			}
			if fresh {
				if due, err = dueFirst(b.tx, w, b.now); err != nil {
					return err
				}
			}
		}
		at[due] = append(at[due], d.ID)
	}
	for _, due := range slices.Sorted(maps.Keys(at)) {
		if err := makeDue(b.tx, at[due], due, b.now, b.By); err != nil {
			return err
		}
	}
	return nil
}

// first reports whether nothing was sent to the webhook by an earlier batch.
func (b redeliveryOf) first(w models.Webhook) (is bool, err error) {
	err = b.tx.Raw(`SELECT NOT EXISTS (SELECT 1 FROM redelivery_webhooks WHERE redelivery_key = ? AND webhook_id = ? AND sent > 0)`,
		b.Key, w.ID).Scan(&is).Error
	return is, err
}

// count adds what became of the batch to what is told of each webhook.
func (b redeliveryOf) count(met map[string]*RedeliveryWebhook) error {
	for _, id := range slices.Sorted(maps.Keys(met)) {
		err := b.tx.Exec(`INSERT INTO redelivery_webhooks (redelivery_key, webhook_id, sent, kept) VALUES (?, ?, ?, ?)
			ON CONFLICT (redelivery_key, webhook_id) DO UPDATE SET
				sent = redelivery_webhooks.sent + excluded.sent, kept = redelivery_webhooks.kept + excluded.kept`,
			b.Key, id, met[id].Sent, met[id].Kept).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// fate is what becomes of a delivery. over are those that a newer state has overtaken.
func fate(d models.Delivery, w models.Webhook, over map[string]bool, now time.Time) models.Fate {
	f := models.FateOf(d, w, now)
	if f == models.FateSent && over[d.ID] {
		return models.FateOvertaken
	}
	return f
}

// overtaken returns those of the deliveries of which a newer state of the same run has arrived at the same webhook: sent
// again, they would be a step back for a receiver that does not look at the version. None, if they are to be sent.
func overtaken(db *gorm.DB, ids []string, sent bool) (map[string]bool, error) {
	if sent {
		return nil, nil
	}
	var found []string
	err := db.Raw(`SELECT d.id FROM deliveries d WHERE `+amongKeys[string](db, "d.id", "?")+` AND EXISTS (
		SELECT 1 FROM deliveries n WHERE n.run_key = d.run_key AND n.webhook_id = d.webhook_id
		AND n.state_version > d.state_version AND n.first_delivered_at IS NOT NULL)`, keyList(db, ids)).Scan(&found).Error
	over := map[string]bool{}
	for _, id := range found {
		over[id] = true
	}
	return over, err
}
