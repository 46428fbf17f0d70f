package views

import (
	"strings"
	"time"

	"stackhook/models"
)

// RunGrid is who got what of a run: its states, oldest first, against the webhooks that they went to. What has arrived
// is told by a delivery's first delivery, whatever a redelivery brought later.
type RunGrid struct {
	Columns []RunColumn
	Rows    []RunRow
}

// RunColumn is a webhook with how its deliveries of the run stand. Those that are not Arrived are in one of the others.
type RunColumn struct {
	Webhook                           models.Webhook
	Name                              string // its host, with the path where another column has that host too
	Arrived, Pending, Failed, Skipped int

	Confirmed *models.Event // the newest state that has arrived, nil if none has
	Behind    int           // how many states of the run are newer than that
}

// RunRow is a state of the run with a cell for each webhook.
type RunRow struct {
	Event  models.Event
	Lasted time.Duration // until the next state, as reported; 0 for the last one
	Cells  []RunCell
}

// RunCell is one state for one webhook.
type RunCell struct {
	Delivery *models.Delivery // nil if the webhook was not there when the state changed
	Took     time.Duration    // from the state change to its arrival
	// Overtaken says that a newer state had arrived before this one did; By is the newest of those.
	Overtaken bool
	By        int64
}

// NewRunGrid lays the deliveries of a run out. Events are in order of their versions.
func NewRunGrid(events []models.Event, webhooks []models.Webhook, deliveries []models.Delivery) RunGrid {
	type place struct{ event, webhook string }
	placed := map[place]*models.Delivery{}
	for i, d := range deliveries {
		placed[place{d.EventID, d.WebhookID}] = &deliveries[i]
	}
	grid := RunGrid{Columns: make([]RunColumn, len(webhooks)), Rows: make([]RunRow, len(events))}
	for i, e := range events {
		grid.Rows[i] = RunRow{Event: e, Lasted: lasted(events, i), Cells: make([]RunCell, len(webhooks))}
		for j, w := range webhooks {
			grid.Rows[i].Cells[j] = newCell(placed[place{e.ID, w.ID}])
		}
	}
	for j, w := range webhooks {
		grid.Columns[j].Webhook, grid.Columns[j].Name = w, columnName(w, webhooks)
		grid.tally(j)
		grid.markOvertaken(j)
	}
	return grid
}

// columnName is the shortest name that tells a webhook from the others.
func columnName(w models.Webhook, among []models.Webhook) string {
	for _, other := range among {
		if other.ID != w.ID && other.EndpointHost == w.EndpointHost {
			_, path, _ := strings.Cut(w.EndpointURL, w.EndpointHost)
			return w.EndpointHost + path
		}
	}
	return w.EndpointHost
}

// lasted is how long a state was the run's.
func lasted(events []models.Event, i int) time.Duration {
	if i+1 == len(events) {
		return 0
	}
	return max(0, time.Duration(events[i+1].At-events[i].At)*time.Second)
}

func newCell(d *models.Delivery) RunCell {
	cell := RunCell{Delivery: d}
	if cell.Arrived() {
		cell.Took = d.FirstDelivered.Sub(d.CreatedAt)
	}
	return cell
}

// Arrived reports whether the webhook's receiver has the state.
func (c RunCell) Arrived() bool { return c.Delivery != nil && !c.Delivery.FirstDelivered.IsZero() }

func (g RunGrid) tally(column int) {
	col := &g.Columns[column]
	for i, row := range g.Rows {
		col.Behind++
		switch cell := row.Cells[column]; {
		case cell.Delivery == nil:
		case cell.Arrived():
			col.Arrived++
			col.Confirmed, col.Behind = &g.Rows[i].Event, 0
		case cell.Delivery.Status == models.Pending:
			col.Pending++
		case cell.Delivery.Status == models.Skipped:
			col.Skipped++
		default:
			col.Failed++
		}
	}
}

// markOvertaken finds what arrived after something newer.
func (g RunGrid) markOvertaken(column int) {
	for i := range g.Rows {
		cell := &g.Rows[i].Cells[column]
		for _, newer := range g.Rows[i+1:] {
			other := newer.Cells[column]
			if cell.Arrived() && other.Arrived() && other.Delivery.FirstDelivered.Before(cell.Delivery.FirstDelivered) {
				cell.Overtaken, cell.By = true, newer.Event.StateVersion
			}
		}
	}
}

// Missing is how many of the webhook's deliveries have not arrived.
func (c RunColumn) Missing() int { return c.Pending + c.Failed + c.Skipped }

// Missing is how many deliveries of the run have not arrived, and of how many.
func (g RunGrid) Missing() (missing, total int) {
	for _, c := range g.Columns {
		missing += c.Missing()
		total += c.Arrived + c.Missing()
	}
	return missing, total
}
