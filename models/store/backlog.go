package store

import (
	"context"
	"time"
)

// Backlog is what waits to be sent.
type Backlog struct {
	// Due counts what may be sent now, up to DueMost of each webhook; Oldest is for how long the first of it has been due.
	// What waits behind an open circuit, or of a disabled webhook, is not due, other than tests.
	Due    int
	Oldest time.Duration
	// Waiting are the webhooks with pending deliveries; Open those of them whose circuit is open.
	Waiting, Open int
}

// DueMost is where Backlog stops counting the due deliveries of a webhook.
const DueMost = 10_000

// Backlog skips from webhook to webhook, as a claim does: a million deliveries that wait for a dead endpoint cost nothing.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	now := time.Now()
	waiting, err := waitingWebhooks(s.reader(ctx), now)
	if err != nil {
		return Backlog{}, err
	}
	b := Backlog{Waiting: len(waiting)}
	for _, w := range waiting {
		if w.OpenUntil != 0 {
			b.Open++
		}
		for _, l := range w.due(now) {
			if l.probe != 0 {
				continue
			}
			var n int
			err := s.reader(ctx).Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE webhook_id = ? AND status = 'pending' AND due_at <= ?`+l.which+` LIMIT ?) AS counted`,
				l.webhook, micros(now), DueMost).Scan(&n).Error
			if err != nil {
				return Backlog{}, unavailable(err)
			}
			b.Due += n
			b.Oldest = max(b.Oldest, now.Sub(fromMicros(l.dueAt)))
		}
	}
	return b, nil
}
