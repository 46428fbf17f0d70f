package store_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"pgregory.net/rapid"

	"stackhook/models"
	"stackhook/models/store"
)

func (x *machine) Claim(t *rapid.T) {
	r := store.ClaimRequest{
		Owner: pick(t, []string{"a", "b"}, "owner"), Lease: lease, MaxTries: maxTries,
		Most: pick(t, []int{100, 3, 2, 1, 0}, "most"), MostPerWebhook: pick(t, []int{100, 2, 1, 0}, "most of a webhook"),
	}
	if rapid.Bool().Draw(t, "it knows what it has") {
		r.Works = func(id string) bool {
			return slices.ContainsFunc(x.jobs, func(j job) bool { return j.owner == r.Owner && j.id == id })
		}
	}
	x.claim(t, r)
}

func (x *machine) claim(t *rapid.T, r store.ClaimRequest) {
	var c store.Claimed
	var err error
	x.together(t, op{
		"a claim",
		func(ctx context.Context) { c, err = x.store.Claim(ctx, r) },
		func(m, after *model) error {
			if err != nil {
				return err
			}
			return m.claim(r, c, after)
		},
	})
	x.gave(given(r.Owner, c.Jobs))
}

// gave keeps who has which jobs, in an order that is the same whenever the same is drawn.
func (x *machine) gave(jobs []job) {
	slices.SortFunc(jobs, func(a, b job) int { return cmp.Compare(a.id, b.id) })
	x.jobs = append(x.jobs, jobs...)
}

func given(owner string, jobs []store.Job) (given []job) {
	for _, j := range jobs {
		d := j.Delivery
		given = append(given, job{owner, d.ID, d.WebhookID, d.Attempt, at(d.ClaimedAt), at(j.Probe), d.Test})
	}
	return given
}

// Work claims what is due, and all of it ends in the same way.
func (x *machine) Work(t *rapid.T) {
	x.claim(t, store.ClaimRequest{Owner: "a", Lease: lease, MaxTries: maxTries, Most: 100, MostPerWebhook: 100})
	kind := x.kind(t)
	for _, j := range slices.Clone(x.jobs) {
		if x.model.holds(j) {
			x.together(t, x.report(j, outcome(j, kind)))
		}
	}
}

func (x *machine) RecordResult(t *rapid.T) { x.together(t, x.result(t)) }

// result is of any attempt that was begun, however long ago, or the same as before.
func (x *machine) result(t *rapid.T) op {
	if len(x.results) > 0 && rapid.IntRange(0, 4).Draw(t, "again") == 4 {
		r := pick(t, x.results, "result")
		return x.report(r.job, r.Outcome)
	}
	j := pick(t, x.jobs, "job")
	return x.report(j, outcome(j, x.kind(t)))
}

// kind is how an attempt ends: often so that its delivery goes on.
func (x *machine) kind(t *rapid.T) models.Reason {
	return pick(t, []models.Reason{
		models.Reason5xx, models.Reason5xx, models.Reason5xx, "", "", models.Reason4xx, models.ReasonBlocked, models.ReasonInterrupted, models.ReasonGone,
	}, "reason")
}

// outcome is what an engine makes of an attempt that ended so; here a 4xx is always the last try.
func outcome(j job, reason models.Reason) store.Outcome {
	const never = 100 * 365 * 24 * time.Hour
	o := store.Outcome{Status: models.Failed, Reason: reason, Probe: j.probe.time(), DisableAfter: never}
	switch {
	case reason == "":
		o.Status = models.Delivered
	case j.test:
	case reason == models.ReasonGone:
		o.Disable = models.DisabledByGone
	case reason != models.Reason4xx:
		o.Status, o.DueAt = models.Pending, time.Now().Add(10*time.Second)
	}
	return o
}

func (x *machine) report(j job, o store.Outcome) op {
	x.forget(j)
	x.results = append(x.results, recorded{j, o})
	var disabled models.DisabledWhy
	var err error
	return op{
		fmt.Sprintf("a result %q", o.Reason),
		func(ctx context.Context) {
			a := models.Attempt{DeliveryID: j.id, Number: j.number, StartedAt: j.began.time(), Total: time.Since(j.began.time()), Reason: o.Reason}
			disabled, err = x.store.RecordAttempt(ctx, j.owner, a, o)
		},
		func(m, _ *model) error {
			if why := m.result(j, o); disabled != why {
				return fmt.Errorf("it disabled the webhook for %q, want %q, %w", disabled, why, cmp.Or(err, errDiffers))
			}
			return err
		},
	}
}

func (x *machine) forget(j job) {
	x.jobs = slices.DeleteFunc(x.jobs, func(other job) bool { return other == j })
}

func (x *machine) Renew(t *rapid.T) { x.together(t, x.renew(t)) }

func (x *machine) renew(t *rapid.T) op {
	j := pick(t, x.jobs, "job")
	var held bool
	var err error
	return op{
		"a renewal",
		func(ctx context.Context) { held, err = x.store.Renew(ctx, j.id, j.owner, j.number, lease) },
		func(m, _ *model) error {
			if err != nil {
				return err
			}
			return m.renew(j, held)
		},
	}
}

func (x *machine) Release(t *rapid.T) { x.together(t, x.release(t)) }

func (x *machine) release(t *rapid.T) op {
	j := pick(t, x.jobs, "job")
	x.forget(j)
	x.unused = append(x.unused, j)
	var err error
	return op{
		"a release",
		func(ctx context.Context) {
			d := models.Delivery{ID: j.id, WebhookID: j.webhook, Attempt: j.number}
			err = x.store.Release(ctx, j.owner, store.Job{Delivery: d, Probe: j.probe.time()})
		},
		func(m, _ *model) error {
			m.release(j)
			return err
		},
	}
}

// OpenPlaces makes an engine in this process take new deliveries, as many as it has places.
func (x *machine) OpenPlaces(t *rapid.T) {
	n := rapid.IntRange(0, 4).Draw(t, "places")
	x.taker.mu.Lock()
	x.taker.free = n
	x.taker.mu.Unlock()
	x.model.places = n
	x.store.HandTo(x.taker, engine, lease)
}

// places is an engine of this process, as the store sees it.
type places struct {
	mu   sync.Mutex
	free int
	jobs []job
}

func (p *places) Reserve(string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == 0 {
		return false
	}
	p.free--
	return true
}

func (p *places) Return(_ string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free += n
}

func (p *places) Take(jobs []store.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs = append(p.jobs, given(engine, jobs)...)
}

func (p *places) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free
}

// taken returns what was taken since it was asked last.
func (p *places) taken() []job {
	p.mu.Lock()
	defer p.mu.Unlock()
	jobs := p.jobs
	p.jobs = nil
	return jobs
}
