package views_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/views"
)

// gridOf lays out a run in which each string is one webhook, each of its words one state: "." is no delivery, "p", "f"
// and "s" are statuses, a number is how many seconds after the run's beginning the state arrived. States are 10 s apart.
func gridOf(webhooks ...string) views.RunGrid {
	var (
		events     []models.Event
		hooks      []models.Webhook
		deliveries []models.Delivery
	)
	for v := range strings.Fields(webhooks[0]) {
		events = append(events, models.Event{ID: fmt.Sprint("e", v), StateVersion: int64(v), At: int64(1000 + 10*v)})
	}
	statuses := map[string]models.Status{"p": models.Pending, "f": models.Failed, "s": models.Skipped}
	for w, cells := range webhooks {
		hooks = append(hooks, models.Webhook{ID: fmt.Sprint("w", w)})
		for v, word := range strings.Fields(cells) {
			d := models.Delivery{EventID: events[v].ID, WebhookID: hooks[w].ID, Status: models.Delivered, CreatedAt: noon.Add(time.Duration(10*v) * time.Second)}
			var after int
			switch _, err := fmt.Sscan(word, &after); {
			case word == ".":
				continue
			case err == nil:
				d.FirstDelivered = noon.Add(time.Duration(after) * time.Second)
			default:
				d.Status = statuses[word]
			}
			deliveries = append(deliveries, d)
		}
	}
	return views.NewRunGrid(events, hooks, deliveries)
}

// drawn writes a column the way a test wants it: arrivals with their time to delivery and what overtook them.
func drawn(g views.RunGrid, column int) string {
	var out []string
	for _, row := range g.Rows {
		cell := row.Cells[column]
		switch {
		case cell.Delivery == nil:
			out = append(out, ".")
		case !cell.Arrived():
			out = append(out, string(cell.Delivery.Status)[:1])
		case cell.Overtaken:
			out = append(out, fmt.Sprintf("%v>v%d", cell.Took, cell.By))
		default:
			out = append(out, cell.Took.String())
		}
	}
	return strings.Join(out, " ")
}

func TestRunGridMarksWhatArrivedLate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ column, want string }{
		{"1 11 21", "1s 1s 1s"},
		{"1 25 21", "1s 15s>v2 1s"},
		{"1 11 156 31 41 51", "1s 1s 2m16s>v5 1s 1s 1s"},
		{"60 11 25", "1m0s>v2 1s 5s"},
		{"50 40 30", "50s>v2 30s>v2 10s"},
		{"1 p 21 f", "1s p 1s f"}, // what has not arrived has not arrived late
		{"15 15", "15s 5s"},       // at the same moment is not after
		{". . 25 s s", ". . 5s s s"},
	} {
		if got := drawn(gridOf(c.column), 0); got != c.want {
			t.Errorf("%s: got %s, want %s", c.column, got, c.want)
		}
	}
}

func TestRunGridCountsEachWebhookAlone(t *testing.T) {
	t.Parallel()
	g := gridOf("1 11 21 31", "p p f .", ". 12 s s", "40 . 22 32")
	want := [][4]int{{4, 0, 0, 0}, {0, 2, 1, 0}, {1, 0, 0, 2}, {3, 0, 0, 0}}
	for i, c := range g.Columns {
		if got := [4]int{c.Arrived, c.Pending, c.Failed, c.Skipped}; got != want[i] {
			t.Errorf("webhook %d: got %v, want %v", i, got, want[i])
		}
	}
	if missing, total := g.Missing(); missing != 5 || total != 13 {
		t.Errorf("%d of %d are missing, not 5 of 13", missing, total)
	}
	if got := drawn(g, 3); got != "40s>v3 . 2s 2s" {
		t.Errorf("another webhook's arrivals count: %s", got)
	}
}

func TestRunGridTellsWhatAReceiverKnows(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]string{
		"1 11 21": "2, 0 behind",
		"1 11 p":  "1, 1 behind",
		"1 p f":   "0, 2 behind",
		"p 11 p":  "1, 1 behind",
		"1 . .":   "0, 2 behind", // it was deleted then
		"p f s":   "nothing, 3 behind",
	} {
		c := gridOf(column).Columns[0]
		known := "nothing"
		if c.Confirmed != nil {
			known = fmt.Sprint(c.Confirmed.StateVersion)
		}
		if got := fmt.Sprintf("%s, %d behind", known, c.Behind); got != want {
			t.Errorf("%s: %s, want %s", column, got, want)
		}
	}
}

func TestRunGridGoesByTheFirstDelivery(t *testing.T) {
	t.Parallel()
	d := models.Delivery{EventID: "e", WebhookID: "w", Status: models.Failed, CreatedAt: noon, FirstDelivered: noon.Add(time.Second), RedeliveredAt: noon.Add(time.Hour)}
	g := views.NewRunGrid([]models.Event{{ID: "e"}}, []models.Webhook{{ID: "w"}}, []models.Delivery{d})
	if missing, _ := g.Missing(); missing != 0 || g.Rows[0].Cells[0].Took != time.Second {
		t.Errorf("a failed redelivery of what had arrived counts as missing: %+v", g)
	}
}

func TestRunGridTimesStates(t *testing.T) {
	t.Parallel()
	g := views.NewRunGrid([]models.Event{{At: 100}, {At: 103}, {At: 90}, {At: 90}}, nil, nil)
	for i, want := range []time.Duration{3 * time.Second, 0, 0, 0} { // clocks of pipelines may step back
		if g.Rows[i].Lasted != want {
			t.Errorf("state %d lasted %v, not %v", i, g.Rows[i].Lasted, want)
		}
	}
}
