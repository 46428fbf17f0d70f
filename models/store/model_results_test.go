package store_test

import (
	"cmp"
	"maps"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// pauses are the waits before each probe of an open circuit.
var pauses = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute}

// result records what an attempt brought. A number that is no longer the newest, or whose lease is lost, completes its
// own attempt, and changes the delivery only by a success. The same result again changes nothing. It returns why the
// webhook is disabled by that.
func (m *model) result(j job, o store.Outcome) (disabled models.DisabledWhy) {
	d, there := m.deliveries[j.id]
	if !there {
		return "" // it was purged: there is nothing to keep the attempt in
	}
	key := attemptKey{j.id, j.number}
	if was, there := m.attempts[key]; there && was == o.Reason {
		return ""
	}
	m.attempts[key] = o.Reason
	m.tried[o.Reason]++
	newest := d.attempt == j.number && d.owner == j.owner // also of one that was ended by a deletion meanwhile
	if newest {
		d.owner, d.tries = "", d.tries+1
		d.firstEnded = cmp.Or(d.firstEnded, now())
	}
	switch {
	case o.Status == models.Delivered:
		m.end(&d, models.Delivered, "") // whoever else is still trying
		d.delivered = cmp.Or(d.delivered, now())
	case newest && d.status == models.Pending && o.Status == models.Failed:
		m.end(&d, models.Failed, o.Reason)
	case newest && d.status == models.Pending:
		d.reason, d.due = o.Reason, at(o.DueAt)
	}
	m.deliveries[j.id] = d
	if d.test || m.webhooks[d.webhook].deleted {
		return ""
	}
	return m.note(d.webhook, j, o)
}

// note keeps how the receiver does, and returns why its webhook is disabled by that. Five failures in a row that are its
// fault open the circuit; a failed probe moves the next one on, and one that says nothing is made again; a success ends
// all trouble. A receiver that is gone disables its webhook. What failed before a person changed the webhook is past.
func (m *model) note(webhook string, j job, o store.Outcome) (disabled models.DisabledWhy) {
	w := m.webhooks[webhook]
	ours := o.Reason == models.ReasonBlocked || o.Reason == models.ReasonInterrupted || o.Reason == models.ReasonInternal
	probe := w.openTill != 0 && j.probe == w.openTill // the one that the circuit waits for, and not one that was given up for lost
	switch {
	case o.Status == models.Delivered:
		w.failures, w.failingSince, w.openTill, w.probes = 0, 0, 0, 0
	case j.began < w.changed:
		return ""
	case !ours:
		w.failures++
		w.failingSince = cmp.Or(w.failingSince, now())
		if probe {
			w.probes++
		}
	}
	switch {
	case probe && o.Reason == models.ReasonInterrupted:
		w.openTill = now()
	case probe && o.Status != models.Delivered:
		w.openTill = now().plus(pauses[min(w.probes, len(pauses)-1)])
	case w.openTill == 0 && w.failures >= 5:
		w.openTill = now().plus(pauses[0])
	}
	if o.Disable != "" && w.enabled {
		w.enabled, w.why, disabled = false, o.Disable, o.Disable
	}
	m.webhooks[webhook] = w
	return disabled
}

// purge removes what ended before a time: deliveries with their attempts, the payload with its last delivery, and a run
// once its last state is that old and no delivery is left.
func (m *model) purge(before instant) (deliveries, runs int) {
	old := func(id string, d deliveryModel) bool { return d.status != models.Pending && d.ended < before }
	lost := map[string]bool{} // events
	for id, d := range m.deliveries {
		if old(id, d) {
			lost[d.event] = true
			deliveries++
		}
	}
	maps.DeleteFunc(m.attempts, func(k attemptKey, _ models.Reason) bool { return old(k.delivery, m.deliveries[k.delivery]) })
	maps.DeleteFunc(m.deliveries, old)
	kept := map[string]bool{} // runs
	for _, d := range m.deliveries {
		kept[d.run] = true
		delete(lost, d.event)
	}
	for id := range lost {
		e := m.events[id]
		e.payload = ""
		m.events[id] = e
	}
	gone := func(id string, r runModel) bool { return r.updated < before && !kept[id] }
	for id, r := range m.runs {
		if gone(id, r) {
			runs++
		}
	}
	maps.DeleteFunc(m.runs, gone)
	maps.DeleteFunc(m.events, func(_ string, e eventModel) bool {
		_, there := m.runs[e.run]
		return !there && (e.run != "" || e.payload == "")
	})
	return deliveries, runs
}
