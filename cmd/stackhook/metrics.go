package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stackhook/delivery"
	"stackhook/models/store"
)

// newRegistry returns a registry with what is known of the process itself.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "stackhook_build_info", Help: "1, with the version that runs.", ConstLabels: prometheus.Labels{"version": buildVersion()},
	})
	info.Set(1)
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), info)
	return registry
}

// metricsHandler adds what is looked up at the moment of asking, and answers with everything.
func metricsHandler(registry *prometheus.Registry, s *store.Store, e *delivery.Engine, streams func() int) http.Handler {
	gauge := func(name, help string, value func() int) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	gauge("stackhook_requests_in_flight", "Requests to receivers that are not answered yet.", func() int { n, _ := e.Held(); return n })
	gauge("stackhook_deliveries_held", "Deliveries in this process's memory: waiting for a request, in flight, or being recorded.",
		func() int { _, n := e.Held(); return n })
	gauge("stackhook_live_streams", "Browsers that follow pages as they change.", streams)
	registry.MustRegister(backlog{s})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// backlog collects what waits in the database. Every replica on one database says the same.
type backlog struct{ store *store.Store }

var (
	dueNow = prometheus.NewDesc("stackhook_deliveries_due", "Deliveries that may be sent now and are not in flight, up to 10,000 of each webhook.", nil, nil)
	oldest = prometheus.NewDesc("stackhook_oldest_due_seconds", "For how long the first of those has been due.", nil, nil)
	queued = prometheus.NewDesc("stackhook_webhooks_waiting", "Webhooks with pending deliveries.", nil, nil)
	open   = prometheus.NewDesc("stackhook_circuits_open", "Webhooks whose deliveries wait because attempts keep failing.", nil, nil)
)

// Describe names the metrics.
func (backlog) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{dueNow, oldest, queued, open} {
		to <- d
	}
}

// Collect asks the database, and not for long: while it is away the other metrics are still of use.
func (b backlog) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	found, err := b.store.Backlog(ctx)
	if err != nil {
		return
	}
	for d, value := range map[*prometheus.Desc]float64{
		dueNow: float64(found.Due), oldest: found.Oldest.Seconds(), queued: float64(found.Waiting), open: float64(found.Open),
	} {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
}
