package store

import (
	"context"

	"stackhook/models"
)

// ExportDeliveries hands all deliveries that the filter lets through and the viewer may read to take, newest first, a page
// at a time. Each page is a query of its own, and nothing of the database is held while it is taken, however slowly that
// goes. What arrives meanwhile is newer and is left out; nothing comes twice.
func (s *Store) ExportDeliveries(ctx context.Context, v models.Viewer, f DeliveryFilter, take func([]DeliveryRow) error) error {
	return s.exportBy(ctx, v, f, MaxPageSize, take)
}

func (s *Store) exportBy(ctx context.Context, v models.Viewer, f DeliveryFilter, rows int, take func([]DeliveryRow) error) error {
	return exportPages(Page{Limit: rows}, take, func(page Page) (Listing[DeliveryRow], error) { return s.Deliveries(ctx, v, f, page) })
}

// exportPages hands each page of a list to take, from the newest on.
func exportPages[T any](page Page, take func([]T) error, read func(Page) (Listing[T], error)) error {
	for {
		found, err := read(page)
		if err != nil {
			return err
		}
		if len(found.Rows) > 0 {
			if err := take(found.Rows); err != nil {
				return err
			}
		}
		if found.Older == "" {
			return nil
		}
		page.Older = found.Older
	}
}
