package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"stackhook/models"
)

// DeliveryFilter narrows a delivery log; zero fields narrow nothing. It is the same for pages and API.
type DeliveryFilter struct {
	Stack     *models.Stack `json:"-"` // nil: all stacks that the viewer reads
	Webhook   string        // id
	Status    models.Status
	State     models.State
	Reason    models.Reason
	Code      int       // exact status code
	CodeClass int       // 5 for 500 to 599
	Run       string    // id
	ID        string    // of the delivery, or what it begins with
	From, To  time.Time // of the event, From included
	EndedFrom time.Time // of the end, included: what is pending has none
}

// DeliveryRow is a line of a delivery log: a delivery with the names of what it belongs to.
type DeliveryRow struct {
	models.Delivery
	Endpoint     string
	EndpointHost string
	StackID      string
	StackName    string
	// Of the webhook: a pending delivery waits while it is disabled, and while its circuit is open.
	WebhookEnabled bool
	OpenUntil      time.Time `gorm:"serializer:micros"`
}

// Deliveries returns a page of the deliveries that the viewer may read, newest first. Cursors are ids of deliveries.
func (s *Store) Deliveries(ctx context.Context, v models.Viewer, f DeliveryFilter, page Page) (Listing[DeliveryRow], error) {
	db := s.reader(ctx)
	nothing := Listing[DeliveryRow]{Rows: []DeliveryRow{}}
	q, err := f.search(db, v)
	if err != nil || q.nothing {
		return nothing, err
	}
	l, err := q.list(db, page)
	if holdsNoText(err) {
		return nothing, nil
	}
	return l, unavailable(err)
}

// DeliveriesNamed returns those of a few deliveries that are there and that the viewer reads, newest first.
func (s *Store) DeliveriesNamed(ctx context.Context, v models.Viewer, ids []string) ([]DeliveryRow, error) {
	rows, err := logRows(s.reader(ctx), ids)
	return slices.DeleteFunc(rows, func(r DeliveryRow) bool { return !v.Reads(r.StackKey) }), err
}

// Delivery returns one delivery of a stack.
func (s *Store) Delivery(ctx context.Context, stack models.Stack, id string) (models.Delivery, error) {
	return first[models.Delivery](s.reader(ctx).Where("id = ? AND stack_key = ?", id, stack.Key))
}

// Attempts returns the attempts of a delivery with what went over the wire, newest first.
func (s *Store) Attempts(ctx context.Context, d models.Delivery) ([]models.Attempt, error) {
	return all[models.Attempt](s.reader(ctx).Where("delivery_id = ?", d.ID).Order("number DESC"))
}

// AttemptPage returns a page of the attempts of a delivery, newest first. Cursors are numbers of attempts, in decimal.
func (s *Store) AttemptPage(ctx context.Context, d models.Delivery, page Page) (Listing[models.Attempt], error) {
	for _, cursor := range []string{page.Older, page.Newer} {
		if _, err := strconv.ParseInt(cursor, 10, 64); cursor != "" && err != nil {
			return Listing[models.Attempt]{}, models.Invalid{{Field: "cursor", Message: "This is not a cursor of this list. Start from its first page."}}
		}
	}
	return list(s.reader(ctx).Where("delivery_id = ?", d.ID), "number", page, func(a models.Attempt) string { return strconv.Itoa(a.Number) })
}

// RunDeliveries returns all deliveries of a run, by state version and webhook.
func (s *Store) RunDeliveries(ctx context.Context, run models.Run) ([]models.Delivery, error) {
	return all[models.Delivery](s.reader(ctx).Where("run_key = ?", run.Key).Order("state_version, webhook_id"))
}

// RunWebhooks returns the webhooks that a run's deliveries went to, deleted ones included, oldest first.
func (s *Store) RunWebhooks(ctx context.Context, run models.Run) ([]models.Webhook, error) {
	return all[models.Webhook](s.reader(ctx).
		Where("id IN (SELECT webhook_id FROM deliveries WHERE run_key = ?)", run.Key).Order("id"))
}

// RunTally is how the deliveries of a run stand.
type RunTally map[models.Status]int

// RunTallies counts the deliveries of each run by status, by the runs' keys.
func (s *Store) RunTallies(ctx context.Context, runs []models.Run) (map[int64]RunTally, error) {
	keys := []int64{0}
	for _, r := range runs {
		keys = append(keys, r.Key)
	}
	var rows []struct {
		RunKey int64
		Status models.Status
		N      int
	}
	err := s.reader(ctx).Raw(`SELECT run_key, status, COUNT(*) AS n FROM deliveries WHERE run_key IN ? GROUP BY run_key, status`, keys).Scan(&rows).Error
	tallies := map[int64]RunTally{}
	for _, r := range rows {
		if tallies[r.RunKey] == nil {
			tallies[r.RunKey] = RunTally{}
		}
		tallies[r.RunKey][r.Status] = r.N
	}
	return tallies, unavailable(err)
}

// maxCount is where counting stops: beyond it a page says "more than 10,000".
const maxCount = 10_001

// PendingDeliveries counts the webhook's pending deliveries, up to 10,001.
func (s *Store) PendingDeliveries(ctx context.Context, webhookID string) (int, error) {
	var n int
	err := s.reader(ctx).Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE webhook_id = ? AND status = 'pending' LIMIT ?) AS counted`,
		webhookID, maxCount).Scan(&n).Error
	return n, unavailable(err)
}

// awaitAgain is when a delivery is looked at again of which this process hears nothing: another one may be sending it.
const awaitAgain = time.Second

// AwaitEnd waits until a delivery has ended, or until the context ends, and returns it as it is then.
func (s *Store) AwaitEnd(ctx context.Context, stack models.Stack, id string) (models.Delivery, error) {
	for {
		changes := s.changes() // before reading, so that no change is missed
		d, err := s.Delivery(context.WithoutCancel(ctx), stack, id)
		if err != nil || d.Status != models.Pending {
			return d, err
		}
		select {
		case <-changes:
		case <-time.After(awaitAgain):
		case <-ctx.Done():
			return d, nil
		}
	}
}
