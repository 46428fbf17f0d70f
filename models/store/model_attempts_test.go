package store_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// maxTries is how many attempts the schedule has: few, so that deliveries use them up.
const maxTries = 4

// lane is what of a webhook a claim takes together: of one that is disabled, or whose circuit is open, the tests, which
// wait for neither; the rest of an open one, of which one is the probe; and otherwise all.
type lane struct {
	webhook string
	probe   bool
	ids     []string // what is due, in the claim's order
}

func (m *model) lanes(webhook string) []lane {
	w := m.webhooks[webhook]
	test := func(d deliveryModel) bool { return d.test }
	rest := func(d deliveryModel) bool { return !d.test }
	switch {
	case !w.enabled || w.openTill > now():
		return []lane{{webhook, false, m.due(webhook, test)}}
	case w.openTill != 0:
		return []lane{{webhook, false, m.due(webhook, test)}, {webhook, true, m.due(webhook, rest)}}
	}
	return []lane{{webhook, false, m.due(webhook, func(deliveryModel) bool { return true })}}
}

// due returns those of the webhook's deliveries that are due, in a claim's order: what fell due first. The end of a lease
// is when its delivery falls due again.
func (m *model) due(webhook string, among func(deliveryModel) bool) (ids []string) {
	for id, d := range m.deliveries {
		if d.webhook == webhook && d.status == models.Pending && d.due <= now() && !m.waits(d) && among(d) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(m.deliveries[a].due, m.deliveries[b].due), cmp.Compare(a, b))
	})
	return ids
}

// claim gives an owner the first of what is due of each webhook, as far as its limits allow, and numbers the attempts.
// Behind an open circuit it is one: the probe, which nobody else makes while it is leased. Which webhooks get their turn
// when the claim's own limit is reached is open: after tells.
func (m *model) claim(r store.ClaimRequest, c store.Claimed, after *model) error {
	jobs := map[string]store.Job{}
	for _, j := range c.Jobs {
		jobs[j.Delivery.ID] = j
	}
	if len(jobs) != len(c.Jobs) || len(jobs) > r.Most {
		return fmt.Errorf("%d jobs of %d deliveries, at most %d were wanted", len(c.Jobs), len(jobs), r.Most)
	}
	if err := m.awaited(c); err != nil {
		return err
	}
	spent := 0 // of the claim's limit, also by those that turn out to have used up their tries
	for id, d := range m.deliveries {
		if after.deliveries[id] != d {
			spent++
		}
	}
	for _, webhook := range m.living() {
		for _, l := range m.lanes(webhook) {
			if err := m.claimOf(l, r, c, jobs, spent, after); err != nil {
				return err
			}
		}
	}
	if len(jobs) > 0 {
		return fmt.Errorf("claimed what is not due: %v", slices.Collect(maps.Keys(jobs)))
	}
	return nil
}

// claimOf is claim for one lane. What the owner has in its hands is left, and takes up its place in the lane.
func (m *model) claimOf(l lane, r store.ClaimRequest, c store.Claimed, jobs map[string]store.Job, spent int, after *model) error {
	room := r.MostPerWebhook - r.Held[l.webhook]
	if l.probe {
		room = min(room, 1)
	}
	ids := slices.Clone(l.ids[:max(min(room, len(l.ids)), 0)])
	works := func(id string) bool { return r.Works != nil && m.deliveries[id].owner == r.Owner && r.Works(id) }
	ids = slices.DeleteFunc(ids, works)
	took := 0
	for took < len(ids) && after.deliveries[ids[took]] != m.deliveries[ids[took]] {
		took++
	}
	if took < len(ids) && spent < r.Most && !slices.ContainsFunc(l.ids, works) {
		return fmt.Errorf("took %d of %s, want %d", took, l.webhook, len(ids))
	}
	if took < len(l.ids) && !l.probe && !c.Left {
		return fmt.Errorf("took %d of %d due of %s, and says that nothing is left", took, len(l.ids), l.webhook)
	}
	for _, id := range ids[:took] {
		if err := m.lease(id, r.Owner, jobs, l.probe); err != nil {
			return err
		}
		delete(jobs, id)
	}
	if w := m.webhooks[l.webhook]; l.probe && took == 1 {
		w.openTill = now().plus(lease)
		if m.deliveries[ids[0]].status != models.Pending { // it had no tries left, and the next one is the probe
			w.openTill = now()
		}
		m.webhooks[l.webhook] = w
	}
	return nil
}

// lease gives a delivery to an owner under the next number. What was leased before was cut, and may have used up the
// tries.
func (m *model) lease(id, owner string, jobs map[string]store.Job, probe bool) error {
	d := m.again(id)
	j, got := jobs[id]
	if d.status != models.Pending {
		if got {
			return fmt.Errorf("claimed %s, which used up its tries", id)
		}
		return nil
	}
	d.attempt, d.owner, d.due = d.attempt+1, owner, now().plus(lease)
	m.deliveries[id] = d
	if j.Delivery.Attempt != d.attempt || !probe && !j.Probe.IsZero() || probe && at(j.Probe) != d.due || string(j.Payload) != m.events[d.event].payload {
		return fmt.Errorf("the job of %s is attempt %d, probe %v, payload %q", id, j.Delivery.Attempt, j.Probe, j.Payload)
	}
	return nil
}

// awaited checks that a claim says when to come again: no later than what falls due next.
func (m *model) awaited(c store.Claimed) error {
	for id, d := range m.deliveries {
		w := m.webhooks[d.webhook]
		if d.status != models.Pending || w.deleted || !w.enabled && !d.test {
			continue
		}
		due := d.due
		if !d.test {
			due = max(due, w.openTill)
		}
		if due > now() && (c.Next.IsZero() || at(c.Next) > due) {
			return fmt.Errorf("the next is said to be due %v, but %s is %v", at(c.Next), id, due)
		}
	}
	return nil
}

// interrupt ends the attempt that nobody came back from. It may have been received, and is a try like any other.
func (m *model) interrupt(id string) deliveryModel {
	d := m.deliveries[id]
	if d.owner != "" {
		m.attempts[attemptKey{id, d.attempt}] = models.ReasonInterrupted
		m.tried[models.ReasonInterrupted]++
		d.owner, d.reason, d.due, d.tries = "", models.ReasonInterrupted, now(), d.tries+1
		d.firstEnded = cmp.Or(d.firstEnded, now())
	}
	return d
}

// again makes a delivery whose lease ended due, unless that attempt was the last of the schedule.
func (m *model) again(id string) deliveryModel {
	was := m.deliveries[id].owner
	d := m.interrupt(id)
	if was != "" && (d.test || d.tries >= maxTries) {
		m.end(&d, models.Failed, models.ReasonInterrupted)
	}
	m.deliveries[id] = d
	return d
}

// takeOver ends all leases: whoever had them is dead.
func (m *model) takeOver() {
	for id, d := range m.deliveries {
		if d.status == models.Pending {
			m.again(id)
		}
	}
}

// holds reports whether the job is still its owner's.
func (m *model) holds(j job) bool {
	d := m.deliveries[j.id]
	return d.status == models.Pending && d.owner == j.owner && d.attempt == j.number
}

// renew prolongs a lease, unless the delivery is somebody else's by now.
func (m *model) renew(j job, held bool) error {
	if held != m.holds(j) {
		return fmt.Errorf("renewed %+v: %v", j, held)
	}
	if d := m.deliveries[j.id]; held {
		d.due = now().plus(lease)
		m.deliveries[j.id] = d
	}
	return nil
}

// release hands back a number that was not used: no attempt, and due at once unless it ended meanwhile. The probe that the
// circuit waits for is due at once, too.
func (m *model) release(j job) {
	d := m.deliveries[j.id]
	if m.holds(j) {
		d.due = now()
	}
	if d.owner == j.owner && d.attempt == j.number {
		d.owner, d.attempt = "", d.attempt-1
		m.deliveries[j.id] = d
		if w := m.webhooks[d.webhook]; w.openTill != 0 && w.openTill == j.probe {
			w.openTill = now()
			m.webhooks[d.webhook] = w
		}
	}
}

// expire ends what was pending for too long, whatever the cause, and returns how many that were. What is being sent is
// left to its result. A test that was cut ends by that.
func (m *model) expire(olderThan time.Duration) (n int) {
	for id, d := range m.deliveries {
		sending := d.owner != "" && d.due >= now()
		if d.status != models.Pending || sending || d.expireFrom >= now().plus(-olderThan) {
			continue
		}
		d = m.interrupt(id)
		reason := models.ReasonExpired
		if d.test && d.reason == models.ReasonInterrupted {
			reason = d.reason
		}
		m.end(&d, models.Failed, reason)
		m.deliveries[id] = d
		n++
	}
	return n
}
