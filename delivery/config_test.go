package delivery

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config Config
		want   string // part of the complaint, "" for none
	}{
		{"defaults", Config{}, ""},
		{"the lease follows a longer time-out", Config{Timeout: time.Minute}, ""},
		{"the time to connect follows a shorter one", Config{Timeout: 3 * time.Second}, ""},
		{"few in flight", Config{MaxInFlight: 2}, ""},
		{"short lease", Config{Lease: 49 * time.Second}, "STACKHOOK_LEASE is 49s: with STACKHOOK_TIMEOUT 10s it must be at least 50s"},
		{"lease just long enough", Config{Lease: 50 * time.Second}, ""},
		{"negative time-out", Config{Timeout: -1}, "STACKHOOK_TIMEOUT"},
		{"disabled before it fails", Config{DisableAfter: -1}, "STACKHOOK_DISABLE_AFTER"},
		{"connecting longer than all", Config{ConnectTimeout: 11 * time.Second}, "STACKHOOK_CONNECT_TIMEOUT (11s) is longer"},
		{"more for one than for all", Config{MaxInFlight: 4, MaxPerWebhook: 5}, "STACKHOOK_MAX_PER_WEBHOOK (5)"},
		{"none in flight", Config{MaxInFlight: -1, MaxPerWebhook: 1}, "STACKHOOK_MAX_IN_FLIGHT (-1)"},
		{"no delay", Config{RetryDelays: []time.Duration{time.Second, 0}}, "STACKHOOK_RETRY_DELAYS holds 0s"},
		{"expiry within the schedule", Config{RetryDelays: []time.Duration{10 * time.Hour}, Expire: 11 * time.Hour}, "STACKHOOK_EXPIRE is 11h0m0s: it must be more than 11h0m0s"},
		{"expiry just after it", Config{RetryDelays: []time.Duration{10 * time.Hour}, Expire: 11*time.Hour + 1}, ""},
	} {
		err := c.config.withDefaults().check()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}
