package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"stackhook/models"
)

// Recorded is what became of a report.
type Recorded struct {
	Run   models.Run   // as it is after this event, also when the answer repeats
	Event models.Event // without its payload
	// Deliveries are the ids of those that the event made and that were not skipped.
	Deliveries []string
	// Repeated says that the report was here before: nothing was stored or sent now.
	Repeated bool
}

// StartRun records a new run with its first state, and its deliveries, in one transaction. A report that names a run
// that is there already is a repeat, or a *models.Conflict if it says something else.
func (s *Store) StartRun(ctx context.Context, stack models.Stack, report models.RunReport) (Recorded, error) {
	start := &startWish{stack: stack.Key, report: report}
	err := report.Check()
	if err == nil {
		err = s.commit(ctx, wish{start: start})
	}
	return s.reported(&start.rec, err)
}

// RecordState records that a run changed state, and its deliveries, in one transaction. Versions and repeats are judged
// by models.StateReport.Judge.
func (s *Store) RecordState(ctx context.Context, stack models.Stack, runID string, report models.StateReport) (Recorded, error) {
	state := &stateWish{name: runName{stack.Key, runID}, report: report}
	err := report.Check()
	if err == nil {
		err = s.commit(ctx, wish{state: state})
	}
	return s.reported(&state.rec, err)
}

// reported returns what became of a report, once that is known.
func (s *Store) reported(rec *Recorded, err error) (Recorded, error) {
	if err != nil {
		rec = &Recorded{}
	}
	s.metrics.reported(*rec, err)
	return *rec, err
}

// repeatedRun answers a report of a run that is there already.
func repeatedRun(tx *gorm.DB, report models.RunReport, run models.Run) (Recorded, error) {
	event, err := eventAt(tx, run, 0)
	if err != nil {
		return Recorded{}, err
	}
	if field := report.Repeats(run, event); field != "" {
		return Recorded{}, &models.Conflict{Field: field, Detail: fmt.Sprintf(
			"This stack has a run with this id and another %s; it is at %s, stateVersion %d. Use another id.", field, run.State, run.StateVersion)}
	}
	return repeated(tx, run, event)
}

// advance returns the run in its next state.
func advance(run models.Run, report models.StateReport, version int64) models.Run {
	now := time.Now()
	run.State, run.StateVersion, run.StateAt, run.UpdatedAt = report.State, version, now.Unix(), now
	if report.Timestamp != nil {
		run.StateAt = *report.Timestamp
	}
	if report.Delta != nil {
		run.Delta = report.Delta
	}
	return run
}

// newDeliveries makes a delivery for each webhook: pending and due now, or skipped while the webhook is disabled.
func newDeliveries(event models.Event, webhooks []models.Webhook, now time.Time) []models.Delivery {
	deliveries := make([]models.Delivery, len(webhooks))
	for i, w := range webhooks {
		d := models.Delivery{
			ID: models.NewID(now), StackKey: event.StackKey, WebhookID: w.ID, EventID: event.ID, RunKey: event.RunKey, RunID: event.RunID,
			State: event.State, StateVersion: event.StateVersion, Status: models.Pending, DueAt: now, ExpireFrom: now, CreatedAt: now,
		}
		if !w.Enabled {
			d.Status, d.Reason, d.Silent, d.DueAt, d.EndedAt = models.Skipped, models.ReasonWebhookDisabled, true, time.Time{}, now
		}
		deliveries[i] = d
	}
	return deliveries
}

func spoken(deliveries []models.Delivery) []string {
	ids := []string{}
	for _, d := range deliveries {
		if !d.Silent {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// repeated gives the first answer to an event again.
func repeated(tx *gorm.DB, run models.Run, event models.Event) (Recorded, error) {
	ids := []string{}
	err := tx.Raw(`SELECT id FROM deliveries WHERE run_key = ? AND state_version = ? AND NOT silent ORDER BY id`, run.Key, event.StateVersion).Scan(&ids).Error
	return Recorded{Run: run, Event: event, Deliveries: ids, Repeated: true}, err
}

// eventAt returns the event with that version, without its payload.
func eventAt(tx *gorm.DB, run models.Run, version int64) (models.Event, error) {
	return first[models.Event](tx.Omit("payload").Where("run_key = ? AND state_version = ?", run.Key, version))
}

// Run returns one run of a stack.
func (s *Store) Run(ctx context.Context, stack models.Stack, id string) (models.Run, error) {
	return first[models.Run](s.quickReader(ctx).Where("stack_key = ? AND id = ?", stack.Key, id))
}

// Events returns the states that a run went through, oldest first, without their payloads.
func (s *Store) Events(ctx context.Context, run models.Run) ([]models.Event, error) {
	return all[models.Event](s.reader(ctx).Omit("payload").Where("run_key = ?", run.Key).Order("state_version"))
}

// Event returns an event with its payload.
func (s *Store) Event(ctx context.Context, id string) (models.Event, error) {
	return first[models.Event](s.reader(ctx).Where("id = ?", id))
}

// Runs returns a page of a stack's runs, newest first. Cursors are keys of runs, in decimal.
func (s *Store) Runs(ctx context.Context, stack models.Stack, page Page) (Listing[models.Run], error) {
	for _, cursor := range []string{page.Older, page.Newer} {
		if _, err := strconv.ParseInt(cursor, 10, 64); cursor != "" && err != nil {
			return Listing[models.Run]{}, models.Invalid{{Field: "cursor", Message: "This is not a cursor of this list. Start from its first page."}}
		}
	}
	return list(s.reader(ctx).Where("stack_key = ?", stack.Key), "key", page, func(r models.Run) string { return fmt.Sprint(r.Key) })
}
