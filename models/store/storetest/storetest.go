// Package storetest gives tests a real store on a database of their own.
package storetest

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/needs"
	"stackhook/models/store"
)

// New returns an empty store on a new SQLite file that goes with the test. It works inside a testing/synctest bubble:
// then it must be made, used and closed inside it.
func New(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, filepath.Join(t.TempDir(), "stackhook.db"))
}

// Open opens the store at that path, making it when there is none, and closes it with the test.
func Open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Database: path, Account: "spacelift-io", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Shell is the actor of tests that need one.
var Shell = models.Actor{Kind: models.ActorShell, Name: "test"}

// Stack adds a stack with that id.
func Stack(t testing.TB, s *store.Store, id string) models.Stack {
	t.Helper()
	stack, err := s.CreateStack(t.Context(), Shell, models.Stack{ID: id, Name: id, Labels: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

// Webhook adds an enabled webhook.
func Webhook(t testing.TB, s *store.Store, stack models.Stack, endpoint, secret string) models.Webhook {
	t.Helper()
	w, err := s.CreateWebhook(t.Context(), Shell, stack, models.WebhookForm{Endpoint: endpoint, Secret: secret, Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Run starts a run that is QUEUED.
func Run(t testing.TB, s *store.Store, stack models.Stack) store.Recorded {
	t.Helper()
	rec, err := s.StartRun(t.Context(), stack, models.RunReport{})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// State reports the next state of a run.
func State(t testing.TB, s *store.Store, stack models.Stack, run string, state models.State) store.Recorded {
	t.Helper()
	rec, err := s.RecordState(t.Context(), stack, run, models.StateReport{State: state})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// Claim takes everything that is due.
func Claim(t testing.TB, s *store.Store, owner string) []store.Job {
	t.Helper()
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Owner: owner, Lease: time.Minute, Most: 1000, MostPerWebhook: 1000, MaxTries: 11})
	if err != nil {
		t.Fatal(err)
	}
	return claimed.Jobs
}

// template is the migrated database that each PostgreSQL server gets once, to be copied for its tests.
const template = "template_stackhook"

var templates sync.Map // *needs.Cluster → *sync.Once

// Each runs a test with an empty store on each of the databases, in parallel.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, New(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, OnPostgres(t, store.Options{Database: NewPostgres(t)}))
	})
}

// NewPostgres returns the URL of a migrated, empty database that goes with the test.
func NewPostgres(t testing.TB) string {
	t.Helper()
	cluster := needs.Postgres(t, "tests on PostgreSQL")
	once, _ := templates.LoadOrStore(cluster, &sync.Once{})
	once.(*sync.Once).Do(func() {
		if err := cluster.Exec("CREATE DATABASE " + template); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(context.Background(), store.Options{Database: cluster.URL(template), KeyFile: filepath.Join(t.TempDir(), "key"), Create: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	name, err := cluster.NewDatabase(template)
	if err != nil {
		t.Fatal(err)
	}
	return cluster.URL(name)
}

// OnPostgres opens a store on a database that NewPostgres made, and closes it with the test.
func OnPostgres(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	if o.KeyFile == "" {
		o.KeyFile = filepath.Join(t.TempDir(), "stackhook.key")
	}
	o.Account, o.Create = "spacelift-io", true
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
