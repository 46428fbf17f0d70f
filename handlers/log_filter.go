package handlers

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/oklog/ulid/v2"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// logFilter reads the filter of a delivery log from an address.
func logFilter(query url.Values) views.LogFilter {
	field := func(name string) string { return readable(query.Get(name)) }
	return views.LogFilter{
		Status: field("status"), State: field("state"), Reason: field("reason"), Code: field("code"),
		Webhook: field("webhook"), Stack: field("stack"), Run: field("run"), ID: field("id"), Query: field("q"),
		Time: field("time"), From: field("from"), To: field("to"),
	}
}

// readable returns what was typed as a page can show it again. Nothing that a log is narrowed by has what it leaves out, so
// the text that is left is refused like the whole.
func readable(text string) string {
	const most = 100 // characters: more than any id, time or word has
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(strings.TrimSpace(text), string(unicode.ReplacementChar)))
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most]) + "…"
	}
	return text
}

// parseLogFilter returns what a filter asks the store for, or what is wrong with it: for pages and API. The stack is that of
// the log, nil in the log of all stacks: there the filter may name one of them.
func parseLogFilter(f views.LogFilter, stack *models.Stack, stacks []models.Stack, now time.Time) (store.DeliveryFilter, models.Invalid) {
	var bad models.Invalid
	filter := store.DeliveryFilter{Stack: stack, Status: models.Status(f.Status), State: models.State(f.State), Reason: models.Reason(f.Reason)}
	if f.Status != "" && !filter.Status.Known() {
		bad.Add("status", "Choose a status of those above.")
	}
	if f.State != "" && !filter.State.Known() {
		bad.Add("state", "Choose a state from the list.")
	}
	if f.Reason != "" && !slices.Contains(models.Reasons(), filter.Reason) {
		bad.Add("reason", "Choose a response from the list.")
	}
	if f.Stack != "" && stack == nil {
		if filter.Stack = findStack(stacks, f.Stack); filter.Stack == nil {
			bad.Add("stack", "Choose a stack from the list.")
		}
	}
	filter.Code, filter.CodeClass = parseCode(&bad, f.Code)
	parseIDs(&bad, &filter, f, now)
	span, ended := strings.CutPrefix(f.Time, views.EndedWithin)
	filter.From, filter.To = parseTimes(&bad, span, f.From, f.To, now)
	if ended {
		filter.EndedFrom, filter.From = filter.From, time.Time{}
	}
	return filter, bad
}

func findStack(stacks []models.Stack, id string) *models.Stack {
	for i, s := range stacks {
		if s.ID == id {
			return &stacks[i]
		}
	}
	return nil
}

// parseCode reads an exact status code, or a class of them such as 5xx.
func parseCode(bad *models.Invalid, text string) (code, class int) {
	if text == "" {
		return 0, 0
	}
	if digit, is := strings.CutSuffix(strings.ToLower(text), "xx"); is && len(digit) == 1 && digit >= "1" && digit <= "9" {
		return 0, int(digit[0] - '0')
	}
	code, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || code < 100 {
		bad.Add("code", "Enter a status code of three digits, such as 503, or a class of them, such as 5xx.")
	}
	return code, 0
}

// wholeID says what an id is that cannot be the beginning of one.
const wholeID = "Enter a whole id: 26 letters and digits. The short ones on pages are the ends of ids."

// parseIDs reads what is looked for by an id.
func parseIDs(bad *models.Invalid, filter *store.DeliveryFilter, f views.LogFilter, now time.Time) {
	for _, id := range []struct {
		field, text string
		to          *string
	}{{"webhook", f.Webhook, &filter.Webhook}, {"run", f.Run, &filter.Run}} {
		if *id.to = normalID(id.text); id.text != "" && *id.to == "" {
			bad.Add(id.field, wholeID)
		}
	}
	if filter.ID = idBegin(f.ID); f.ID != "" && filter.ID == "" {
		bad.Add("id", "Enter a delivery's id or what it begins with: up to 26 letters and digits.")
	}
	if f.Query == "" {
		return
	}
	// What begins no id yet is the end of one, copied from a page.
	if begin := idBegin(f.Query); begin == "" || begin > models.LeastID(now.Add(24*time.Hour)) {
		bad.Add("q", "Enter the whole id of a run or a delivery, or what a delivery's begins with. The short ones on pages are the ends of ids.")
	}
}

// normalID returns an id as it is stored, "" if the text is none.
func normalID(text string) string {
	id, err := ulid.ParseStrict(strings.ToUpper(text))
	if err != nil {
		return ""
	}
	return id.String()
}

// idBegin returns what an id begins with as it is stored, "" if none begins so.
func idBegin(text string) string {
	const least = "00000000000000000000000000"
	text = strings.ToUpper(text)
	if text == "" || len(text) > len(least) || normalID(text+least[len(text):]) == "" {
		return ""
	}
	return text
}

// parseTimes reads the time from and to which a log is shown, or for how long back.
func parseTimes(bad *models.Invalid, span, from, to string, now time.Time) (begin, end time.Time) {
	begin, end = parseInstant(bad, "from", from), parseInstant(bad, "to", to)
	if !begin.IsZero() && !end.IsZero() && !begin.Before(end) {
		bad.Add("to", "Enter a time after the one it begins from.")
	}
	if span == "" {
		return begin, end
	}
	back, known := views.LogTimes[span]
	switch {
	case !known:
		bad.Add("time", "Choose a time from the list.")
	case from != "" || to != "":
		bad.Add("time", "Choose a time from the list or enter exact times, not both.")
	}
	return now.Add(-back), end
}

// layouts are those of times: RFC 3339, and what a page's field for date and time sends, which is in UTC.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05", views.FieldTime}

// parseInstant reads a time of a filter. An empty text is the zero time.
func parseInstant(bad *models.Invalid, field, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds >= 0 && seconds <= models.LatestUnix {
		return time.Unix(seconds, 0).UTC()
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && t.Unix() >= 0 && t.Unix() <= models.LatestUnix {
			return t.UTC()
		}
	}
	bad.Add(field, "Enter a time from 1970 on such as 2026-10-06T14:30, which is in UTC, 2026-10-06T14:30:00+02:00, or Unix seconds.")
	return time.Time{}
}
