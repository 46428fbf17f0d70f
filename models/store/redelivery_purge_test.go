package store_test

import (
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// What ended long ago goes, with what is told of its webhooks; and all of a deleted stack.
func TestOldRedeliveriesGo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		storetest.Webhook(t, s, stack, "https://example.com/", "")
		storetest.Run(t, s, stack)
		failAll(t, s)
		old := start(t, s, order(store.DeliveryFilter{Stack: &stack}))
		workOff(t, s)
		running := start(t, s, order(store.DeliveryFilter{Stack: &stack}))
		everywhere := start(t, s, order(store.DeliveryFilter{}))
		if n, err := s.PurgeRedeliveries(t.Context(), time.Now(), 100); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		if webhooks, err := s.RedeliveryWebhooks(t.Context(), old); err != nil || len(webhooks) != 0 {
			t.Errorf("%v, %v", webhooks, err)
		}
		list, err := s.Redeliveries(t.Context(), &stack, store.Page{})
		if err != nil || len(list.Rows) != 1 || list.Rows[0].ID != running.ID {
			t.Errorf("%+v, %v", list, err)
		}
		if err := s.DeleteStack(t.Context(), storetest.Shell, stack); err != nil {
			t.Fatal(err)
		}
		for n := int64(1); n > 0; {
			if n, err = s.PurgeStacks(t.Context(), time.Now().Add(time.Minute), 100); err != nil {
				t.Fatal(err)
			}
		}
		if list, err = s.Redeliveries(t.Context(), nil, store.Page{}); err != nil || len(list.Rows) != 1 || list.Rows[0].ID != everywhere.ID {
			t.Errorf("%+v, %v", list, err)
		}
		workOff(t, s)
		if r := redelivery(t, s, everywhere); r.Met() != 0 || r.State != models.RedeliveryDone {
			t.Errorf("%+v", r)
		}
	})
}
