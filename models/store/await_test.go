package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// A delivery that another process sends is seen to end within a second, and one of this process at once.
func TestAwaitEnd(t *testing.T) {
	t.Parallel()
	for name, within := range map[string]time.Duration{"this process": 0, "another process": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "stackhook.db")
				s := storetest.Open(t, path)
				sender := s
				if name == "another process" {
					sender = storetest.Open(t, path)
				}
				stack := storetest.Stack(t, s, "a")
				w := storetest.Webhook(t, s, stack, "https://example.com/", "")
				test := sendTest(t, s, stack, w)
				jobs := storetest.Claim(t, sender, "me")
				time.AfterFunc(3500*time.Millisecond, func() { record(t, sender, "me", jobs[0], store.Outcome{Status: models.Delivered}) })
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
				defer cancel()
				d, err := s.AwaitEnd(ctx, stack, test.ID)
				if took := time.Since(began) - 3500*time.Millisecond; err != nil || d.Status != models.Delivered || took > within {
					t.Errorf("seen after %v as %s, %v; want it within %v", took, d.Status, err, within)
				}
			})
		})
	}
}
