package views

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/views/ui"
)

// Charts are how the deliveries of a log ended over a span up to now, and how long the receivers took.
type Charts struct {
	Path    string // of the log
	Filter  url.Values
	Span    models.Span
	Tallies []models.Tally // one for each step, oldest first
}

// spanWords are the spans in words: as a link, and in a title.
var spanWords = map[string][2]string{
	"1h": {"1 h", "last hour"}, "24h": {"24 h", "last 24 hours"}, "7d": {"7 d", "last 7 days"}, "30d": {"30 d", "last 30 days"},
}

// links choose the span.
func (c Charts) links() []ui.Link {
	var links []ui.Link
	for _, s := range models.Spans {
		links = append(links, ui.Link{Label: spanWords[s.Name][0], Href: c.href(s), Current: s.Name == c.Span.Name})
	}
	return links
}

// href is the log's address with a span.
func (c Charts) href(s models.Span) string {
	values := url.Values{}
	maps.Copy(values, c.Filter)
	values.Set("span", s.Name)
	return WithQuery(c.Path, values)
}

// total is of the whole span.
func (c Charts) total() (sum models.Tally) {
	for _, t := range c.Tallies {
		sum.Add(t)
	}
	return sum
}

// The plots are 124 px high, see .plot-svg; what is drawn leaves room for half a line of text at both ends.
const plotTop, plotEnd = 4.0, 118.0

// bar is a rectangle of a chart: its place across in per cent, the rest in px.
type bar struct {
	Class               string
	X, Y, Width, Height string
}

// outcomes is the geometry of the chart of ends: what was delivered stands on the axis, with what was skipped on top of it;
// what failed hangs below.
type outcomes struct {
	Bars   []bar
	Axis   string // its height
	Labels []plotLabel
}

// plotLabel is a number beside a plot, with a line across it.
type plotLabel struct{ Y, Text string }

func (c Charts) outcomes() outcomes {
	var up, down int64
	for _, t := range c.Tallies {
		up, down = max(up, t.Delivered+t.Skipped), max(down, t.Failed)
	}
	most := ceiling(max(up, 1))
	scale := (plotEnd - plotTop) / float64(most+down)
	axis := plotTop + float64(most)*scale
	o := outcomes{Axis: number(axis), Labels: []plotLabel{{number(plotTop), short(most)}, {number(axis), "0"}}}
	if most%2 == 0 {
		o.Labels = append(o.Labels, plotLabel{number((plotTop + axis) / 2), short(most / 2)})
	}
	width := 100 / float64(len(c.Tallies))
	for i, t := range c.Tallies {
		x := float64(i) * width
		add := func(class string, n int64, from, across float64) float64 {
			if n == 0 {
				return 0
			}
			height := max(float64(n)*scale, 2) // one among thousands is seen, too
			o.Bars = append(o.Bars, bar{
				"series-" + class, number(x+width*(1-across)/2) + "%", number(from), number(width*across) + "%", number(height),
			})
			if class != "failed" {
				last := &o.Bars[len(o.Bars)-1]
				last.Y = number(from - height)
			}
			return height
		}
		stands := add("delivered", t.Delivered, axis, 0.72)
		add("skipped", t.Skipped, axis-stands, 0.24)
		add("failed", t.Failed, axis+1, 0.72)
	}
	return o
}

// ceiling is the next round number: 1, 2, 4, 5 or 10 times a power of ten.
func ceiling(n int64) int64 {
	for power := int64(1); ; power *= 10 {
		for _, step := range []int64{1, 2, 4, 5, 10} {
			if step*power >= n {
				return step * power
			}
		}
	}
}

// short is a number that fits beside a plot: 950, 20k, 4M.
func short(n int64) string {
	switch {
	case n >= 1_000_000:
		return number(float64(n)/1_000_000) + "M"
	case n >= 10_000:
		return number(float64(n)/1000) + "k"
	}
	return fmt.Sprint(n)
}

func number(f float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", f), "0"), ".")
}

// percentiles are those that the second chart shows.
var percentiles = []struct {
	of          float64
	Name, Class string
}{{50, "p50", "line-p50"}, {95, "p95", "line-p95"}, {99, "p99", "line-p99"}}

// tookLabels are where the plot of durations, which is logarithmic, has its lines.
var tookLabels = []plotLabel{
	{number(tookY(time.Millisecond)), "1 ms"},
	{number(tookY(10 * time.Millisecond)), "10 ms"},
	{number(tookY(100 * time.Millisecond)), "100 ms"},
	{number(tookY(time.Second)), "1 s"},
	{number(tookY(10 * time.Second)), "10 s"},
}

// tookY is the height of a duration: from one millisecond to ten seconds, each tenfold as far from the last.
func tookY(d time.Duration) float64 {
	decades := math.Log10(max(d.Seconds()*1000, 1))
	return plotEnd - min(decades, 4)/4*(plotEnd-plotTop)
}

// line are the points of one percentile's line where something was delivered: a line for each stretch of steps.
func (c Charts) line(percent float64) []string {
	var lines []string
	var points []string
	end := func() {
		if len(points) == 1 { // a point alone is drawn as a short line
			x, y, _ := strings.Cut(points[0], ",")
			points = append(points, x+".01,"+y)
		}
		if len(points) > 0 {
			lines = append(lines, strings.Join(points, " "))
		}
		points = nil
	}
	for i, t := range c.Tallies {
		took, any := t.Percentile(percent)
		if !any {
			end()
			continue
		}
		points = append(points, fmt.Sprintf("%d,%s", i, number(tookY(took))))
	}
	end()
	return lines
}

// tookWords is a percentile in words: "84 ms", "more than 10 s", or "–" where nothing was delivered.
func tookWords(t models.Tally, percent float64) string {
	took, any := t.Percentile(percent)
	switch longest := models.TookBounds[len(models.TookBounds)-1]; {
	case !any:
		return "–"
	case took >= longest && t.Took[len(models.TookBounds)] > 0:
		return "over " + ui.Duration(longest)
	}
	return ui.Duration(took)
}

// tableRows adds steps up to at most a dozen rows.
func (c Charts) tableRows() []models.Tally {
	each := (len(c.Tallies) + 11) / 12
	var rows []models.Tally
	for i, t := range c.Tallies {
		if i%each == 0 {
			rows = append(rows, models.Tally{At: t.At})
		}
		rows[len(rows)-1].Add(t)
	}
	return rows
}

// stepWords names the time at which a step begins.
func (c Charts) stepWords(at time.Time) string {
	if c.Span.Step >= 6*time.Hour {
		return at.UTC().Format("2 Jan, 15:04")
	}
	return at.UTC().Format("15:04")
}

// ticks are the words below a plot: where it begins, its middle, and now.
func (c Charts) ticks() []string {
	var words []string
	for _, i := range []int{0, len(c.Tallies) / 4, len(c.Tallies) / 2, len(c.Tallies) * 3 / 4} {
		at := c.Tallies[i].At
		if c.Span.Step >= 6*time.Hour {
			words = append(words, at.UTC().Format("2 Jan"))
		} else {
			words = append(words, at.UTC().Format("15:04"))
		}
	}
	return append(words, "now")
}
