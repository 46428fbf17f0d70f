package delivery

import (
	"time"

	"stackhook/models/store"
)

// claim says what a claim may take: so many jobs of each webhook beside those that are held. settle ends it.
func (p *places) claim() (most, perWebhook int, held map[string]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claiming = true
	clear(p.during)
	held = map[string]int{}
	for id, w := range p.webhooks {
		if n := w.held(); n > 0 {
			held[id] = n
		}
	}
	return maxHeld - p.held, p.mostOfOne(), held
}

// settle takes what a claim brought. c is nil if it failed: then nothing is known anew.
func (p *places) settle(c *store.Claimed) {
	p.mu.Lock()
	p.claiming = false
	if c == nil {
		p.mu.Unlock()
		return
	}
	p.behind, p.during = p.during, p.behind
	for _, id := range c.Full {
		p.behind[id] = true
	}
	for _, job := range c.Jobs {
		p.of(job.Delivery.WebhookID).reserved++
	}
	p.held += len(c.Jobs)
	p.mu.Unlock()
	p.Take(c.Jobs)
}

// overdue takes out the jobs that wait and whose lease ends before the given time. Each is to be ended by done.
func (p *places) overdue(before time.Time) []store.Job {
	p.mu.Lock()
	defer p.mu.Unlock()
	var late []store.Job
	for _, w := range p.webhooks {
		kept := w.waiting[:0:0]
		for _, job := range w.waiting {
			if job.Delivery.DueAt.Round(0).Before(before) {
				late = append(late, job)
				w.recording++
			} else {
				kept = append(kept, job)
			}
		}
		w.waiting = kept
	}
	return late
}

// isBehind reports whether a claim has to take something of any webhook.
func (p *places) isBehind() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.behind) > 0
}
