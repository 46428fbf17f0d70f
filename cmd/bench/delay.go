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

// measureDelay reports runs at a steady pace and returns how long each took from its acceptance to the receiver. What
// the receiver got before the answer was read counts as 0.
func measureDelay(ctx context.Context, s *server, r *receiver) (delays, error) {
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
		id, err := s.report(ctx)
		if err != nil {
			return nil, err
		}
		accepted[id] = time.Now()
		ids = append(ids, id)
	}
	came := r.await(ids, drainFor)
	if len(came) < len(ids) {
		return nil, fmt.Errorf("%d of %d events did not come within %v", len(ids)-len(came), len(ids), drainFor)
	}
	var all delays
	for id, at := range came {
		all = append(all, max(0, at.Sub(accepted[id])))
	}
	slices.Sort(all)
	return all, nil
}
