package store

import (
	"sync"
	"time"

	"stackhook/models"
)

// calmFor is how long a webhook is taken to be as well as it was: a success in this time changes nothing on its row.
// Otherwise every group would lock and write the row of a busy webhook, and on PostgreSQL those of all replicas would wait
// for each other.
//
// So LastDeliveredAt may be that much older than the last delivery, and a success that close to another one does not end
// trouble that another replica saw in between: the next one does.
const calmFor = 250 * time.Millisecond

// calm is when webhooks were found well last, by id.
type calm struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// note notes the webhooks' rows as they were committed, locked at that time.
func (c *calm) note(webhooks []models.Webhook, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since == nil {
		c.since = map[string]time.Time{}
	}
	for id, since := range c.since { // a few dozen, those that were noted lately
		if at.Sub(since) >= calmFor {
			delete(c.since, id)
		}
	}
	for _, w := range webhooks {
		if w.Failures == 0 && !w.CircuitOpen() && !w.LastDeliveredAt.IsZero() {
			c.since[w.ID] = at
		} else {
			delete(c.since, w.ID)
		}
	}
}

// has reports whether the webhook is well.
func (c *calm) has(webhook string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, noted := c.since[webhook]
	return noted && now.Sub(since) < calmFor
}
