package ui

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 10, 6, 14, 31, 0, 0, time.UTC) // a Tuesday afternoon

func TestAgo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Time{}, "never"},
		{noon, "just now"},
		{noon.Add(-59 * time.Second), "just now"},
		{noon.Add(-time.Minute), "1 min ago"},
		{noon.Add(-2*time.Minute - 59*time.Second), "2 min ago"},
		{noon.Add(-59*time.Minute - 59*time.Second), "59 min ago"},
		{noon.Add(-time.Hour), "1 h ago"},
		{noon.Add(-14*time.Hour - 30*time.Minute), "14 h ago"}, // today, just after midnight
		{noon.Add(-14*time.Hour - 32*time.Minute), "yesterday 23:59"},
		{time.Date(2026, 10, 5, 9, 12, 0, 0, time.UTC), "yesterday 09:12"},
		{time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC), "yesterday 00:00"},
		{time.Date(2026, 10, 4, 23, 59, 0, 0, time.UTC), "4 Oct"},
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "1 Jan"},
		{time.Date(2025, 12, 31, 23, 59, 0, 0, time.UTC), "31 Dec 2025"},
		{noon.In(time.FixedZone("", 9*3600)), "just now"},
		{noon.Add(500 * time.Millisecond), "now"},
		{noon.Add(24 * time.Second), "in 24 s"},
		{noon.Add(8*time.Minute + 30*time.Second), "in 8 min"},
		{noon.Add(2 * time.Hour), "in 2 h"},
		{noon.Add(10 * time.Hour), "in 10 h"},
		{noon.Add(20 * time.Hour), "tomorrow 10:31"},
		{noon.Add(72 * time.Hour), "9 Oct"},
		{noon.Add(100 * 24 * time.Hour), "14 Jan 2027"},
	} {
		if got := Ago(c.at, noon); got != c.want {
			t.Errorf("%v: %q, want %q", c.at, got, c.want)
		}
	}
}

// Shortly after midnight, an hour ago is still an hour ago.
func TestAgoAcrossMidnight(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 6, 0, 30, 0, 0, time.UTC)
	if got := Ago(now.Add(-time.Hour), now); got != "1 h ago" {
		t.Errorf("an hour ago is %q", got)
	}
	if got := Ago(now.Add(-13*time.Hour), now); got != "yesterday 11:30" {
		t.Errorf("13 hours ago are %q", got)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{noon, "14:31"},
		{time.Date(2026, 10, 6, 0, 0, 0, 0, time.UTC), "00:00"},
		{time.Date(2026, 10, 5, 23, 59, 0, 0, time.UTC), "yesterday 23:59"},
		{time.Date(2026, 10, 4, 23, 59, 0, 0, time.UTC), "4 Oct"},
		{time.Date(2025, 12, 31, 23, 59, 0, 0, time.UTC), "31 Dec 2025"},
	} {
		if got := Since(c.at, noon); got != c.want {
			t.Errorf("Since(%s) = %q, want %q", c.at, got, c.want)
		}
	}
}

func TestInstants(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 6, 16, 30, 4, 999, time.FixedZone("CEST", 2*3600))
	for got, want := range map[string]string{
		Exact(at):   "2026-10-06 14:30:04 UTC",
		Instant(at): "6 Oct 2026, 14:30:04",
		Clock(at):   "14:30:04",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second:                            "–",
		0:                                       "<1 ms",
		999 * time.Microsecond:                  "<1 ms",
		time.Millisecond:                        "1 ms",
		84400 * time.Microsecond:                "84 ms",
		999400 * time.Microsecond:               "999 ms",
		999600 * time.Microsecond:               "1.00 s",
		2190 * time.Millisecond:                 "2.19 s",
		9994 * time.Millisecond:                 "9.99 s",
		9996 * time.Millisecond:                 "10 s",
		10 * time.Second:                        "10 s",
		59400 * time.Millisecond:                "59 s",
		59600 * time.Millisecond:                "1 min",
		156 * time.Second:                       "2 min 36 s",
		10 * time.Minute:                        "10 min",
		59*time.Minute + 59600*time.Millisecond: "1 h",
		5 * time.Hour:                           "5 h",
		5*time.Hour + 20*time.Minute:            "5 h 20 min",
		24*time.Hour - time.Second:              "1 d",
		74 * time.Hour:                          "3 d 2 h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 ms", time.Microsecond: "<1 ms", 18 * time.Millisecond: "18 ms", 2135400 * time.Microsecond: "2,135 ms",
	} {
		if got := Milliseconds(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{Bytes(-1), "0 bytes"},
		{Bytes(0), "0 bytes"},
		{Bytes(1), "1 byte"},
		{Bytes(745), "745 bytes"},
		{Bytes(1023), "1023 bytes"},
		{Bytes(1024), "1.0 KiB"},
		{Bytes(16 << 10), "16 KiB"},
		{Bytes(1 << 30), "1.0 GiB"},
		{Count(0), "0"},
		{Count(1204), "1,204"},
		{Counted(0, "webhook"), "0 webhooks"},
		{Counted(1, "webhook"), "1 webhook"},
		{Counted(1204, "webhook"), "1,204 webhooks"},
		{Counted(1, "delivery", "deliveries"), "1 delivery"},
		{Counted(2, "delivery", "deliveries"), "2 deliveries"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada Lovelace": "AL", "Ada King Lovelace": "AL", "ada@example.com": "A", "ada.lovelace@example.com": "AL",
		"Örn": "Ö", "": "?", "@": "?", "  ": "?",
	} {
		if got := Initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestTheEndOfAnAddressIsKept(t *testing.T) {
	t.Parallel()
	for text, head := range map[string]string{
		"example.com/hooks/deploys":  "example.com/hooks",
		"example.com/hooks/deploys/": "example.com/hooks",
		"example.com/a/b":            "example.com/a",
		"hooks.example.com/services/T00/B00/abcdefghijklmnopqrstuvw": "hooks.example.com/services/T00/B00/abcdefghijklm",
		"a-host-with-a-rather-long-name.example.com:8443":            "a-host-with-a-rather-long-name.example.com:8443",
		"example.com": "example.com",
		"":            "",
		"/a":          "",
		"例え.jp/フック/甲": "例え.jp/フック",
	} {
		if got := headOf(text); got != head {
			t.Errorf("%q without its end is %q, want %q", text, got, head)
		}
	}
}
