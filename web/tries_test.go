package web

import (
	"fmt"
	"testing"
	"time"
)

func TestTriesOfOneAddress(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		address, other string
		shared         bool
	}{
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:1", true}, // one household
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"nonsense", "", true},
	} {
		tries := newTries(triesPerMinute)
		for range triesPerMinute {
			if wait := tries.wait(c.address, now); wait != 0 {
				t.Fatalf("%s waits %s", c.address, wait)
			}
		}
		for range 3 { // refused tries cost nothing
			if wait := tries.wait(c.address, now); wait != 6*time.Second {
				t.Errorf("%s waits %s", c.address, wait)
			}
		}
		if shared := tries.wait(c.other, now) > 0; shared != c.shared {
			t.Errorf("%s and %s share their tries: %t, want %t", c.address, c.other, shared, c.shared)
		}
	}
}

func TestTriesAreRememberedAndForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	tries := newTries(triesPerMinute)
	for i := range 10 * triesPerMinute { // one try every 6 seconds is allowed for ever, through all generations
		if wait := tries.wait("192.0.2.1", now.Add(time.Duration(i)*6*time.Second)); wait != 0 {
			t.Fatalf("try %d waits %s", i, wait)
		}
	}
	now = now.Add(time.Hour)
	for range triesPerMinute {
		tries.wait("192.0.2.1", now.Add(59*time.Second))
	}
	if wait := tries.wait("192.0.2.1", now.Add(61*time.Second)); wait == 0 {
		t.Error("a new generation forgets what was tried just before")
	}
	for i := range 3 * maxAddresses {
		tries.wait(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), now)
	}
	if n := len(tries.recent) + len(tries.before); n > 2*maxAddresses {
		t.Errorf("%d addresses are kept", n)
	}
}
