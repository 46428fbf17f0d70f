package store

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stackhook/models"
)

// metrics counts what is committed. Labels are of closed lists: an endpoint, an id or a stack is never one.
type metrics struct {
	reports  *prometheus.CounterVec
	ended    *prometheus.CounterVec
	attempts *prometheus.CounterVec
	took     prometheus.Histogram
	disabled *prometheus.CounterVec
	members  prometheus.Histogram
	commits  prometheus.Histogram
}

// newMetrics registers the metrics; with nil they are kept and nobody is shown them.
func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stackhook_reports_total", Help: "Reports of runs and states, by result: accepted, repeated, refused, or unavailable (answered 503).",
		}, []string{"result"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stackhook_deliveries_ended_total", Help: "Deliveries that ended, by status (delivered, failed, skipped) and reason, which is empty for a success.",
		}, []string{"status", "reason"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stackhook_attempts_total", Help: "Attempts, by the reason why they failed, which is empty for a success.",
		}, []string{"reason"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "stackhook_attempt_duration_seconds", Help: "How long attempts took, from look-up to the last byte read.",
			// From a receiver on the same machine to three times the default time-out.
			Buckets: []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30},
		}),
		disabled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stackhook_webhooks_disabled_total", Help: "Webhooks that Stackhook disabled, by why: gone, failing.",
		}, []string{"why"}),
		members: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "stackhook_commit_changes", Help: "Changes that were committed in one transaction.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "stackhook_commit_duration_seconds", Help: "How long a transaction of changes took, until it was durable.",
			// From a fast disk to the five seconds after which callers are told that the database is unavailable.
			Buckets: []float64{0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 5},
		}),
	}
	m.begin()
	if registry != nil {
		registry.MustRegister(m.reports, m.ended, m.attempts, m.took, m.disabled, m.members, m.commits)
	}
	return m
}

// Results of reports.
const (
	reportAccepted    = "accepted"
	reportRepeated    = "repeated"
	reportRefused     = "refused"
	reportUnavailable = "unavailable"
)

// begin shows every counter that there can be as 0: of one that appears with its first count, an alert on its increase
// hears only of the second.
func (m *metrics) begin() {
	for _, result := range []string{reportAccepted, reportRepeated, reportRefused, reportUnavailable} {
		m.reports.WithLabelValues(result)
	}
	m.attempts.WithLabelValues("")
	m.ended.WithLabelValues(string(models.Delivered), "")
	for _, reason := range models.AttemptReasons() {
		m.attempts.WithLabelValues(string(reason))
		m.ended.WithLabelValues(string(models.Failed), string(reason))
	}
	m.ended.WithLabelValues(string(models.Failed), string(models.ReasonExpired))
	m.ended.WithLabelValues(string(models.Failed), string(models.ReasonWebhookDeleted))
	m.ended.WithLabelValues(string(models.Skipped), string(models.ReasonWebhookDisabled))
	m.disabled.WithLabelValues(string(models.DisabledByGone))
	m.disabled.WithLabelValues(string(models.DisabledByFailing))
}

// reported counts the result of one report.
func (m *metrics) reported(rec Recorded, err error) {
	result := reportAccepted
	switch {
	case errors.Is(err, models.ErrUnavailable):
		result = reportUnavailable
	case err != nil:
		result = reportRefused
	case rec.Repeated:
		result = reportRepeated
	}
	m.reports.WithLabelValues(result).Inc()
}

// counts is what a transaction did, to be counted once it is durable.
type counts struct {
	ended    map[end]int
	tallies  map[tallied]*models.Tally
	attempts map[models.Reason]int
	took     []time.Duration
	disabled map[models.DisabledWhy]int
	lost     []models.Delivery // whose attempt nobody came back from, or that ended without one
}

type end struct {
	status models.Status
	reason models.Reason
}

func newCounts() *counts {
	return &counts{ended: map[end]int{}, tallies: map[tallied]*models.Tally{}, attempts: map[models.Reason]int{}, disabled: map[models.DisabledWhy]int{}}
}

// delivery counts a delivery that ended, if it did: those that are pending are none. took is of its last attempt.
func (c *counts) delivery(d models.Delivery, took time.Duration) {
	if d.Status == models.Pending {
		return
	}
	c.ended[end{d.Status, d.Reason}]++
	if d.Test {
		return
	}
	of := tallied{d.WebhookID, d.StackKey}
	if c.tallies[of] == nil {
		c.tallies[of] = new(models.Tally)
	}
	c.tallies[of].Ended(d.Status, took, 1)
}

func (c *counts) attempt(reason models.Reason, took time.Duration) {
	c.attempts[reason]++
	if reason != models.ReasonInterrupted { // how long that took is not known
		c.took = append(c.took, took)
	}
}

// add counts what a durable transaction did.
func (m *metrics) add(c *counts) {
	for e, n := range c.ended {
		m.ended.WithLabelValues(string(e.status), string(e.reason)).Add(float64(n))
	}
	for reason, n := range c.attempts {
		m.attempts.WithLabelValues(string(reason)).Add(float64(n))
	}
	for _, took := range c.took {
		m.took.Observe(took.Seconds())
	}
	for why, n := range c.disabled {
		m.disabled.WithLabelValues(string(why)).Add(float64(n))
	}
}

// committed counts one transaction of the writer.
func (m *metrics) committed(members int, took time.Duration) {
	m.members.Observe(float64(members))
	m.commits.Observe(took.Seconds())
}
