package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"

	"stackhook/models"
)

func TestAGroupThatMetAnotherIsTriedOnceMore(t *testing.T) {
	t.Parallel()
	wrong := errors.New("a member that cannot be committed")
	for _, c := range []struct {
		name    string
		fails   []error // of one member, in turn
		told    error   // that member
		commits uint64
	}{
		{"no other", nil, nil, 1},
		{"another was faster", []error{errRaced}, nil, 1},
		{"a deadlock", []error{&pgconn.PgError{Code: "40P01"}}, nil, 1},
		{"others twice: each is tried alone", []error{errRaced, errRaced}, nil, 10},
		{"an error: each is tried alone", []error{wrong, wrong}, wrong, 9},
	} {
		registry := prometheus.NewRegistry()
		s, err := Open(context.Background(), Options{Database: filepath.Join(t.TempDir(), "a.db"), Create: true, Metrics: registry})
		if err != nil {
			t.Fatal(err)
		}
		fails := c.fails
		var members []*member
		for i := range 10 {
			members = append(members, &member{ended: make(chan error, 1), wish: wish{do: func(*gorm.DB) (err error) {
				if i == 5 && len(fails) > 0 {
					err, fails = fails[0], fails[1:]
				}
				return err
			}}})
		}
		s.writer.commitAll(s.conn, members)
		for i, m := range members {
			want := error(nil)
			if i == 5 {
				want = c.told
			}
			if err := <-m.ended; !errors.Is(err, want) {
				t.Errorf("%s: member %d was told %v, want %v", c.name, i, err, want)
			}
		}
		if n := commits(t, registry); n != c.commits {
			t.Errorf("%s: %d commits, want %d", c.name, n, c.commits)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A commit that takes seven seconds.
func TestWhoWaitsForALongCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), Options{Database: filepath.Join(t.TempDir(), "a.db"), Create: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stack, err := s.CreateStack(t.Context(), models.Actor{Kind: models.ActorShell}, models.Stack{ID: "a", Name: "a", Labels: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		pausing := func(pause time.Duration) {
			err := s.commit(t.Context(), wish{do: func(*gorm.DB) error { time.Sleep(pause); return nil }})
			if err != nil {
				t.Errorf("a commit of %v: %v", pause, err)
			}
		}
		var wait sync.WaitGroup
		wait.Go(func() { pausing(time.Second) }) // meanwhile the others gather
		synctest.Wait()
		wait.Go(func() { pausing(6 * time.Second) })
		id := models.NewID(began)
		rec, err := s.StartRun(t.Context(), stack, models.RunReport{ID: &id})
		if took := time.Since(began); !errors.Is(err, models.ErrUnavailable) || took != commitWithin || rec.Run.ID != "" {
			t.Errorf("a report ended after %v with %+v, %v", took, rec, err)
		}
		wait.Wait()
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("who must know waited for %v", took)
		}
		if rec, err := s.StartRun(t.Context(), stack, models.RunReport{ID: &id}); err != nil || !rec.Repeated {
			t.Errorf("the report was repeated, and brought %+v, %v", rec, err)
		}
	})
}

// commits returns how many groups were committed.
func commits(t *testing.T, registry *prometheus.Registry) uint64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "stackhook_commit_changes" {
			return f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	t.Fatal("there is no count of commits")
	return 0
}
