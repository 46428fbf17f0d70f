package ui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Ago says how long before now an instant was, as a person would: "just now", "2 min ago", "3 h ago", "yesterday 09:12",
// "12 Sep", "12 Sep 2025"; and what is to come: "in 8 min", "in 2 h", "tomorrow 09:12". Days are those of UTC.
func Ago(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	at, now = at.UTC(), now.UTC()
	if at.After(now) {
		return until(at, now)
	}
	switch past := now.Sub(at); {
	case past < time.Minute:
		return "just now"
	case past < time.Hour:
		return strconv.Itoa(int(past/time.Minute)) + " min ago"
	case past < 12*time.Hour || days(at, now) == 0:
		return strconv.Itoa(int(past/time.Hour)) + " h ago"
	case days(at, now) == 1:
		return "yesterday " + at.Format("15:04")
	}
	return day(at, now)
}

// Since says from when on something has been so: "14:30", "yesterday 09:12", "12 Sep". Days are those of UTC.
func Since(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	switch days(at, now) {
	case 0:
		return at.Format("15:04")
	case 1:
		return "yesterday " + at.Format("15:04")
	}
	return day(at, now)
}

func until(at, now time.Time) string {
	switch ahead := at.Sub(now); {
	case ahead < time.Second:
		return "now"
	case ahead < time.Minute:
		return "in " + strconv.Itoa(int(ahead/time.Second)) + " s"
	case ahead < time.Hour:
		return "in " + strconv.Itoa(int(ahead/time.Minute)) + " min"
	case ahead < 12*time.Hour || days(now, at) == 0:
		return "in " + strconv.Itoa(int(ahead/time.Hour)) + " h"
	case days(now, at) == 1:
		return "tomorrow " + at.Format("15:04")
	}
	return day(at, now)
}

// days counts the midnights between two instants in UTC.
func days(from, to time.Time) int {
	return int(to.Truncate(24*time.Hour).Sub(from.Truncate(24*time.Hour)) / (24 * time.Hour))
}

func day(at, now time.Time) string {
	if at.Year() == now.Year() {
		return at.Format("2 Jan")
	}
	return at.Format("2 Jan 2006")
}

// Exact is an instant to the second, for titles: "2026-10-06 14:30:04 UTC".
func Exact(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// Instant is an instant to the second, for reading: "6 Oct 2026, 14:30:04".
func Instant(at time.Time) string { return at.UTC().Format("2 Jan 2006, 15:04:05") }

// Clock is the time of day of an instant: "14:30:04".
func Clock(at time.Time) string { return at.UTC().Format("15:04:05") }

// Duration says how long something took or will take, with as much as matters: "84 ms", "2.19 s", "48 s", "2 min 36 s",
// "5 h", "3 d 2 h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < time.Millisecond:
		return "<1 ms"
	case d < 999500*time.Microsecond:
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
	case d < 9995*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
	case d < time.Minute-time.Second/2:
		return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + " s"
	case d < time.Hour-time.Second/2:
		return two(d.Round(time.Second), time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour-time.Minute/2:
		return two(d.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	}
	return two(d.Round(time.Hour), 24*time.Hour, "d", time.Hour, "h")
}

func two(d, large time.Duration, largeWord string, small time.Duration, smallWord string) string {
	text := strconv.Itoa(int(d/large)) + " " + largeWord
	if rest := d % large / small; rest > 0 {
		text += " " + strconv.Itoa(int(rest)) + " " + smallWord
	}
	return text
}

// Milliseconds is a duration for a column in which all have one unit: "2,135 ms".
func Milliseconds(d time.Duration) string {
	if d > 0 && d < time.Millisecond {
		return "<1 ms"
	}
	return humanize.Comma(d.Round(time.Millisecond).Milliseconds()) + " ms"
}

// Bytes is a size: "745 bytes", "16 KiB", "1.2 MiB".
func Bytes(n int64) string {
	switch {
	case n == 1:
		return "1 byte"
	case n < 1024:
		return strconv.FormatInt(max(n, 0), 10) + " bytes"
	}
	return humanize.IBytes(uint64(n))
}

// Count is a number with its thousands marked: "1,204".
func Count(n int) string { return humanize.Comma(int64(n)) }

// Counted is a number with its thing: "1 webhook", "3 webhooks". Pass the plural where it is not the noun and an s.
func Counted(n int, noun string, plural ...string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case len(plural) > 0:
		return Count(n) + " " + plural[0]
	}
	return Count(n) + " " + noun + "s"
}

// Initials are the first letters of the first and the last word of a name or of an email address, for an avatar.
func Initials(name string) string {
	name, _, _ = strings.Cut(name, "@")
	words := strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '.' || r == '-' || r == '_' })
	if len(words) == 0 {
		return "?"
	}
	first := string([]rune(words[0])[:1])
	if len(words) > 1 {
		first += string([]rune(words[len(words)-1])[:1])
	}
	return strings.ToUpper(first)
}

// headOf returns a text without its end, by which addresses differ: the last part of a path, or as much of it as is short.
func headOf(text string) string {
	const long = 20
	path := strings.IndexByte(text, '/')
	if path < 0 {
		return text
	}
	runes := []rune(text)
	for i := max(len(runes)-long, len([]rune(text[:path]))); i < len(runes)-1; i++ {
		if runes[i] == '/' && !slices.Contains(runes[i+1:len(runes)-1], '/') {
			return string(runes[:i])
		}
	}
	return string(runes[:max(len(runes)-long/2, 0)])
}
