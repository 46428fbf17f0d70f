package delivery

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Config holds the engine's settings. The zero value of a field means its default.
type Config struct {
	// Version is named in the User-Agent header. Default "dev".
	Version string
	// AllowNetworks lists networks that endpoints may resolve to although they are not public. Default none.
	AllowNetworks []netip.Prefix
	// ConnectTimeout bounds the look-up with the connection, and again the TLS handshake. Default 5 s, or Timeout if that
	// is shorter.
	ConnectTimeout time.Duration
	// Timeout bounds one attempt from its start to the last byte read. Default 10 s.
	Timeout time.Duration
	// RetryDelays are the waits after each failed try but the last. Default 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h,
	// 10 h, 14 h, 24 h: eleven tries in 56 hours, so that a receiver that is down over a weekend misses nothing.
	RetryDelays []time.Duration
	// MaxInFlight and MaxPerWebhook are how many requests run at once, in this process and of it for one webhook.
	// Default 256 and 8, or MaxInFlight if that is less.
	MaxInFlight, MaxPerWebhook int
	// Lease is how long a claimed delivery is this process's own: at least Timeout plus 40 s. Default that, at least 60 s.
	Lease time.Duration
	// Expire is how long after its event, or its last redelivery, a delivery may be pending. It exceeds the sum of
	// RetryDelays with their jitter. Default 168 h.
	Expire time.Duration
	// DisableAfter is how long a webhook may fail before it is disabled. Default 72 h.
	DisableAfter time.Duration
	// Poll is how long the loop sleeps at most, should it miss a commit or the clock be set. Default 1 s.
	Poll time.Duration
	// Drain is how long Run lets requests in flight finish after its context ended. Default 10 s.
	Drain time.Duration
	// Logger takes the engine's log lines. Default slog.Default().
	Logger *slog.Logger
}

const (
	// startMargin is what must be left of a lease, beyond the time-out, for an attempt to start: time to record the
	// result while the database is slow, and for clocks of replicas that differ.
	startMargin = 20 * time.Second
	// leaseMargin leaves as much again for a claimed delivery to wait for its start.
	leaseMargin = 2 * startMargin
)

// Defaults returns the settings that a zero Config means.
func Defaults() Config { return Config{}.withDefaults() }

// Check returns what is wrong with the settings, before there is a store to make an engine on. It names them as an
// operator knows them.
func (c Config) Check() error { return c.withDefaults().check() }

func (c Config) withDefaults() Config {
	c.Version = or(c.Version, "dev")
	c.Timeout = or(c.Timeout, 10*time.Second)
	c.ConnectTimeout = or(c.ConnectTimeout, min(5*time.Second, c.Timeout))
	if len(c.RetryDelays) == 0 {
		c.RetryDelays = []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
			2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 24 * time.Hour,
		}
	}
	c.MaxInFlight = or(c.MaxInFlight, 256)
	c.MaxPerWebhook = or(c.MaxPerWebhook, min(8, c.MaxInFlight))
	c.Lease = or(c.Lease, max(60*time.Second, c.Timeout+leaseMargin))
	c.Expire = or(c.Expire, 168*time.Hour)
	c.DisableAfter = or(c.DisableAfter, 72*time.Hour)
	c.Poll = or(c.Poll, time.Second)
	c.Drain = or(c.Drain, 10*time.Second)
	c.Logger = or(c.Logger, slog.Default())
	return c
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// check returns what is wrong with the settings, naming them as an operator knows them.
func (c Config) check() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"STACKHOOK_CONNECT_TIMEOUT", c.ConnectTimeout},
		{"STACKHOOK_TIMEOUT", c.Timeout},
		{"STACKHOOK_LEASE", c.Lease},
		{"STACKHOOK_EXPIRE", c.Expire},
		{"STACKHOOK_DISABLE_AFTER", c.DisableAfter},
		{"the poll interval", c.Poll},
		{"the drain time", c.Drain},
	} {
		if d.value <= 0 {
			add("%s is %v: it must be more than 0", d.name, d.value)
		}
	}
	if c.ConnectTimeout > c.Timeout {
		add("STACKHOOK_CONNECT_TIMEOUT (%v) is longer than STACKHOOK_TIMEOUT (%v), which it is a part of", c.ConnectTimeout, c.Timeout)
	}
	if c.Lease < c.Timeout+leaseMargin {
		add("STACKHOOK_LEASE is %v: with STACKHOOK_TIMEOUT %v it must be at least %v", c.Lease, c.Timeout, c.Timeout+leaseMargin)
	}
	if c.MaxInFlight < 1 || c.MaxPerWebhook < 1 || c.MaxPerWebhook > c.MaxInFlight {
		add("STACKHOOK_MAX_PER_WEBHOOK (%d) must be at least 1 and at most STACKHOOK_MAX_IN_FLIGHT (%d)", c.MaxPerWebhook, c.MaxInFlight)
	}
	var sum time.Duration
	for _, d := range c.RetryDelays {
		if d <= 0 {
			add("STACKHOOK_RETRY_DELAYS holds %v: each delay must be more than 0", d)
		}
		sum += withJitter(d, 1)
	}
	if c.Expire <= sum {
		add("STACKHOOK_EXPIRE is %v: it must be more than %v, the sum of STACKHOOK_RETRY_DELAYS plus 10 %%", c.Expire, sum)
	}
	return errors.Join(errs...)
}
