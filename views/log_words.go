package views

import (
	"net/url"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/views/ui"
)

// LogFilter is what narrows a log, as it stands in the address; "" narrows nothing.
type LogFilter struct {
	Status, State, Reason, Webhook, Stack, Run string
	Code                                       string // exact, or a class such as "5xx"
	ID                                         string // of a delivery, or what it begins with
	Time                                       string // one of LogTimes, of events, or after EndedWithin of ends
	From, To                                   string
	Query                                      string // an id of a run or of a delivery, as typed
}

// FieldTime is how a field for date and time writes one, to the minute.
const FieldTime = "2006-01-02T15:04"

// FieldTimeOf writes a time for such a field, to the second where it has any; "" for the zero time.
func FieldTimeOf(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Second() != 0:
		return t.UTC().Format(FieldTime + ":05")
	}
	return t.UTC().Format(FieldTime)
}

// LogTimes are the times back from now that a log can be narrowed to.
var LogTimes = map[string]time.Duration{"1h": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}

// EndedWithin begins the name of a time in which deliveries ended. Those that were given up may be of events long before.
const EndedWithin = "ended-"

func timeOptions() []ui.Option {
	return []ui.Option{
		{Label: "Any time"},
		{Value: "1h", Label: "Last hour"},
		{Value: "24h", Label: "Last 24 hours"},
		{Value: "7d", Label: "Last 7 days"},
		{Value: "30d", Label: "Last 30 days"},
	}
}

// logTimeOptions are those of deliveries, which also end.
func logTimeOptions() []ui.Option {
	return append(timeOptions(),
		ui.Option{Value: EndedWithin + "24h", Label: "Ended in the last 24 hours"},
		ui.Option{Value: EndedWithin + "7d", Label: "Ended in the last 7 days"},
		ui.Option{Value: EndedWithin + "30d", Label: "Ended in the last 30 days"})
}

// Values are the fields of the address.
func (f LogFilter) Values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{
		"status": f.Status, "state": f.State, "reason": f.Reason, "code": f.Code, "webhook": f.Webhook, "stack": f.Stack,
		"run": f.Run, "id": f.ID, "q": f.Query, "time": f.Time, "from": f.From, "to": f.To,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// Any reports whether the filter narrows anything.
func (f LogFilter) Any() bool { return f != LogFilter{} }

// WithQuery is a path with a query, if there is any.
func WithQuery(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// shownID is what stands in the field for an id: what was typed, or what it turned out to be.
func (f LogFilter) shownID() string {
	switch {
	case f.Query != "":
		return f.Query
	case f.ID != "":
		return f.ID
	}
	return f.Run
}

// LookedFor says the filter in words.
func (l Log) LookedFor() string {
	f := l.Filter
	var words filterWords
	words.add(f.Status, "status "+f.Status)
	words.add(f.State, "state "+f.State)
	words.add(f.Reason, "response “"+ReasonWords(models.Reason(f.Reason))+"”")
	words.add(f.Code, "status code "+f.Code)
	words.add(f.Webhook, "webhook "+l.webhookName())
	words.add(f.Stack, "stack "+f.Stack)
	words.add(f.Run, "run "+f.Run)
	words.add(f.ID, "delivery "+f.ID)
	words.add(f.Query, "id "+f.Query)
	words.addTimes(f.Time, f.From, f.To)
	return strings.Join(words, ", ")
}

// filterWords say what a list is narrowed to.
type filterWords []string

// add adds a text unless what it is about is not set.
func (w *filterWords) add(set, text string) {
	if set != "" {
		*w = append(*w, ui.VisibleLine(text))
	}
}

func (w *filterWords) addTimes(span, from, to string) {
	for _, o := range logTimeOptions() {
		if words := strings.ToLower(o.Label); o.Value == span {
			if !strings.HasPrefix(span, EndedWithin) {
				words = "the " + words
			}
			w.add(span, words)
		}
	}
	w.add(from, "from "+timeWords(from))
	w.add(to, "before "+timeWords(to))
}

func timeWords(field string) string { return strings.Replace(field, "T", " ", 1) + " UTC" }

func (l Log) webhookName() string {
	for _, w := range l.Webhooks {
		if w.ID == l.Filter.Webhook {
			return w.EndpointHost
		}
	}
	return l.Filter.Webhook
}
