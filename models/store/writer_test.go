package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"
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
