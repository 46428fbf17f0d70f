package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"stackhook/models"
)

// taken reports whether another webhook has the endpoint.
func (m *model) taken(endpoint, but string) bool {
	for id, w := range m.webhooks {
		if id != but && !w.deleted && w.endpoint == endpoint {
			return true
		}
	}
	return false
}

// create adds a webhook. It gets what happens from now on.
func (m *model) create(form models.WebhookForm, id string, err error) error {
	if m.taken(form.Endpoint, "") {
		return isConflict(err, "endpoint")
	}
	if err != nil {
		return err
	}
	w := webhookModel{endpoint: form.Endpoint, enabled: form.Enabled, changed: now()}
	if !w.enabled {
		w.why = models.DisabledByPerson
	}
	m.webhooks[id] = w
	return nil
}

// edit changes a webhook. What may mend it closes its circuit, and makes what waits due now.
func (m *model) edit(id string, form models.WebhookForm, err error) error {
	before := m.webhooks[id]
	switch {
	case before.deleted:
		return is(err, models.ErrNotFound)
	case m.taken(form.Endpoint, id):
		return isConflict(err, "endpoint")
	case err != nil:
		return err
	}
	w := before
	w.endpoint, w.enabled, w.changed = form.Endpoint, form.Enabled, now()
	switch {
	case w.enabled:
		w.why = ""
	case before.enabled:
		w.why = models.DisabledByPerson
	}
	if w.endpoint != before.endpoint || form.Change != models.KeepSecret || w.enabled && !before.enabled {
		w.failures, w.failingSince, w.openTill, w.probes = 0, 0, 0, 0
		for key, d := range m.deliveries {
			if d.webhook == id && d.status == models.Pending && d.owner == "" {
				d.due = min(d.due, now())
				m.deliveries[key] = d
			}
		}
	}
	m.webhooks[id] = w
	return nil
}

// remove deletes a webhook. Its pending deliveries end; a request in flight is finished and recorded.
func (m *model) remove(id string, err error) error {
	w := m.webhooks[id]
	if w.deleted {
		return is(err, models.ErrNotFound)
	}
	w.deleted = true
	m.webhooks[id] = w
	for key, d := range m.deliveries {
		if d.webhook == id && d.status == models.Pending {
			m.end(&d, models.Failed, models.ReasonWebhookDeleted)
			m.deliveries[key] = d
		}
	}
	return err
}

// test sends a test delivery: also to a disabled webhook, and at most five a minute to each.
func (m *model) test(webhook, id string, err error, after *model) error {
	recent := 0
	for _, t := range m.tests[webhook] {
		if time.Since(t) < time.Minute {
			recent++
		}
	}
	switch {
	case m.webhooks[webhook].deleted:
		return is(err, models.ErrNotFound)
	case recent >= 5:
		return isRefused(err)
	case err != nil:
		return err
	}
	m.tests[webhook] = append(m.tests[webhook], time.Now())
	event := after.deliveries[id].event
	e := after.events[event]
	if e.run != "" || e.payload == "" || len(after.of(event)) != 1 {
		return fmt.Errorf("the event of a test is %+v", e)
	}
	m.events[event] = e
	m.deliveries[id] = deliveryModel{
		webhook: webhook, event: event, version: e.version, test: true, status: models.Pending, due: now(), expireFrom: now(), created: now(),
	}
	return nil
}

// redeliver makes a delivery pending and due now, and begins its schedule anew. Behind an open circuit it goes before all
// others, and now: it is the next probe.
func (m *model) redeliver(id string, err error, after *model) error {
	d, there := m.deliveries[id]
	w := m.webhooks[d.webhook]
	switch {
	case !there:
		return is(err, models.ErrNotFound)
	case w.deleted || d.test || !w.enabled || d.status == models.Pending && d.owner != "" && d.due > now():
		return isRefused(err)
	case err != nil:
		return err
	}
	if d.status == models.Pending {
		d = m.interrupt(id) // nobody comes back from an attempt whose lease ended
	}
	d.status, d.owner, d.tries, d.ended, d.due = models.Pending, "", 0, 0, now()
	d.expireFrom, d.redelivery = now(), now()
	if w.openTill != 0 {
		w.openTill = min(w.openTill, now())
		m.webhooks[d.webhook] = w
		d.due = after.deliveries[id].due
		for other, o := range m.deliveries {
			if other != id && o.webhook == d.webhook && o.status == models.Pending && o.due <= d.due {
				return fmt.Errorf("redelivered, and due %v: after one due %v", d.due, o.due)
			}
		}
		if d.due > now() {
			return fmt.Errorf("redelivered, and due %v", d.due)
		}
	}
	m.deliveries[id] = d
	return nil
}

func is(err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("got %w, want %v", cmp.Or(err, errDiffers), want)
	}
	return nil
}

func isRefused(err error) error {
	var refused *models.Refused
	if !errors.As(err, &refused) {
		return fmt.Errorf("got %w, want that it is refused", cmp.Or(err, errDiffers))
	}
	return nil
}
