package store_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// counters returns what the counters show, by name and labels.
func counters(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetCounter() == nil {
				continue
			}
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += fmt.Sprintf(" %s=%q", l.GetName(), l.GetValue())
			}
			shown[name] = m.GetCounter().GetValue()
		}
	}
	return shown
}

// Every counter is there before it counts, so that an alert hears of the first time; and there are no others later.
func TestCountersBeginAtZero(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s, err := store.Open(t.Context(), store.Options{Database: filepath.Join(t.TempDir(), "a.db"), Create: true, Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := counters(t, registry)
	for name, value := range before {
		if value != 0 {
			t.Errorf("%s begins at %v", name, value)
		}
	}
	for _, want := range []string{
		`stackhook_deliveries_ended_total reason="status_5xx" status="failed"`, `stackhook_deliveries_ended_total reason="expired" status="failed"`,
		`stackhook_deliveries_ended_total reason="" status="delivered"`, `stackhook_webhooks_disabled_total why="failing"`,
		`stackhook_reports_total result="unavailable"`, `stackhook_attempts_total reason="interrupted"`,
	} {
		if _, there := before[want]; !there {
			t.Errorf("there is no %s", want)
		}
	}

	stack := storetest.Stack(t, s, "a")
	gone := storetest.Webhook(t, s, stack, "https://example.com/gone", "")
	storetest.Webhook(t, s, stack, "https://example.com/", "")
	run := storetest.Run(t, s, stack)
	for _, job := range storetest.Claim(t, s, "me") {
		o := store.Outcome{Status: models.Delivered}
		if job.Delivery.WebhookID == gone.ID {
			o = store.Outcome{Status: models.Failed, Reason: models.ReasonGone, Disable: models.DisabledByGone}
		}
		record(t, s, "me", job, o)
	}
	storetest.State(t, s, stack, run.Run.ID, models.Planning) // skipped, and left for the other
	if _, err := s.Expire(t.Context(), -1, 10); err != nil {
		t.Fatal(err)
	}
	after := counters(t, registry)
	if len(after) != len(before) {
		t.Errorf("%d counters, %d before anything was counted: %v", len(after), len(before), after)
	}
	for _, want := range []string{
		`stackhook_deliveries_ended_total reason="webhook_disabled" status="skipped"`, `stackhook_deliveries_ended_total reason="gone" status="failed"`,
		`stackhook_deliveries_ended_total reason="expired" status="failed"`, `stackhook_webhooks_disabled_total why="gone"`, `stackhook_attempts_total reason=""`,
	} {
		if after[want] != 1 {
			t.Errorf("%s is %v, want 1", want, after[want])
		}
	}
}
