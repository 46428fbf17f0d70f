package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// engine is the owner of what an engine in this process took; lease is how long everything is leased.
const (
	engine = "engine"
	lease  = time.Minute
)

// start is a report that a run begins. after is what the store holds then.
func (m *model) start(report models.RunReport, rec store.Recorded, err error, after *model) error {
	if report.ID != nil {
		if run, there := m.runs[*report.ID]; there {
			if *report.Branch != run.branch {
				return isConflict(err, "branch")
			}
			return m.repeated(*report.ID, 0, rec, err)
		}
		if rec.Run.ID != *report.ID {
			return fmt.Errorf("the run is %q, %w", rec.Run.ID, cmp.Or(err, errDiffers))
		}
	}
	if _, there := m.runs[rec.Run.ID]; there || err != nil || rec.Repeated {
		return fmt.Errorf("a new run got %+v, %v", rec, err)
	}
	m.runs[rec.Run.ID] = runModel{*report.Branch, models.Queued, 0, now()}
	return m.happened(rec, after)
}

// change is a report that a run changes state. A repeat gives the first answer again, whatever came since; nothing
// follows a terminal state; otherwise the version, if there is one, must be the next.
func (m *model) change(id string, report models.StateReport, rec store.Recorded, err error, after *model) error {
	run, there := m.runs[id]
	if !there {
		if !errors.Is(err, models.ErrNotFound) {
			return fmt.Errorf("of a run that is not there: %+v, %v", rec, err)
		}
		return nil
	}
	if v := report.StateVersion; v != nil && *v <= run.version {
		for _, e := range m.events {
			if e.run == id && e.version == *v && e.state != report.State {
				return isConflict(err, "state")
			}
		}
		return m.repeated(id, *v, rec, err)
	}
	if run.state.Terminal() {
		return isConflict(err, "state")
	}
	if v := report.StateVersion; v != nil && *v != run.version+1 {
		return isConflict(err, "stateVersion")
	}
	if err != nil || rec.Repeated {
		return fmt.Errorf("state %d of %s got %+v, %w", run.version+1, id, rec, cmp.Or(err, errDiffers))
	}
	run.state, run.version, run.updated = report.State, run.version+1, now()
	m.runs[id] = run
	return m.happened(rec, after)
}

var errDiffers = errors.New("which is not what was expected")

func isConflict(err error, field string) error {
	var conflict *models.Conflict
	if !errors.As(err, &conflict) || conflict.Field != field {
		return fmt.Errorf("got %v, want a conflict at %s", err, field)
	}
	return nil
}

// repeated checks the answer to a report that was here before: the same event and deliveries, as far as they are kept.
func (m *model) repeated(run string, version int64, rec store.Recorded, err error) error {
	if err != nil || !rec.Repeated || rec.Run.ID != run || rec.Run.StateVersion != m.runs[run].version {
		return fmt.Errorf("a repeat got %+v, %w", rec, cmp.Or(err, errDiffers))
	}
	if e := m.events[rec.Event.ID]; e.run != run || e.version != version {
		return fmt.Errorf("a repeat of %s %d gave %+v again", run, version, e)
	}
	return m.spoken(rec)
}

// spoken checks which deliveries an answer names: those that were not skipped when the event happened.
func (m *model) spoken(rec store.Recorded) error {
	ids := slices.DeleteFunc(m.of(rec.Event.ID), func(id string) bool { return m.deliveries[id].silent })
	if !slices.Equal(rec.Deliveries, ids) {
		return fmt.Errorf("the answer names %v, want %v", rec.Deliveries, ids)
	}
	return nil
}

// happened adds an event, with its payload of that moment and one delivery for each webhook that there is. Where there
// is a place the engine of this process gets it at once, as attempt 1; a disabled webhook's is skipped.
func (m *model) happened(rec store.Recorded, after *model) error {
	id, run := rec.Event.ID, rec.Run
	e := eventModel{run.ID, m.runs[run.ID].version, m.runs[run.ID].state, after.events[id].payload}
	if _, there := m.events[id]; there {
		return fmt.Errorf("the event %s is another one's", id)
	}
	m.events[id] = e
	for _, part := range []string{fmt.Sprintf(`"state":"%s","stateVersion":%d,`, e.state, e.version), `"id":"` + run.ID + `"`} {
		if !strings.Contains(e.payload, part) {
			return fmt.Errorf("the payload lacks %s: %s", part, e.payload)
		}
	}
	made, webhooks := after.of(id), m.living()
	if len(made) != len(webhooks) {
		return fmt.Errorf("%d deliveries for %d webhooks", len(made), len(webhooks))
	}
	for i, webhook := range webhooks {
		if _, there := m.deliveries[made[i]]; there {
			return fmt.Errorf("the delivery %s is another one's", made[i])
		}
		d := deliveryModel{
			webhook: webhook, event: id, run: run.ID, version: e.version, status: models.Pending,
			due: now(), expireFrom: now(), created: now(),
		}
		w := m.webhooks[webhook]
		switch {
		case !w.enabled:
			d.silent = true
			m.end(&d, models.Skipped, models.ReasonWebhookDisabled)
		case m.places > 0 && w.openTill == 0 && !m.waits(d):
			m.places--
			d.attempt, d.owner, d.due = 1, engine, now().plus(lease)
		}
		m.deliveries[made[i]] = d
	}
	return m.spoken(rec)
}
