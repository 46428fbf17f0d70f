package store_test

import (
	"errors"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// While replicas are replaced one by one, the new ones' migrations add columns to what the old ones have prepared.
func TestANewColumnDisturbsNobody(t *testing.T) {
	t.Parallel()
	s, db := onPostgres(t)
	stack := storetest.Stack(t, s, "a")
	w := storetest.Webhook(t, s, stack, "https://example.com/", "")
	ada, err := s.CreateUser(t.Context(), storetest.Shell, models.User{Email: "ada@example.com", Role: models.Reader}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.GrantStack(t.Context(), storetest.Shell, ada, stack); err != nil {
		t.Fatal(err)
	}
	work := func(when string) {
		t.Helper()
		for range 4 { // more often than there are writers
			for what, err := range everything(t, s, stack, w) {
				if err != nil {
					t.Errorf("%s, %s: %v", when, what, err)
				}
			}
		}
	}
	work("before")
	for _, table := range []string{"stacks", "users", "grants", "tokens", "webhooks", "runs", "events", "deliveries", "attempts", "audit_records", "redeliveries", "redelivery_webhooks", "inlets", "inlet_notifications"} {
		if _, err := db.Exec("ALTER TABLE " + table + " ADD COLUMN new BIGINT"); err != nil {
			t.Fatal(err)
		}
	}
	work("after")
}

// everything is what a running server does.
func everything(t *testing.T, s *store.Store, stack models.Stack, w models.Webhook) map[string]error {
	t.Helper()
	ctx, id := t.Context(), models.NewID(time.Now())
	rec, err := s.StartRun(ctx, stack, models.RunReport{ID: &id})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range storetest.Claim(t, s, "me") {
		record(t, s, "me", j, store.Outcome{Status: models.Pending, Reason: models.Reason5xx, DueAt: time.Now()})
	}
	_, _, failing := s.Failing(ctx, 0)
	_, inlet := s.OpenInlet(ctx, models.InletHCP, stack.ID)
	if errors.Is(inlet, models.ErrNotFound) {
		_, inlet = s.CreateInlet(ctx, storetest.Shell, stack, models.InletHCP, "the token of an inlet")
	}
	return map[string]error{
		"a repeat":      second(s.StartRun(ctx, stack, models.RunReport{ID: &id})),
		"a state":       second(s.RecordState(ctx, stack, id, models.StateReport{State: models.Planning})),
		"a stack":       second(s.Stack(ctx, administrator, stack.ID)),
		"stacks":        second(s.Stacks(ctx, administrator)),
		"summaries":     second(s.StackSummaries(ctx, administrator)),
		"a webhook":     second(s.Webhook(ctx, stack, w.ID)),
		"a target":      second(s.Target(ctx, w.ID, 0)),
		"health":        second(s.WebhookHealths(ctx, stack)),
		"what fails":    failing,
		"a run":         second(s.Run(ctx, stack, id)),
		"runs":          second(s.Runs(ctx, stack, store.Page{})),
		"events":        second(s.Events(ctx, rec.Run)),
		"its webhooks":  second(s.RunWebhooks(ctx, rec.Run)),
		"a delivery":    second(s.Delivery(ctx, stack, rec.Deliveries[0])),
		"deliveries":    second(s.Deliveries(ctx, administrator, store.DeliveryFilter{}, store.Page{})),
		"attempts":      second(s.Attempts(ctx, models.Delivery{ID: rec.Deliveries[0]})),
		"users":         second(s.Users(ctx)),
		"grants":        second(s.Grants(ctx)),
		"access":        second(s.StackAccess(ctx, stack)),
		"tokens":        second(s.Tokens(ctx)),
		"audit records": second(s.Reveals(ctx, w)),
		"redelivered":   second(s.RedeliverDue(ctx)),
		"to redeliver":  third(s.StartRedelivery(ctx, storetest.Shell, store.RedeliveryOrder{ID: id, Filter: store.DeliveryFilter{Stack: &stack}, PerSecond: 10})),
		"redeliveries":  second(s.Redeliveries(ctx, nil, store.Page{})),
		"an inlet":      inlet,
		"its token":     second(s.Inlet(ctx, stack, models.InletHCP)),
		"a notice":      second(s.ReceiveHCP(ctx, stack, models.HCPNotification{RunID: id, Trigger: "run:created"}, []byte("{}"))),
		"notices":       second(s.Notifications(ctx, stack, models.InletHCP, store.Page{})),
		"an edit":       second(s.UpdateWebhook(ctx, storetest.Shell, stack, w.ID, models.WebhookForm{Endpoint: w.Endpoint, Enabled: true})),
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }
