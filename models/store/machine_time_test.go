package store_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"stackhook/models"
)

// Pass lets time pass: leases end, retries and probes fall due.
func (x *machine) Pass(t *rapid.T) {
	const day = 24 * time.Hour
	time.Sleep(pick(t, []time.Duration{time.Second, 10 * time.Second, lease, 10 * time.Minute, time.Hour, 2 * day}, "time"))
}

func (x *machine) Expire(t *rapid.T) {
	olderThan := pick(t, []time.Duration{time.Hour, 24 * time.Hour, time.Minute}, "older than")
	most := rapid.IntRange(1, 3).Draw(t, "in a batch")
	var expired int
	var err error
	x.together(t, op{
		"an expiry",
		func(ctx context.Context) {
			for n := most; n == most && err == nil; expired += n {
				n, err = x.store.Expire(ctx, olderThan, most)
			}
		},
		func(m, _ *model) error {
			if want := m.expire(olderThan); expired != want {
				return fmt.Errorf("expired %d, want %d, %v", expired, want, err)
			}
			return err
		},
	})
}

func (x *machine) Purge(t *rapid.T) {
	before := time.Now().Add(-pick(t, []time.Duration{24 * time.Hour, time.Minute, time.Hour}, "kept for"))
	most := rapid.IntRange(1, 5).Draw(t, "in a batch")
	var deliveries, runs int
	var err error
	x.together(t, op{
		"a purge",
		func(ctx context.Context) {
			var n int
			for last, more := "", true; more && err == nil; more = last != "" {
				last, n, err = x.store.PurgeDeliveries(ctx, before, last, most)
				deliveries += n
			}
			for last, more := int64(0), true; more && err == nil; more = last != 0 {
				last, n, err = x.store.PurgeRuns(ctx, before, last, most)
				runs += n
			}
		},
		func(m, _ *model) error {
			if d, r := m.purge(at(before)); deliveries != d || runs != r {
				return fmt.Errorf("removed %d deliveries and %d runs, want %d and %d, %v", deliveries, runs, d, r, err)
			}
			return err
		},
	})
}

// Restart is a process that died, and the next one. On SQLite, where it is the only one, it takes over what that was
// sending; on PostgreSQL leases end by time.
func (x *machine) Restart(t *rapid.T) {
	ended, tried := x.metrics(t)
	if err := x.store.Close(); err != nil {
		t.Fatal(err)
	}
	x.ended, x.tried = ended, tried
	x.open(t)
	x.model.places, x.taker.free = 0, 0
	var err error
	x.together(t, op{
		"a take-over",
		func(ctx context.Context) { err = x.store.TakeOver(ctx, maxTries) },
		func(m, _ *model) error {
			if !strings.HasPrefix(x.options.Database, "postgres:") {
				m.takeOver()
			}
			return err
		},
	})
}

// checkMetrics compares what was counted.
func (x *machine) checkMetrics(t *rapid.T) {
	ended, tried := x.metrics(t)
	if err := differ("the count of", x.model.ended, ended); err != nil {
		t.Fatal(err)
	}
	if err := differ("the count of attempts", x.model.tried, tried); err != nil {
		t.Fatal(err)
	}
}

// metrics returns what all stores so far counted.
func (x *machine) metrics(t *rapid.T) (ended map[end]int, tried map[models.Reason]int) {
	ended, tried = maps.Clone(x.ended), maps.Clone(x.tried)
	families, err := x.options.Metrics.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			labels, n := map[string]string{}, int(m.GetCounter().GetValue())
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			switch {
			case n == 0:
			case f.GetName() == "stackhook_deliveries_ended_total":
				ended[end{models.Status(labels["status"]), models.Reason(labels["reason"])}] += n
			case f.GetName() == "stackhook_attempts_total":
				tried[models.Reason(labels["reason"])] += n
			}
		}
	}
	return ended, tried
}
