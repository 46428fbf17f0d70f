package views

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"stackhook/models"
)

// chartOf has a tally for each string: delivered, skipped and failed, or "" for none.
func chartOf(steps ...[3]int64) Charts {
	c := Charts{Span: models.Spans[0]}
	for i, n := range steps {
		t := models.Tally{At: time.Date(2026, 10, 6, 12, i, 0, 0, time.UTC)}
		t.Ended(models.Delivered, 80*time.Millisecond, n[0])
		t.Ended(models.Skipped, 0, n[1])
		t.Ended(models.Failed, 0, n[2])
		c.Tallies = append(c.Tallies, t)
	}
	return c
}

func TestBarsOfAChart(t *testing.T) {
	t.Parallel()
	o := chartOf([3]int64{}, [3]int64{3, 1, 0}, [3]int64{0, 0, 4}, [3]int64{2, 0, 0}).outcomes()
	if o.Axis != "61" { // four up and four down share 114 px
		t.Errorf("the axis is at %s", o.Axis)
	}
	want := []bar{
		{"series-delivered", "28.5%", "18.25", "18%", "42.75"},
		{"series-skipped", "34.5%", "4", "6%", "14.25"},
		{"series-failed", "53.5%", "62", "18%", "57"},
		{"series-delivered", "78.5%", "32.5", "18%", "28.5"},
	}
	if !slices.Equal(o.Bars, want) {
		t.Errorf("%+v", o.Bars)
	}
	if labels := []plotLabel{{"4", "4"}, {"61", "0"}, {"32.5", "2"}}; !slices.Equal(o.Labels, labels) {
		t.Errorf("%+v", o.Labels)
	}
}

func TestOneFailureAmongThousandsIsSeen(t *testing.T) {
	t.Parallel()
	bars := chartOf([3]int64{50_000, 0, 1}).outcomes().Bars
	if last := bars[len(bars)-1]; last.Class != "series-failed" || last.Height != "2" {
		t.Errorf("%+v", last)
	}
}

func TestNumbersBesideAPlot(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{1: "1", 3: "4", 5: "5", 6: "10", 11: "20", 380: "400", 9_001: "10k", 41_000: "50k", 3_900_000: "4M"} {
		if got := short(ceiling(n)); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// A line breaks off where nothing was delivered; a point alone is still seen.
func TestLinesOfDurations(t *testing.T) {
	t.Parallel()
	one, none := [3]int64{1, 0, 0}, [3]int64{0, 5, 5}
	y := number(tookY(75 * time.Millisecond)) // half of the place from 50 to 100 ms
	got := chartOf(one, one, none, one).line(50)
	if want := []string{"0," + y + " 1," + y, "3," + y + " 3.01," + y}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for took, want := range map[time.Duration]float64{0: plotEnd, time.Millisecond: plotEnd, 100 * time.Millisecond: (plotTop + plotEnd) / 2, 10 * time.Second: plotTop, time.Hour: plotTop} {
		if got := tookY(took); got < want-0.001 || got > want+0.001 {
			t.Errorf("%v is at %v, want %v", took, got, want)
		}
	}
}

func TestDurationsInWords(t *testing.T) {
	t.Parallel()
	slow := models.Tally{}
	slow.Ended(models.Delivered, time.Minute, 1)
	fast := chartOf([3]int64{1, 0, 0}).total()
	for want, tally := range map[string]models.Tally{"over 10 s": slow, "–": {Failed: 3}, "75 ms": fast} {
		if got := tookWords(tally, 50); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTableOfAChartAddsSteps(t *testing.T) {
	t.Parallel()
	c := chartOf(make([][3]int64, 60)...)
	for i := range c.Tallies {
		c.Tallies[i].Failed = 1
	}
	rows := c.tableRows()
	if len(rows) != 12 || rows[3].Failed != 5 || c.stepWords(rows[3].At) != "12:15" {
		t.Errorf("%d rows, %+v", len(rows), rows)
	}
}

func TestSpansKeepTheFilter(t *testing.T) {
	t.Parallel()
	c := Charts{Path: "/deliveries", Filter: url.Values{"status": {"failed"}}, Span: models.Spans[2]}
	for i, l := range c.links() {
		if !strings.HasPrefix(l.Href, "/deliveries?span="+models.Spans[i].Name) || !strings.HasSuffix(l.Href, "&status=failed") || l.Current != (i == 2) {
			t.Errorf("%+v", l)
		}
	}
	if c.Filter.Has("span") {
		t.Error("the filter was changed")
	}
}
