package store_test

import (
	"context"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// While pages read for long, deliveries and reports go on.
func TestPagesHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		stack := storetest.Stack(t, s, "a")
		w := storetest.Webhook(t, s, stack, "https://example.com/", "")
		text, _, err := s.CreateToken(t.Context(), storetest.Shell, models.Token{Name: "ci", Scope: models.ScopeReport, StackKey: stack.Key})
		if err != nil {
			t.Fatal(err)
		}
		run := storetest.Run(t, s, stack).Run
		end, err := store.ReadLong(s)
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for _, c := range []struct {
			what string
			do   func() error
		}{
			{"a token", func() error { return second(s.TokenViewer(ctx, text)) }},
			{"a stack", func() error { return second(s.RecentStack(ctx, administrator, stack.ID)) }},
			{"a run", func() error { return second(s.Run(ctx, stack, run.ID)) }},
			{"a report", func() error {
				return second(s.RecordState(ctx, stack, run.ID, models.StateReport{State: models.Planning}))
			}},
			{"a claim", func() error {
				return second(s.Claim(ctx, store.ClaimRequest{Owner: "me", Lease: time.Minute, Most: 1, MostPerWebhook: 1, MaxTries: 11}))
			}},
			{"a target", func() error { return second(s.Target(ctx, w.ID, 0)) }},
			{"the clocks", func() error { return second(s.ClockSkew(ctx)) }},
			{"ready", func() error { return s.Ready(ctx) }},
		} {
			if err := c.do(); err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
		}
	})
}
