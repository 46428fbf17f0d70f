package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"stackhook/models"
)

// verdict is what became of everything that was accepted.
type verdict struct {
	events, unknown, refused       int // calls
	accepted                       int // deliveries
	delivered, failed, missing     int
	requests, repeated, unexpected int // requests, those after a success, deliveries that nobody was told of
	interrupted                    int // attempts on record
	inversions                     int // first attempts that a recorded cut explains
	wrong                          []string
}

// check compares, once nothing is pending.
func (s *site) check(ctx context.Context, reports *reports, r *receivers) (verdict, error) {
	if err := s.awaitEnd(ctx); err != nil {
		return verdict{}, err
	}
	stored, err := s.all(ctx)
	if err != nil {
		return verdict{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v := verdict{
		events: reports.events, unknown: reports.unknown, refused: reports.refused, accepted: len(reports.accepted), requests: r.arrivals,
		wrong: append(slices.Clone(reports.wrong), r.wrong...),
	}
	for id, e := range reports.accepted {
		v.account(id, e, stored, r.came[id])
	}
	for id := range r.came {
		if _, told := reports.accepted[id]; !told {
			v.unexpected++
			v.wrong = append(v.wrong, "delivery "+id+" came, and no answer named it")
		}
	}
	attempts := map[string][]models.Attempt{}
	for id, a := range r.came {
		rows, err := s.store.Attempts(ctx, models.Delivery{ID: id})
		if err != nil {
			return v, err
		}
		attempts[id] = rows
		v.explain(id, a, rows)
	}
	v.order(r.came, attempts)
	return v, nil
}

// account finds what became of an accepted delivery.
func (v *verdict) account(id string, e event, stored map[string]models.Delivery, a *arrival) {
	d, there := stored[id]
	switch {
	case !there:
		v.missing++
		v.wrong = append(v.wrong, "delivery "+id+" was accepted and is not in the database")
	case d.Status == models.Delivered && a != nil && a.accepted > 0:
		v.delivered++
	case d.Status == models.Failed && d.Reason != "":
		v.failed++
	default:
		v.missing++
		v.wrong = append(v.wrong, fmt.Sprintf("delivery %s is %s (%s), and the receiver has %+v", id, d.Status, d.Reason, a))
	}
	if a != nil && (a.run != e.run || a.version != e.version) {
		v.wrong = append(v.wrong, fmt.Sprintf("delivery %s is of run %s, version %d, and brought %s, %d", id, e.run, e.version, a.run, a.version))
	}
}

// explain finds a recorded attempt for each request, and a cut one for each success beyond the first.
func (v *verdict) explain(id string, a *arrival, attempts []models.Attempt) {
	cut := 0
	for _, t := range attempts {
		switch t.Reason {
		case models.ReasonInterrupted:
			v.interrupted++
			cut++
		case models.ReasonTimeout, models.ReasonReset:
			cut++
		}
	}
	if a.requests > len(attempts) {
		v.wrong = append(v.wrong, fmt.Sprintf("delivery %s was sent %d times, and %d attempts are on record", id, a.requests, len(attempts)))
	}
	if a.accepted > 1 {
		v.repeated += a.accepted - 1
		if a.accepted-1 > cut {
			v.wrong = append(v.wrong, fmt.Sprintf("delivery %s was accepted %d times, and %d of its attempts were cut short", id, a.accepted, cut))
		}
	}
}

// order checks that the first requests of a run's states came in order at each receiver. Where an earlier one's first
// attempt was cut before it arrived, a later one may have come first.
func (v *verdict) order(came map[string]*arrival, attempts map[string][]models.Attempt) {
	type line struct{ path, run string }
	lines := map[line][]string{}
	for id, a := range came {
		lines[line{a.path, a.run}] = append(lines[line{a.path, a.run}], id)
	}
	for _, ids := range lines {
		slices.SortFunc(ids, func(x, y string) int { return cmp.Compare(came[x].version, came[y].version) })
		for i := 1; i < len(ids); i++ {
			earlier, later := ids[i-1], ids[i]
			if !came[later].first.Before(came[earlier].first) {
				continue
			}
			first := attempts[earlier][len(attempts[earlier])-1]
			if first.Reason == "" {
				v.wrong = append(v.wrong, fmt.Sprintf("delivery %s came before %s of an earlier state", later, earlier))
			}
			v.inversions++
		}
	}
}

func (v verdict) print(out io.Writer, kills int, took time.Duration) {
	fmt.Fprintf(out, `%8d events accepted, of %d calls cut off and %d answered 503 all were repeated until they were answered
%8d deliveries accepted: %d delivered, %d failed with a reason, %d missing
%8d requests received; %d came again after a success, each after an attempt that was cut short
%8d attempts on record as interrupted, by %d kills; %d first attempts overtaken because of that
%8d things wrong, in %v
`, v.events, v.unknown, v.refused, v.accepted, v.delivered, v.failed, v.missing, v.requests, v.repeated, v.interrupted, kills, v.inversions,
		len(v.wrong), took.Round(time.Second))
}

func (v verdict) err() error {
	if v.delivered == 0 {
		return errors.New("nothing was delivered")
	}
	if len(v.wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d things are wrong:\n%s", len(v.wrong), strings.Join(v.wrong[:min(20, len(v.wrong))], "\n"))
}
