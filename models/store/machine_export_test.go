package store

import "stackhook/models"

// Everything is all rows that deliveries are about.
type Everything struct {
	Webhooks   []models.Webhook
	Runs       []models.Run
	Events     []models.Event
	Deliveries []models.Delivery
	Attempts   []models.Attempt
}

// ReadEverything reads all rows.
func ReadEverything(s *Store) (all Everything, err error) {
	for _, rows := range []any{&all.Webhooks, &all.Runs, &all.Events, &all.Deliveries, &all.Attempts} {
		if err := s.read.Find(rows).Error; err != nil {
			return all, err
		}
	}
	return all, nil
}
