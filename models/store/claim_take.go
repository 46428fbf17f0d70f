package store

import (
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// taking is a claim's transaction.
type taking struct {
	ClaimRequest
	tx   *gorm.DB
	now  time.Time
	left int // how many more it may take
	c    *Claimed
	done *counts
}

// share is what a claim takes of one lane.
type share struct {
	lane
	room  int             // how many more the webhook's limit allows
	more  bool            // as many were due as were asked for
	last  models.Delivery // of those that were due
	found []models.Delivery
}

// take leases what the limits allow. In each round every lane gets an equal share, and what some leave of theirs the others
// share in the next. So a webhook with much to send takes no other's turn; and deliveries of one event, which lie side by
// side in the database, are taken, sent and recorded at about the same time, which writes fewer pages.
func (t *taking) take(due []lane) error {
	var open, emptied []*share
	for _, l := range due {
		s := &share{lane: l, room: t.MostPerWebhook - t.Held[l.webhook]}
		switch {
		case s.room < 1 || t.left < 1:
			t.leave(l)
		case l.probe != 0:
			if err := t.probe(s); err != nil {
				return err
			}
		default:
			open = append(open, s)
		}
	}
	shares := slices.Clone(open)
	for len(open) > 0 && t.left > 0 {
		round := open[:min(len(open), t.left)]
		open = open[len(round):]
		if err := t.readRound(round); err != nil {
			return err
		}
		for _, s := range round {
			if !s.more {
				emptied = append(emptied, s)
			} else if s.room > 0 {
				open = append(open, s)
			} else {
				t.leave(s.lane)
			}
		}
	}
	for _, s := range open {
		t.leave(s.lane)
	}
	var deliveries []models.Delivery
	for _, s := range shares {
		deliveries = append(deliveries, s.found...)
	}
	if err := t.lease(deliveries, time.Time{}); err != nil {
		return err
	}
	return t.lookAfter(emptied)
}

// leave says that more of the lane may be due than the limits let be taken.
func (t *taking) leave(l lane) { t.c.Full, t.c.Left = append(t.c.Full, l.webhook), true }

// readRound reads the same number of each lane, as far as there is room.
func (t *taking) readRound(round []*share) error {
	each := t.left / len(round)
	read := trip{tx: t.tx}
	for _, s := range round {
		t.readDue(&read, s, min(each, s.room))
	}
	return read.send()
}

// probe leases the delivery that finds out whether a webhook can be reached again.
func (t *taking) probe(s *share) error {
	read := trip{tx: t.tx}
	t.readDue(&read, s, 1)
	if err := read.send(); err != nil || len(s.found) == 0 {
		return err
	}
	until := t.now.Add(t.Lease)
	mine, err := takeProbe(t.tx, s.lane, until)
	if err != nil || !mine {
		return err
	}
	before := len(t.c.Jobs)
	err = t.lease(s.found, until)
	if err == nil && len(t.c.Jobs) == before { // it had used up its tries: the next one is the probe, at once
		t.c.Next = t.now
		err = giveProbeBack(t.tx, s.webhook, until, t.now)
	}
	return err
}

// lookAfter looks for what is due and was not taken, in lanes that the limits did not cut short: it waits for an earlier
// first attempt.
func (t *taking) lookAfter(emptied []*share) error {
	if t.c.Left || len(emptied) == 0 {
		return nil
	}
	read := trip{tx: t.tx}
	for _, s := range emptied {
		read.add(`SELECT id FROM deliveries WHERE webhook_id = $1 AND status = 'pending' AND due_at <= $2`+s.which+` LIMIT 1`,
			[]any{s.webhook, micros(t.now)}, func(r row) error {
				t.c.Left = true
				return nil
			})
	}
	return read.send()
}

// takeProbe makes the next probe this transaction's own, unless another process was faster, or is about to be: two that
// take several in different orders would otherwise wait for each other. If it is never heard of again, the one after it is
// due when its lease ends.
func takeProbe(tx *gorm.DB, l lane, leased time.Time) (mine bool, err error) {
	rows, err := all[models.Webhook](skipLocked(tx).Select("id").Where("id = ? AND open_until = ?", l.webhook, l.probe))
	if err != nil || len(rows) == 0 {
		return false, err
	}
	return true, tx.Exec(`UPDATE webhooks SET open_until = ? WHERE id = ?`, micros(leased), l.webhook).Error
}

// giveProbeBack makes the next probe due, if it was still this one that the circuit waited for.
func giveProbeBack(tx *gorm.DB, webhook string, leased, now time.Time) error {
	return tx.Exec(`UPDATE webhooks SET open_until = ? WHERE id = ? AND open_until = ?`, micros(now), webhook, micros(leased)).Error
}

// readDue reads what of the lane is due, oldest first, after what was read before, and locks it. A first attempt waits until
// the first attempts of all earlier states of its run have ended. What the owner has in its hands is left there.
func (t *taking) readDue(read *trip, s *share, most int) {
	s.more = false
	text := `SELECT ` + strings.Join(deliveryRows.columns, ", ") + ` FROM deliveries
		WHERE webhook_id = $1 AND status = 'pending' AND due_at <= $2` + s.which + `
		AND (first_ended_at IS NOT NULL OR NOT EXISTS (
			SELECT 1 FROM deliveries e WHERE e.run_key = deliveries.run_key AND e.webhook_id = deliveries.webhook_id
			AND e.state_version < deliveries.state_version AND e.status = 'pending' AND e.first_ended_at IS NULL))
		AND (due_at, id) > ($3, $4) ORDER BY due_at, id LIMIT $5`
	if onPostgres(t.tx) {
		text += " FOR " + noKeyUpdate + " SKIP LOCKED"
	}
	read.add(text, []any{s.webhook, micros(t.now), s.last.DueAt.UnixMicro(), s.last.ID, int64(most)}, func(r row) error {
		d, err := scanDelivery(r)
		most--
		s.room, s.last, s.more = s.room-1, d, most == 0
		if t.Works == nil || d.LeaseOwner != t.Owner || !t.Works(d.ID) {
			s.found = append(s.found, d)
			t.left--
		}
		return err
	})
}

// lease numbers the next attempts of deliveries. Those whose last attempt was cut by a crash are recorded as interrupted
// first; one whose tries are used up by that fails, and there is no job. probe is the time of Job.Probe.
func (t *taking) lease(deliveries []models.Delivery, probe time.Time) error {
	var ids, events []string
	var jobs []Job
	for _, d := range deliveries {
		if d.LeaseOwner != "" {
			if err := interrupt(t.tx, &d, t.now, t.MaxTries, t.done); err != nil {
				return err
			}
		}
		if d.Status != models.Pending {
			continue
		}
		d.Attempt++
		d.LeaseOwner, d.ClaimedAt, d.DueAt = t.Owner, t.now, t.now.Add(t.Lease)
		ids, events, jobs = append(ids, d.ID), append(events, d.EventID), append(jobs, Job{Delivery: d, Probe: probe})
	}
	if len(ids) == 0 {
		return nil
	}
	write := trip{tx: t.tx}
	write.add(`UPDATE deliveries SET attempt = attempt + 1, lease_owner = $1, claimed_at = $2, due_at = $3
		WHERE `+amongKeys[string](t.tx, "id", "$4"), []any{t.Owner, micros(t.now), micros(t.now.Add(t.Lease)), tripKeys(t.tx, ids)}, nil)
	payloads := map[string][]byte{}
	write.add(`SELECT id, payload FROM events WHERE `+amongKeys[string](t.tx, "id", "$1"), []any{tripKeys(t.tx, unique(events))}, func(r row) error {
		var id string
		var payload []byte
		err := r.Scan(&id, &payload)
		payloads[id] = payload
		return err
	})
	err := write.send()
	for i := range jobs {
		jobs[i].Payload = payloads[jobs[i].Delivery.EventID]
	}
	t.c.Jobs = append(t.c.Jobs, jobs...)
	return err
}
