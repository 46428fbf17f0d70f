package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

func TestWhatIsOldGoesWithinAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		s := storetest.New(t)
		stack := storetest.Stack(t, s, "a")
		house := newHousekeeper(settings{Retention: 2 * day, AuditRetention: 3 * day}, s, slog.New(slog.NewTextHandler(io.Discard, nil)))
		go house.keep(t.Context())
		synctest.Wait()
		run := storetest.Run(t, s, stack).Run
		if _, err := s.ReceiveHCP(t.Context(), stack, models.HCPNotification{Trigger: "unknown"}, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			sleep time.Duration
			gone  bool
		}{{2*day - time.Minute, false}, {time.Hour + 2*time.Minute, true}} {
			time.Sleep(step.sleep)
			synctest.Wait()
			if _, err := s.Run(t.Context(), stack, run.ID); errors.Is(err, models.ErrNotFound) != step.gone {
				t.Errorf("after %v: %v", step.sleep, err)
			}
			if kept, err := s.Notifications(t.Context(), stack, models.InletHCP, store.Page{}); err != nil || (len(kept.Rows) == 0) != step.gone {
				t.Errorf("after %v: %d notifications, %v", step.sleep, len(kept.Rows), err)
			}
		}
		storetest.Webhook(t, s, stack, "https://example.com/", "") // a record that is kept
		time.Sleep(2 * day)
		synctest.Wait()
		if n, err := s.PurgeAudit(t.Context(), time.Now().Add(time.Minute), 10); err != nil || n != 1 {
			t.Errorf("%d audit records were left, %v", n, err)
		}
	})
}

// A server that nobody gave a retention, as the demo, keeps everything for as long as the settings' defaults say.
func TestTheDefaultRetention(t *testing.T) {
	t.Parallel()
	s, err := typed(t).settings()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if zero, set := newHousekeeper(settings{}, nil, log), newHousekeeper(s, nil, log); zero != set {
		t.Errorf("%+v is not %+v", zero, set)
	}
}

func TestBatchesLeaveTheDatabaseToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const took = 10 * time.Millisecond
		began, n := time.Now(), 0
		err := batches(t.Context(), func() (bool, error) {
			time.Sleep(took)
			n++
			return n < 5, nil
		})
		if all := time.Since(began); err != nil || n != 5 || all < 4*(1+purgeShare)*took {
			t.Errorf("%d batches in %v, %v", n, all, err)
		}
	})
}

func TestBatchesEndWithTheServer(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	n := 0
	err := batches(ctx, func() (bool, error) {
		n++
		end()
		return n < 5, nil
	})
	if n != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d batches, %v", n, err)
	}
}

func TestHousekeepingEndsOnAnError(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	house := newHousekeeper(settings{}, s, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err := house.round(t.Context(), new(time.Time)); err == nil {
		t.Error("a round on a closed database says nothing")
	}
}

func TestHousekeepingGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stackhook.db")
	s := storetest.Open(t, path)
	stack := storetest.Stack(t, s, "a")
	run := storetest.Run(t, s, stack).Run
	w := storetest.Webhook(t, s, stack, "https://example.com/", "")
	late := storetest.Run(t, s, stack).Deliveries[0]
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`DROP TABLE sessions; UPDATE runs SET updated_at = 1 WHERE id = ?; UPDATE webhooks SET deleted_at = 1 WHERE id = ?`, run.ID, w.ID); err != nil {
		t.Fatal(err)
	}
	house := newHousekeeper(settings{}, s, slog.New(slog.NewTextHandler(io.Discard, nil)))
	var retired time.Time
	if err := house.round(t.Context(), &retired); err == nil || retired.IsZero() {
		t.Errorf("retired at %v, %v", retired, err)
	}
	if _, err := s.Run(t.Context(), stack, run.ID); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("an old run: %v", err)
	}
	if d, err := s.Delivery(t.Context(), stack, late); err != nil || d.Reason != models.ReasonWebhookDeleted {
		t.Errorf("a delivery to a deleted webhook: %+v, %v", d, err)
	}
}
