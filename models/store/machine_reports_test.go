package store_test

import (
	"context"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// runIDs are those that pipelines choose: few, so that they choose the same again.
var runIDs = []string{"01EF9PFPNFFM2MQXTJKHK1B869", "01EF9PFPNFFM2MQXTJKHK1B86A", "01EF9PFPNFFM2MQXTJKHK1B86B"}

// newest returns ids with the newest first, which is what is drawn most.
func newest[V any](m map[string]V) []string {
	ids := slices.Sorted(maps.Keys(m))
	slices.Reverse(ids)
	return ids
}

// pick draws one of what there is, and skips the action if there is nothing.
func pick[T any](t *rapid.T, from []T, label string) T {
	if len(from) == 0 {
		t.Skip("no", label)
	}
	return rapid.SampledFrom(from).Draw(t, label)
}

func (x *machine) StartRun(t *rapid.T) { x.together(t, x.startRun(t)) }

func (x *machine) startRun(t *rapid.T) op {
	report := models.RunReport{Branch: ptr(rapid.SampledFrom([]string{"main", "other"}).Draw(t, "branch"))}
	if rapid.Bool().Draw(t, "with an id") {
		report.ID = ptr(pick(t, runIDs, "run"))
	}
	var rec store.Recorded
	var err error
	return op{
		"a run",
		func(ctx context.Context) { rec, err = x.store.StartRun(ctx, x.stack, report) },
		func(m, after *model) error { return m.start(report, rec, err, after) },
	}
}

func (x *machine) ReportState(t *rapid.T) { x.together(t, x.reportState(t)) }

func (x *machine) reportState(t *rapid.T) op {
	run := pick(t, append(newest(x.model.runs), runIDs...), "run")
	report := models.StateReport{State: pick(t, []models.State{models.Planning, models.Applying, models.Finished}, "state")}
	if rapid.Bool().Draw(t, "with a version") {
		next := x.model.runs[run].version + 1
		report.StateVersion = ptr(pick(t, []int64{next, next - 1, next + 1, 0}, "version"))
	}
	var rec store.Recorded
	var err error
	return op{
		"a state",
		func(ctx context.Context) { rec, err = x.store.RecordState(ctx, x.stack, run, report) },
		func(m, after *model) error { return m.change(run, report, rec, err, after) },
	}
}

// Together is what the writer commits as one group, or as few.
func (x *machine) Together(t *rapid.T) {
	var ops []op
	for range rapid.IntRange(2, 4).Draw(t, "so many") {
		// Only what is possible: an action that skips is as if it never was, but a job that was drawn is used up.
		kinds := map[string]func(*rapid.T) op{"run": x.startRun, "state": x.reportState}
		if len(x.model.deliveries) > 0 {
			kinds["redelivery"] = x.redeliver
		}
		if len(x.jobs) > 0 {
			kinds["result"], kinds["renewal"], kinds["release"] = x.result, x.renew, x.release
		}
		ops = append(ops, kinds[rapid.SampledFrom(slices.Sorted(maps.Keys(kinds))).Draw(t, "kind")](t))
	}
	x.together(t, ops...)
}

func (x *machine) form(t *rapid.T) models.WebhookForm {
	return models.WebhookForm{
		Endpoint: "https://example.com/" + pick(t, []string{"a", "b", "c"}, "endpoint"),
		Enabled:  rapid.SampledFrom([]bool{true, true, true, true, false}).Draw(t, "enabled"),
	}
}

func (x *machine) CreateWebhook(t *rapid.T) {
	form := x.form(t)
	var w models.Webhook
	var err error
	x.together(t, op{
		"a webhook",
		func(ctx context.Context) { w, err = x.store.CreateWebhook(ctx, storetest.Shell, x.stack, form) },
		func(m, _ *model) error { return m.create(form, w.ID, err) },
	})
}

func (x *machine) EditWebhook(t *rapid.T) {
	id, form := pick(t, newest(x.model.webhooks), "webhook"), x.form(t)
	if rapid.Bool().Draw(t, "keep the endpoint") {
		form.Endpoint = x.model.webhooks[id].endpoint
	}
	form.Change = pick(t, []models.SecretChange{models.KeepSecret, models.ReplaceSecret}, "secret")
	var err error
	x.together(t, op{
		"an edit",
		func(ctx context.Context) { _, err = x.store.UpdateWebhook(ctx, storetest.Shell, x.stack, id, form) },
		func(m, _ *model) error { return m.edit(id, form, err) },
	})
}

// DeleteWebhook leaves one, without which little happens.
func (x *machine) DeleteWebhook(t *rapid.T) {
	if len(x.model.living()) < 2 {
		t.Skip("the last webhook")
	}
	id := pick(t, newest(x.model.webhooks), "webhook")
	var err error
	x.together(t, op{
		"a deletion",
		func(ctx context.Context) { err = x.store.DeleteWebhook(ctx, storetest.Shell, x.stack, id) },
		func(m, _ *model) error { return m.remove(id, err) },
	})
}

func (x *machine) SendTest(t *rapid.T) {
	id := pick(t, newest(x.model.webhooks), "webhook")
	var d models.Delivery
	var err error
	x.together(t, op{
		"a test",
		func(ctx context.Context) { d, err = x.store.SendTest(ctx, storetest.Shell, x.stack, id) },
		func(m, after *model) error { return m.test(id, d.ID, err, after) },
	})
}

func (x *machine) Redeliver(t *rapid.T) { x.together(t, x.redeliver(t)) }

func (x *machine) redeliver(t *rapid.T) op {
	id := pick(t, newest(x.model.deliveries), "delivery")
	var err error
	return op{
		"a redelivery",
		func(ctx context.Context) { err = x.store.Redeliver(ctx, storetest.Shell, x.stack, id) },
		func(m, after *model) error { return m.redeliver(id, err, after) },
	}
}
