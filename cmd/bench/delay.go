package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// delays are sorted, shortest first.
type delays []time.Duration

// at returns the delay that so many percent do not exceed (nearest rank).
func (d delays) at(percent int) time.Duration {
	return d[max(0, (len(d)*percent+99)/100-1)]
}

const (
	// paceEvery and paceCount are 20 events a second, for fifteen seconds.
	paceEvery = 50 * time.Millisecond
	paceCount = 300
)

// delays reports runs at a steady pace and returns how long each took from its acceptance to the receiver. What
// the receiver got before the answer was read counts as 0.
func (s *server) delays(ctx context.Context, r *receiver) (delays, error) {
	r.watching.Store(true)
	defer r.watching.Store(false)
	accepted := map[string]time.Time{}
	var ids []string
	pace := time.NewTicker(paceEvery)
	defer pace.Stop()
	for range paceCount {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-pace.C:
		}
		id, err := s.reportOne(ctx)
		if err != nil {
			return nil, err
		}
		accepted[id] = time.Now()
		ids = append(ids, id)
	}
	came := r.await(ids, endWithin)
	if len(came) < len(ids) {
		return nil, fmt.Errorf("%d of %d events did not come within %v", len(ids)-len(came), len(ids), endWithin)
	}
	var all delays
	for id, at := range came {
		all = append(all, max(0, at.Sub(accepted[id])))
	}
	slices.Sort(all)
	return all, nil
}
