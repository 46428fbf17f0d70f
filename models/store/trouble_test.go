package store_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// troubles are pragmas of the connection that writes, and what they are like.
var troubles = map[string]string{
	"a full disk":          `PRAGMA max_page_count = 1`, // that is: no more than there are
	"a read-only database": `PRAGMA query_only = on`,
}

// fill reports runs until one is refused, and returns how many were accepted.
func fill(t *testing.T, s *store.Store, stack models.Stack) (accepted int, err error) {
	t.Helper()
	branch := strings.Repeat("b", models.MaxRunText) // pages fill sooner
	for range 500 {
		if _, err := s.StartRun(t.Context(), stack, models.RunReport{Branch: &branch}); err != nil {
			return accepted, err
		}
		accepted++
	}
	return accepted, nil
}

func TestNothingIsLostWhileNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	for name, pragma := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "stackhook.db")
			s := storetest.Open(t, path)
			stack := storetest.Stack(t, s, "a")
			storetest.Webhook(t, s, stack, "https://example.com/", "")
			sent := storetest.Run(t, s, stack)
			job := storetest.Claim(t, s, "me")[0]
			if err := store.Exec(s, `VACUUM`); err != nil { // with free pages in the file the disk is not full
				t.Fatal(err)
			}

			end, err := store.BeginTrouble(s, path, pragma)
			if err != nil {
				t.Fatal(err)
			}
			accepted, err := fill(t, s, stack)
			if !errors.Is(err, models.ErrUnavailable) {
				t.Fatalf("after %d runs: %v", accepted, err)
			}
			// Each write says so, and changes nothing; what was written is read.
			id := models.NewID(time.Now())
			for what, err := range map[string]error{
				"a run":     second(s.StartRun(t.Context(), stack, models.RunReport{ID: &id, Branch: longText()})),
				"a webhook": second(s.CreateWebhook(t.Context(), storetest.Shell, stack, models.WebhookForm{Endpoint: "https://example.org/" + strings.Repeat("p", 2000)})),
				"a result":  second(s.RecordAttempt(t.Context(), "me", bulky(job), store.Outcome{Status: models.Delivered})),
			} {
				if !errors.Is(err, models.ErrUnavailable) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if d := delivery(t, s, stack, sent.Deliveries[0]); d.Status != models.Pending || d.Attempt != 1 {
				t.Errorf("a refused result changed its delivery: %+v", d)
			}
			if _, err := s.Run(t.Context(), stack, id); !errors.Is(err, models.ErrNotFound) {
				t.Errorf("a refused run is there: %v", err)
			}

			// It goes on by itself: what was refused is done, and what was accepted is still there.
			end()
			if rec, err := s.StartRun(t.Context(), stack, models.RunReport{ID: &id, Branch: longText()}); err != nil || rec.Repeated {
				t.Errorf("%+v, %v", rec, err)
			}
			if _, err := s.RecordAttempt(t.Context(), "me", bulky(job), store.Outcome{Status: models.Delivered}); err != nil {
				t.Error(err)
			}
			if d := delivery(t, s, stack, sent.Deliveries[0]); d.Status != models.Delivered {
				t.Errorf("%+v", d)
			}
			if jobs := storetest.Claim(t, s, "me"); len(jobs) != accepted+1 {
				t.Errorf("%d deliveries are due, accepted were %d and one", len(jobs), accepted)
			}
		})
	}
}

// longText needs pages of its own.
func longText() *string {
	text := strings.Repeat("x", models.MaxRunText)
	return &text
}

// bulky is an attempt of a job that needs pages of its own.
func bulky(j store.Job) models.Attempt {
	return models.Attempt{
		DeliveryID: j.Delivery.ID, Number: j.Delivery.Attempt, StartedAt: time.Now(), Code: 200,
		Exchange: models.Exchange{ResponseBody: make([]byte, 16<<10)},
	}
}
