package delivery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// held is places whose jobs are sent for as long as the test wants.
type held struct {
	*places
	started []string // deliveries, in order
}

func newHeld(inAll, perWebhook int) *held {
	h := &held{places: newPlaces(Config{MaxInFlight: inAll, MaxPerWebhook: perWebhook})}
	h.open(func(job store.Job) { h.started = append(h.started, job.Delivery.ID) })
	h.trust(true)
	return h
}

// bring takes so many deliveries of a webhook: a0, a1, … of webhook a.
func (h *held) bring(webhook string, n int) {
	for i := range n {
		if h.Reserve(webhook) {
			h.Take([]store.Job{{Delivery: models.Delivery{ID: fmt.Sprint(webhook, i), WebhookID: webhook, DueAt: time.Now()}}})
		}
	}
}

// While the process is at its limit, each webhook gets one request in turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	h := newHeld(2, 2)
	for _, webhook := range []string{"a", "b", "c"} {
		h.bring(webhook, 5)
	}
	for _, webhook := range []string{"a", "a", "b", "c", "a", "b", "c"} { // whose requests end
		h.sent(webhook)
	}
	if want := []string{"a0", "a1", "b0", "c0", "a2", "b1", "c1", "a3", "b2"}; !slices.Equal(h.started, want) {
		t.Errorf("sent %v, want %v", h.started, want)
	}
}

// A webhook at its own limit is passed over, and its turn comes with the next request that ends.
func TestTurnsWithinTheLimitPerWebhook(t *testing.T) {
	t.Parallel()
	h := newHeld(3, 1)
	h.bring("a", 3)
	h.bring("b", 3)
	h.sent("a")
	h.sent("a")
	h.sent("b")
	if want := []string{"a0", "b0", "a1", "a2", "b1"}; !slices.Equal(h.started, want) {
		t.Errorf("sent %v, want %v", h.started, want)
	}
}

// What was handed back while its webhook waited for a turn leaves nothing behind.
func TestTurnOfNothing(t *testing.T) {
	t.Parallel()
	h := newHeld(1, 1)
	h.bring("a", 1)
	h.bring("b", 2)
	for _, job := range h.overdue(time.Now().Add(time.Hour)) {
		h.done(job.Delivery)
	}
	h.sent("a")
	h.done(models.Delivery{ID: "a0", WebhookID: "a"})
	if len(h.webhooks) != 0 || len(h.ready) != 0 || len(h.working) != 0 || h.places.held != 0 || len(h.started) != 1 {
		t.Errorf("%d webhooks, %d ready, %d held, sent %v", len(h.webhooks), len(h.ready), h.places.held, h.started)
	}
}

// However many webhooks have slow receivers and long queues, another's delivery has a place in memory.
func TestPlacesAreLeftForOthers(t *testing.T) {
	t.Parallel()
	h := newHeld(256, 8)
	for i := range 100 {
		h.bring(fmt.Sprint("slow", i, "-"), 1000)
	}
	if most, perWebhook, _ := h.claim(); most < 1 || perWebhook != 8 {
		t.Errorf("a claim may take %d, and %d of a webhook; want some, and 8", most, perWebhook)
	}
	if !h.Reserve("another") {
		t.Errorf("no place for another webhook's delivery, %d are held", h.places.held)
	}
}

// A webhook with a long queue delays another's only delivery by one request at most.
func TestALongQueueDelaysNobody(t *testing.T) {
	inWorld(t, after(time.Second, 200), func(t *testing.T, w *world) {
		w.config.MaxInFlight, w.config.MaxPerWebhook = 2, 2
		w.start()
		for range 40 {
			w.report()
		}
		other := storetest.Stack(t, w.store, "other")
		storetest.Webhook(t, w.store, other, "http://example.org/", "")
		rec := storetest.Run(t, w.store, other)
		w.wait(2 * time.Second)
		if d, err := w.store.Delivery(t.Context(), other, rec.Deliveries[0]); err != nil || d.Status != models.Delivered {
			t.Errorf("the other webhook's delivery is %s after two requests' time, %v", d.Status, err)
		}
	})
}
