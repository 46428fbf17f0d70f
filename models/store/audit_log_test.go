package store_test

import (
	"slices"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// actionsOf are what a filter of the audit log lets through, newest first.
func actionsOf(t *testing.T, s *store.Store, f store.AuditFilter) (actions []models.Action) {
	t.Helper()
	err := s.ExportAudit(t.Context(), f, func(records []models.AuditRecord) error {
		for _, r := range records {
			actions = append(actions, r.Action)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return actions
}

func TestTheAuditLogIsNarrowed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		before := time.Now()
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		w := storetest.Webhook(t, s, a, "https://example.com/", "secret")
		storetest.Webhook(t, s, b, "https://example.com/", "")
		ada := models.Actor{Kind: models.ActorUser, ID: 1, Name: "ada", Address: "192.0.2.7"}
		if _, err := s.RevealSecret(t.Context(), ada, a, w.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.RecordSignIn(t.Context(), models.Actor{Kind: models.ActorNobody}, models.SignInFailed, "eve@example.com", ""); err != nil {
			t.Fatal(err)
		}
		all := []models.Action{models.SignInFailed, models.SecretRevealed, models.WebhookCreated, models.WebhookCreated, models.StackCreated, models.StackCreated}
		for name, c := range map[string]struct {
			filter store.AuditFilter
			want   []models.Action
		}{
			"nothing set":     {store.AuditFilter{}, all},
			"what":            {store.AuditFilter{Action: models.SecretRevealed}, all[1:2]},
			"who":             {store.AuditFilter{Who: "ada"}, all[1:2]},
			"in another case": {store.AuditFilter{Who: "Ada"}, nil},
			"a stack":         {store.AuditFilter{Stack: "b"}, []models.Action{models.WebhookCreated, models.StackCreated}},
			"a webhook":       {store.AuditFilter{Webhook: w.ID}, []models.Action{models.SecretRevealed, models.WebhookCreated}},
			"all at once":     {store.AuditFilter{Action: models.SecretRevealed, Who: "ada", Stack: "a", Webhook: w.ID, From: before, To: time.Now().Add(time.Second)}, all[1:2]},
			"before":          {store.AuditFilter{To: before}, nil},
			"after":           {store.AuditFilter{From: time.Now().Add(time.Second)}, nil},
			"no text":         {store.AuditFilter{Who: "\x00"}, nil},
		} {
			if got := actionsOf(t, s, c.filter); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		page, err := s.AuditRecords(t.Context(), store.AuditFilter{}, store.Page{Limit: 4})
		if err != nil || len(page.Rows) != 4 || page.Older == "" || page.Newer != "" {
			t.Fatalf("%+v, %v", page, err)
		}
		older, err := s.AuditRecords(t.Context(), store.AuditFilter{}, store.Page{Limit: 4, Older: page.Older})
		if err != nil || len(older.Rows) != 2 || older.Older != "" || older.Newer == "" {
			t.Errorf("%+v, %v", older, err)
		}
	})
}
