package store_test

import (
	"maps"
	"slices"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// model is what a store with one stack holds, in plain maps. Its methods, in the files model_…_test.go, say what each
// change means, from what the engine promises and without a database. What a store holds is read as a model too, so that
// the two can be compared.
type model struct {
	webhooks   map[string]webhookModel
	runs       map[string]runModel
	events     map[string]eventModel
	deliveries map[string]deliveryModel
	attempts   map[attemptKey]models.Reason

	// What no row tells.
	places int                    // that an engine in this process has for new deliveries
	tests  map[string][]time.Time // when test deliveries were sent, by webhook
	ended  map[end]int            // how many deliveries ended, for the metrics
	tried  map[models.Reason]int  // how many attempts were recorded, for the metrics
}

type webhookModel struct {
	endpoint               string
	enabled, deleted       bool
	why                    models.DisabledWhy
	failures, probes       int
	failingSince, openTill instant
	changed                instant // by a person
}

type runModel struct {
	branch  string
	state   models.State
	version int64
	updated instant
}

type eventModel struct {
	run     string // "" for that of a test delivery
	version int64
	state   models.State
	payload string
}

type deliveryModel struct {
	webhook, event, run             string
	version                         int64
	test, silent                    bool
	status                          models.Status
	reason                          models.Reason
	attempt, tries                  int
	owner                           string
	due                             instant
	firstEnded, delivered, ended    instant
	expireFrom, created, redelivery instant
}

type attemptKey struct {
	delivery string
	number   int
}

type end struct {
	status models.Status
	reason models.Reason
}

// instant is a time as the database keeps it: in microseconds, 0 for none.
type instant int64

func at(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return instant(t.UnixMicro())
}

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(i))
}

func now() instant { return at(time.Now()) }

func (i instant) plus(d time.Duration) instant { return i + instant(d.Microseconds()) }

func (i instant) String() string {
	if i == 0 {
		return "never"
	}
	return i.time().UTC().Format("02 15:04:05.999999")
}

func newModel() *model {
	return &model{
		webhooks: map[string]webhookModel{}, runs: map[string]runModel{}, events: map[string]eventModel{},
		deliveries: map[string]deliveryModel{}, attempts: map[attemptKey]models.Reason{},
		tests: map[string][]time.Time{}, ended: map[end]int{}, tried: map[models.Reason]int{},
	}
}

func (m *model) clone() *model {
	return &model{
		maps.Clone(m.webhooks), maps.Clone(m.runs), maps.Clone(m.events), maps.Clone(m.deliveries), maps.Clone(m.attempts),
		m.places, maps.Clone(m.tests), maps.Clone(m.ended), maps.Clone(m.tried),
	}
}

// readModel returns what the store holds.
func readModel(s *store.Store) (*model, error) {
	all, err := store.ReadEverything(s)
	m := newModel()
	for _, w := range all.Webhooks {
		m.webhooks[w.ID] = webhookModel{
			w.EndpointURL, w.Enabled, w.Deleted(), w.DisabledWhy, w.Failures, w.Probes, at(w.FailingSince), at(w.OpenUntil),
			at(w.UpdatedAt),
		}
	}
	for _, r := range all.Runs {
		m.runs[r.ID] = runModel{r.Branch, r.State, r.StateVersion, at(r.UpdatedAt)}
	}
	for _, e := range all.Events {
		run := e.RunID
		if e.RunKey == 0 {
			run = ""
		}
		m.events[e.ID] = eventModel{run, e.StateVersion, e.State, string(e.Payload)}
	}
	for _, d := range all.Deliveries {
		run := d.RunID
		if d.RunKey == 0 {
			run = ""
		}
		m.deliveries[d.ID] = deliveryModel{
			d.WebhookID, d.EventID, run, d.StateVersion, d.Test, d.Silent, d.Status, d.Reason, d.Attempt, d.Tries, d.LeaseOwner,
			at(d.DueAt), at(d.FirstEndedAt), at(d.FirstDelivered), at(d.EndedAt), at(d.ExpireFrom), at(d.CreatedAt), at(d.RedeliveredAt),
		}
	}
	for _, a := range all.Attempts {
		m.attempts[attemptKey{a.DeliveryID, a.Number}] = a.Reason
	}
	return m, err
}

// living returns the ids of the webhooks that are not deleted, oldest first.
func (m *model) living() (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(m.webhooks)) {
		if !m.webhooks[id].deleted {
			ids = append(ids, id)
		}
	}
	return ids
}

// of returns the ids of the event's deliveries, in order.
func (m *model) of(event string) (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(m.deliveries)) {
		if m.deliveries[id].event == event {
			ids = append(ids, id)
		}
	}
	return ids
}

// waits reports whether a first attempt has to wait for that of an earlier state of the same run.
func (m *model) waits(d deliveryModel) bool {
	if d.firstEnded != 0 || d.run == "" {
		return false
	}
	for _, e := range m.deliveries {
		if e.run == d.run && e.webhook == d.webhook && e.version < d.version && e.status == models.Pending && e.firstEnded == 0 {
			return true
		}
	}
	return false
}

// end makes a delivery ended.
func (m *model) end(d *deliveryModel, status models.Status, reason models.Reason) {
	if d.status == models.Pending {
		m.ended[end{status, reason}]++
	}
	d.status, d.reason, d.due, d.ended = status, reason, 0, now()
}
