package delivery

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"pgregory.net/rapid"

	"stackhook/models"
)

// Check checks the promises, each by looking at what receivers got and at what the log says.
func (x *machine) Check(t *rapid.T) {
	x.receivers.mu.Lock()
	broken := x.receivers.broken
	x.receivers.mu.Unlock()
	if len(broken) > 0 {
		t.Fatal(broken)
	}
	all := x.deliveries(t)
	for _, d := range all {
		if d.LeaseOwner != "" && d.Status == models.Pending && (x.engine == nil || d.LeaseOwner != x.engine.owner) {
			t.Fatalf("%s waits for a dead process: %+v", d.ID, d)
		}
		x.checkRepeats(t, d)
		x.checkRetries(t, d)
		x.checkWaits(t, d)
	}
	for _, id := range x.hooks {
		w := x.webhook(t, id)
		var posts []post
		for _, d := range all {
			if d.WebhookID == id {
				posts = append(posts, x.receivers.of(d.ID)...)
			}
		}
		checkLimit(t, posts, x.config.MaxPerWebhook)
		for _, p := range posts {
			if !w.Enabled && !p.test && p.at.After(w.DisabledAt) {
				t.Fatalf("%s was sent to a webhook disabled at %v: %+v", p.id, w.DisabledAt, p)
			}
		}
	}
	x.checkOrder(t, all)
}

// checkRepeats: a delivery that was accepted is sent again only where an attempt was cut, or somebody asked for it.
func (x *machine) checkRepeats(t *rapid.T, d seen) {
	cuts, successes := 0, 0
	for i, a := range d.attempts {
		switch {
		case a.Number != i+1:
			t.Fatalf("%s has an attempt %d in place %d", d.ID, a.Number, i+1)
		case a.Reason == models.ReasonInterrupted:
			cuts++
		case a.Reason == "":
			successes++
		}
	}
	again := x.redelivered[d.ID]
	if got := x.receivers.accepted(d.ID); successes > 1+again || got > 1+again+cuts || d.Status == models.Delivered && successes == 0 {
		t.Fatalf("%s was accepted %d times, redelivered %d times, cut %d times: %+v", d.ID, got, again, cuts, d)
	}
	if d.Test && len(x.receivers.of(d.ID)) > 1 {
		t.Fatalf("a test was sent again: %+v", d)
	}
}

// checkRetries: each attempt waits for its turn in the schedule and at most a tenth longer, unless an edit or a
// redelivery made it due at once, and one that was cut is made again at once.
func (x *machine) checkRetries(t *rapid.T, d seen) {
	if x.redelivered[d.ID] > 0 || d.Test {
		return
	}
	for i, a := range d.attempts {
		ended := a.StartedAt.Add(a.Total)
		hurried := slices.ContainsFunc(x.mended[d.WebhookID], func(at time.Time) bool { return !at.Before(ended) })
		if a.Reason == models.ReasonInterrupted || a.Reason == "" || hurried {
			continue
		}
		delays := x.config.withDefaults().RetryDelays
		if i == len(delays) {
			continue // that was the last
		}
		delay := delays[i]
		if a.Code == http.StatusServiceUnavailable {
			delay = max(delay, retryAfter)
		}
		earliest, latest := ended.Add(delay), ended.Add(delay+delay/10)
		if d.ClaimedAt.After(a.StartedAt) {
			latest = d.DueAt // it was taken since, and handed back without an attempt
		}
		switch {
		case i+1 < len(d.attempts) && d.attempts[i+1].StartedAt.Before(earliest):
			t.Fatalf("attempt %d of %s came %v too early", i+2, d.ID, earliest.Sub(d.attempts[i+1].StartedAt))
		case i+1 == len(d.attempts) && d.Status == models.Pending && d.LeaseOwner == "" && (d.DueAt.Before(earliest) || d.DueAt.After(latest)):
			t.Fatalf("attempt %d of %s is due %v, want between %v and %v", i+2, d.ID, d.DueAt, earliest, latest)
		}
	}
}

// checkWaits: nothing lies about that could be sent. A test waits for no circuit, and so at most for what goes before it.
func (x *machine) checkWaits(t *rapid.T, d seen) {
	if d.Status != models.Pending || x.engine == nil {
		return
	}
	if running := time.Since(x.since); d.Test && min(running, time.Since(d.CreatedAt)) > 10*time.Minute {
		t.Fatalf("a test waits since %v: %+v", d.CreatedAt, d)
	}
	w := x.webhook(t, d.WebhookID)
	due := d.DueAt
	if !d.Test && w.OpenUntil.After(due) {
		due = w.OpenUntil
	}
	sending, held := x.engine.Held()
	if sending+held == 0 && (d.Test || w.Enabled) && time.Since(due) > time.Second {
		t.Fatalf("nothing is being sent, and %s waits, due %v: %+v, %+v", d.ID, due, d, w)
	}
}

// checkLimit: never more than so many at once.
func checkLimit(t *rapid.T, posts []post, most int) {
	type change struct {
		at time.Time
		by int
	}
	var changes []change
	for _, p := range posts {
		changes = append(changes, change{p.at, 1})
		if !p.ended.IsZero() {
			changes = append(changes, change{p.ended, -1})
		}
	}
	// At one moment ends come first: one may have made room for another.
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.by, b.by)) })
	n := 0
	for _, c := range changes {
		if n += c.by; n > most {
			t.Fatalf("%d requests at once, at %v", n, c.at)
		}
	}
}

// checkOrder: the first request of a state begins when that of each earlier state of the run has ended, unless that was
// cut; one that was skipped is not waited for.
func (x *machine) checkOrder(t *rapid.T, all map[string]seen) {
	type firsts struct{ run, webhook string }
	states := map[firsts][]seen{}
	for _, d := range all {
		if !d.Test && !d.Silent {
			states[firsts{d.RunID, d.WebhookID}] = append(states[firsts{d.RunID, d.WebhookID}], d)
		}
	}
	for _, run := range states {
		for _, later := range run {
			posts := x.receivers.of(later.ID)
			for _, d := range run {
				if len(posts) == 0 || d.StateVersion >= later.StateVersion {
					continue
				}
				cut := len(d.attempts) > 0 && d.attempts[0].Reason == models.ReasonInterrupted
				first := x.receivers.of(d.ID)
				switch {
				case cut || d.Status != models.Pending && len(first) == 0: // it ended without an attempt
				case len(first) == 0, first[0].ended.IsZero(), posts[0].at.Before(first[0].ended):
					t.Fatalf("%s was sent before %s, of an earlier state: %+v, %+v", later.ID, d.ID, later, d)
				}
			}
		}
	}
}
