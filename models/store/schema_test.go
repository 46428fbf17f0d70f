package store

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm/schema"

	"stackhook/models"
)

// TestTheTablesAreWhatTheModelsSay compares the columns that the migrations make with those that GORM reads and writes.
func TestTheTablesAreWhatTheModelsSay(t *testing.T) {
	t.Parallel()
	s, err := Open(context.Background(), Options{Database: filepath.Join(t.TempDir(), "a.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, model := range []any{
		&models.Stack{}, &models.User{}, &models.Grant{}, &models.Link{}, &models.Session{}, &models.Token{}, &models.Webhook{}, &models.Run{},
		&models.Event{}, &models.Delivery{}, &models.Attempt{}, &models.AuditRecord{}, &models.Linked{}, &models.SignOn{}, &models.Redelivery{},
		&models.Inlet{}, &models.InletNotification{},
	} {
		parsed, err := schema.Parse(model, &sync.Map{}, s.write.NamingStrategy)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := s.write.Migrator().ColumnTypes(model)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, c := range columns {
			have = append(have, c.Name())
		}
		want := slices.Clone(parsed.DBNames)
		slices.Sort(have)
		slices.Sort(want)
		if !slices.Equal(have, want) {
			t.Errorf("%s has the columns %v, the model %v", parsed.Table, have, want)
		}
	}
}

// TestTheHotQueriesUseTheirIndexes keeps the plans of what runs once a delivery or once a page.
func TestTheHotQueriesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	s, err := Open(context.Background(), Options{Database: filepath.Join(t.TempDir(), "a.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for query, index := range map[string]string{
		`SELECT MIN(webhook_id) FROM deliveries WHERE status = 'pending' AND webhook_id > 'x'`:                                             "deliveries_due",
		`SELECT MIN(due_at) FROM deliveries WHERE status = 'pending' AND webhook_id = 'x' AND due_at > 1`:                                  "deliveries_due",
		`SELECT MIN(due_at) FROM deliveries WHERE status = 'pending' AND webhook_id = 'x' AND NOT test`:                                    "deliveries_due",
		`SELECT MIN(due_at) FROM deliveries WHERE status = 'pending' AND webhook_id = 'x' AND test AND due_at > 1`:                         "deliveries_tests",
		`SELECT * FROM deliveries WHERE webhook_id = 'x' AND status = 'pending' AND due_at <= 1 AND test ORDER BY due_at, id`:              "deliveries_tests",
		`SELECT * FROM deliveries WHERE webhook_id = 'x' AND status = 'pending' AND due_at <= 1 AND NOT test ORDER BY due_at, id`:          "deliveries_due",
		`SELECT * FROM deliveries WHERE webhook_id = 'x' AND status = 'pending' AND due_at <= 1 ORDER BY due_at, id`:                       "deliveries_due",
		`SELECT id FROM deliveries WHERE status = 'pending' AND expire_from < 1 AND (lease_owner = '' OR due_at < 1) ORDER BY expire_from`: "deliveries_expiry",
		`SELECT * FROM deliveries WHERE webhook_id = 'x' AND id < 'y' ORDER BY id DESC`:                                                    "deliveries_webhook",
		`SELECT * FROM deliveries WHERE stack_key = 1 AND id < 'y' ORDER BY id DESC`:                                                       "deliveries_stack",
		`SELECT * FROM deliveries WHERE stack_key = 1 AND status = 'failed' AND status <> 'delivered' AND id < 'y' ORDER BY id DESC`:       "deliveries_stack_status",
		`SELECT * FROM deliveries WHERE webhook_id = 'x' AND status = 'failed' AND status <> 'delivered' AND id < 'y' ORDER BY id DESC`:    "deliveries_webhook_status",
		`SELECT 1 FROM deliveries WHERE webhook_id = 'x' AND status = 'pending'`:                                                           "deliveries_due",
		`SELECT 1 FROM deliveries WHERE webhook_id = 'x' AND status = 'pending' AND test`:                                                  "deliveries_tests",
		`SELECT 1 FROM deliveries WHERE webhook_id = 'x' AND status = 'pending' AND tries > 0 AND NOT test`:                                "deliveries_retrying",
		`SELECT 1 FROM deliveries WHERE webhook_id = 'x' AND status = 'skipped' AND status <> 'delivered' AND id >= 'y'`:                   "deliveries_webhook_status",
		`SELECT * FROM audit_records WHERE webhook_id = 'x' AND detail = 'y' AND action = 'secret.revealed' ORDER BY id DESC LIMIT 9`:      "audit_views",
		`SELECT * FROM inlet_notifications WHERE stack_key = 1 AND kind = 'x' AND key < 9 ORDER BY key DESC`:                               "inlet_notifications_stack",
		`SELECT id FROM deliveries WHERE event_id = 'x'`:                                                                                   "deliveries_event",
	} {
		var plan []struct{ Detail string }
		if err := s.read.Raw("EXPLAIN QUERY PLAN " + query).Scan(&plan).Error; err != nil {
			t.Fatal(err)
		}
		if len(plan) != 1 || !slices.Contains(strings.Fields(plan[0].Detail), index) {
			t.Errorf("%s\nplan %v, want one step by %s", query, plan, index)
		}
	}
}

// TestWhateverIsSealedIsKnown: a rotation of the key must seal all of it anew.
func TestWhateverIsSealedIsKnown(t *testing.T) {
	t.Parallel()
	s, err := Open(context.Background(), Options{Database: filepath.Join(t.TempDir(), "a.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var have, want []string
	err = s.read.Raw(`SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name LIKE '%sealed%'`).Scan(&have).Error
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sealedColumns {
		want = append(want, c.table+"."+c.name)
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("sealedColumns has %v, the tables have %v", want, have)
	}
}
