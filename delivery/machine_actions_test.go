package delivery

import (
	"errors"
	"fmt"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"stackhook/models"
	"stackhook/models/store/storetest"
)

// pick draws one of what there is, the newest most, and skips the action if there is nothing.
func pick(t *rapid.T, ids []string, label string) string {
	if len(ids) == 0 {
		t.Skip("no", label)
	}
	return ids[len(ids)-1-rapid.IntRange(0, len(ids)-1).Draw(t, label)]
}

// settle lets everything happen that is caused by what was done.
func settle(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func (x *machine) Report(t *rapid.T) {
	if len(x.seen) > 120 {
		t.Skip("enough")
	}
	x.startRuns(t, rapid.IntRange(1, 4).Draw(t, "runs"))
	settle(t, nil)
}

func (x *machine) startRuns(t *rapid.T, n int) {
	for range n {
		rec, err := x.store.StartRun(t.Context(), x.stack, models.RunReport{})
		if err != nil {
			t.Fatal(err)
		}
		x.runs = append(x.runs, rec.Run.ID)
	}
}

// Outage is a receiver that refuses everything for a while: its circuit opens, and what waits behind it goes when it closes.
func (x *machine) Outage(t *rapid.T) {
	if len(x.seen) > 120 {
		t.Skip("enough")
	}
	w := x.living(t)
	x.receivers.change(w.EndpointHost, refusing)
	x.startRuns(t, 6)
	x.wait(20 * time.Second)
	x.receivers.change(w.EndpointHost, well)
	x.wait(time.Minute)
}

func (x *machine) ChangeState(t *rapid.T) {
	if len(x.seen) > 120 {
		t.Skip("enough")
	}
	_, err := x.store.RecordState(t.Context(), x.stack, pick(t, x.runs, "run"), models.StateReport{State: models.Planning})
	settle(t, err)
}

// ChangeMood makes a receiver behave in another way.
func (x *machine) ChangeMood(t *rapid.T) {
	moods := []mood{slow, refusing, hanging, resetting, well, busy, refusing, gone}
	x.receivers.change(x.living(t).EndpointHost, rapid.SampledFrom(moods).Draw(t, "mood"))
}

func (x *machine) host() string {
	x.hosts++
	return fmt.Sprintf("http://%d.example.com/", x.hosts)
}

func (x *machine) CreateWebhook(t *rapid.T) {
	if len(x.hooks) > 3 {
		t.Skip("enough")
	}
	w, err := x.store.CreateWebhook(t.Context(), storetest.Shell, x.stack, models.WebhookForm{Endpoint: x.host(), Enabled: true})
	settle(t, err)
	x.hooks = append(x.hooks, w.ID)
}

func (x *machine) webhook(t *rapid.T, id string) models.Webhook {
	w, err := x.store.Webhook(t.Context(), x.stack, id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// living draws a webhook that is not deleted.
func (x *machine) living(t *rapid.T) models.Webhook {
	w := x.webhook(t, pick(t, x.hooks, "webhook"))
	if w.Deleted() {
		t.Skip("it is deleted")
	}
	return w
}

func (x *machine) edit(t *rapid.T, w models.Webhook, form models.WebhookForm) {
	x.mended[w.ID] = append(x.mended[w.ID], time.Now())
	_, err := x.store.UpdateWebhook(t.Context(), storetest.Shell, x.stack, w.ID, form)
	settle(t, err)
}

// Toggle disables a webhook, or enables it again.
func (x *machine) Toggle(t *rapid.T) {
	w := x.living(t)
	x.edit(t, w, models.WebhookForm{Endpoint: w.Endpoint, Enabled: !w.Enabled})
}

// Move gives a webhook another endpoint.
func (x *machine) Move(t *rapid.T) {
	w := x.living(t)
	x.edit(t, w, models.WebhookForm{Endpoint: x.host(), Enabled: w.Enabled})
}

func (x *machine) DeleteWebhook(t *rapid.T) {
	w := x.living(t)
	if len(x.hooks) < 2 {
		t.Skip("the last webhook")
	}
	settle(t, x.store.DeleteWebhook(t.Context(), storetest.Shell, x.stack, w.ID))
}

func (x *machine) Redeliver(t *rapid.T) {
	var ids []string
	for _, run := range x.runs[max(0, len(x.runs)-5):] {
		r, err := x.store.Run(t.Context(), x.stack, run)
		if err != nil {
			t.Fatal(err)
		}
		deliveries, err := x.store.RunDeliveries(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range deliveries {
			ids = append(ids, d.ID)
		}
	}
	id := pick(t, ids, "delivery")
	x.redelivered[id]++
	err := x.store.Redeliver(t.Context(), storetest.Shell, x.stack, id)
	var refused *models.Refused
	if errors.As(err, &refused) {
		x.redelivered[id]--
		err = nil
	}
	settle(t, err)
}

func (x *machine) SendTest(t *rapid.T) {
	_, err := x.store.SendTest(t.Context(), storetest.Shell, x.stack, x.living(t).ID)
	var refused *models.Refused
	if errors.As(err, &refused) {
		t.Skip("too many tests")
	}
	settle(t, err)
}
